use std::borrow::Cow;
use std::fmt;

use auth::Credentials;
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use state::Kind;
use toolkit::inspection::inspect;
use toolkit::operation::{InPath, Json, NoParameters, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError, WriteState};

use crate::known::{self, Occasion, Registered};
use crate::view::View;
use crate::{Administration, look};

/// What an administrator enters. An empty text is answered like a wrong one: with the set-up step
/// that it comes from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    tenant_id: String,
    client_id: String,
    #[schemars(with = "String", extend("format" = "password", "writeOnly" = true))]
    client_secret: SecretString,
    instance_url: String,
    /// A date such as 2027-12-01. Empty where it is not known.
    #[schemars(extend("pattern" = "^\\s*([0-9]{4}-[0-9]{2}-[0-9]{2})?\\s*$"))]
    secret_expires_on: Option<String>,
    label: Option<String>,
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Form").finish_non_exhaustive()
    }
}

impl Form {
    /// Refuses what no set-up step asks for; those have causes of their own.
    fn check(&self) -> Result<(), ToolError> {
        let date = self.secret_expires_on.as_deref().map_or("", str::trim);
        // Other ways of ISO 8601 to write a date are understood as well, and meant by nobody.
        if date.is_empty() || (date.len() == 10 && date.parse::<Date>().is_ok()) {
            return Ok(());
        }
        Err(ToolError::invalid("secret_expires_on", "must be a date such as 2027-12-01"))
    }

    /// As it is kept in Secrets Manager.
    fn secret(&self) -> SecretString {
        let text = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut secret = json!({
            "tenant_id": self.tenant_id.trim(),
            "client_id": self.client_id.trim(),
            "client_secret": self.client_secret.expose_secret().trim(),
            "instance_url": self.instance_url.trim(),
        });
        if let Some(date) = text(&self.secret_expires_on) {
            secret["secret_expires_on"] = date.into();
        }
        if let Some(label) = text(&self.label) {
            secret["label"] = label.into();
        }
        SecretString::from(secret.to_string())
    }
}

/// Tries credentials, and stores them if they work. Else nothing changes, and what was stored
/// before goes on working.
pub(crate) struct SetUpConnection;

impl Operation for SetUpConnection {
    const ID: &'static str = "set_up_connection";
    const TITLE: &'static str = "Set a connection up";
    const DESCRIPTION: &'static str = "The credentials are tried first; only what works is stored.";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::PUT;
    const SCOPE: Scope = Scope::Admin;
    const EFFECT: Effect = Effect::Changes;
    const KIND: Option<Kind> = Some(Kind::SetUp);
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "It has been changed."), (StatusCode::CREATED, "It has been set up.")];
    const EXAMPLE: Example = Example {
        body: r#"{"tenant_id": "11111111-1111-1111-1111-111111111111", "client_id": "22222222-2222-2222-2222-222222222222", "client_secret": "emulator-secret", "instance_url": "http://127.0.0.1:3001", "label": "The local emulator"}"#,
        ..Example::OF_DEFAULT
    };

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Json<Form>;
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
        form.check()?;
        let secret = form.secret();
        let connections = &home.connections;
        let credentials = Credentials::parse(secret.expose_secret(), connections.environment())
            .map_err(auth::ConnectionError::Credentials)?;

        let trial = connections.trial(id, credentials);
        let session = trial.client().session(request.incoming.deadline);
        request.call.session = Some(session.clone());
        let found = inspect(&trial, &connections.graph(), &session).await;
        let inspection = found.map_err(not_stored)?;
        let credentials = trial.credentials();

        let now = Timestamp::now();
        connections.secrets().store(&id.secret_name(), secret.expose_secret()).await.map_err(
            |error| {
                let refused = matches!(error, auth::SecretError::NotWritable { .. });
                let write = if refused { WriteState::NotHappened } else { WriteState::Unknown };
                ToolError::from(auth::ConnectionError::Secret(error)).write(write)
            },
        )?;
        // The next call reads what is stored now.
        connections.forget(id);
        let registered =
            known::register(home, id, &credentials, &inspection, Occasion::SetUp, now).await;
        let noted = match &registered {
            Ok((_, connection)) => {
                known::remember(home, connection, Ok(&inspection), now).await.is_ok()
            }
            Err(_) => false,
        };

        let view = View::healthy(id, &credentials, &inspection, &home.tools, now)
            .with_hints(look::hints(&inspection, noted));
        let is_new = matches!(registered, Ok((Registered::New, _)));
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Done::new(view).with_status(status))
    }
}

/// The credentials do not work, or it could not be seen that they do.
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
