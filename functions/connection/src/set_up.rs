use std::borrow::Cow;

use auth::health::{Occasion, Standing};
use auth::{ConnectionError, CredentialsForm, inspect};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use state::EntryKind;
use toolkit::operation::{InPath, Json, NoParameters, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError, WriteState};

use crate::known::{self, Registered};
use crate::view::View;
use crate::{Administration, look};

/// Checks `secret_expires_on`, which belongs to no step of the set-up. The fields of the steps are
/// checked later, with causes of their own.
fn check(form: &CredentialsForm) -> Result<(), ToolError> {
    // The parser also takes other forms of ISO 8601, which nobody means.
    match form.expiry() {
        Some(date) if date.len() != 10 || date.parse::<Date>().is_err() => {
            Err(ToolError::invalid("secret_expires_on", "must be a date such as 2027-12-01"))
        }
        _ => Ok(()),
    }
}

/// Tries credentials, and stores them if they work. If they do not, nothing changes, and those that
/// were stored before go on working.
pub(crate) struct SetUpConnection;

impl Operation for SetUpConnection {
    const ID: &'static str = "set_up_connection";
    const TITLE: &'static str = "Set a connection up";
    const DESCRIPTION: &'static str = "The credentials are tried first; only what works is stored.";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::PUT;
    const SCOPE: Scope = Scope::Admin;
    const EFFECT: Effect = Effect::Changes;
    const KIND: Option<EntryKind> = Some(EntryKind::SetUp);
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "It has been changed."), (StatusCode::CREATED, "It has been set up.")];
    const EXAMPLE: Example = Example {
        body: r#"{"tenant_id": "11111111-1111-1111-1111-111111111111", "client_id": "22222222-2222-2222-2222-222222222222", "client_secret": "emulator-secret", "instance_url": "http://127.0.0.1:3001", "label": "The local emulator"}"#,
        ..Example::OF_DEFAULT
    };

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Json<CredentialsForm>;
    type Answer = View;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}".into()
    }
}

impl Endpoint for SetUpConnection {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, SetUpConnection>,
    ) -> Result<Done<View>, ToolError> {
        let (id, Json(form)) = (&request.about, request.body);
        check(&form)?;
        let connections = &home.connections;
        let credentials = form
            .parse(connections.environment())
            .map_err(|error| ToolError::from(ConnectionError::Credentials(error)))?;

        let trial = connections.trial(id, credentials);
        let session = trial.client().session(request.incoming.deadline);
        request.call.session = Some(session.clone());
        let found = inspect(&trial, &connections.graph(), &session).await;
        let inspection = found.map_err(|error| not_stored(error.into()))?;
        let credentials = trial.credentials();

        let now = Timestamp::now();
        connections.store(id, &form).await.map_err(known::secret_not_changed)?;
        let registered =
            known::register(home, id, &credentials, &inspection, Occasion::SetUp, now).await;
        let noted = match &registered {
            Ok((_, registration)) => {
                let finding = inspection.finding(home.needs.missing(&inspection.privileges));
                let occasion = Occasion::SetUp;
                known::remember(home, registration, &finding, occasion, now).await.is_ok()
            }
            Err(_) => false,
        };

        let view = View::of(id, Some(&credentials), Standing::Healthy, now)
            .with_inspection(&inspection, &home.tools)
            .with_hints(look::hints(&inspection, noted));
        let is_new = matches!(registered, Ok((Registered::New, _)));
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Done::new(view).with_status(status))
    }
}

/// The error if the credentials do not work, or if that could not be found out.
fn not_stored(error: ToolError) -> ToolError {
    let error = if error.code().is_retryable() {
        error.next_step(
            "Nothing was stored. Try again shortly; if it goes on, do what admin_action says, where \
             there is one.",
        )
    } else {
        error
    };
    error.write(WriteState::NotHappened)
}
