use std::borrow::Cow;

use auth::health::{Occasion, Standing};
use auth::{
    ChangeError, ConnectionError, CredentialsChange, CredentialsForm, ExpirySource, LONGEST_LABEL,
    SecretError, inspect,
};
use http::{Method, StatusCode};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use state::EntryKind;
use toolkit::operation::{InPath, Json, NoParameters, Section};
use toolkit::{
    Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope, ToolError, WriteState,
};

use crate::known::{self, Registered};
use crate::view::View;
use crate::{Administration, look};

/// The given last day of the client secret, which must not be over. Whatever else is wrong has a cause
/// of its own.
fn expiry(form: &CredentialsForm, now: Timestamp) -> Result<Option<Date>, ToolError> {
    let Some(text) = form.expiry() else { return Ok(None) };
    // jiff also reads other ways of ISO 8601 to write a date, which nobody means here.
    let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    let date = date.ok_or_else(|| {
        ToolError::invalid("secret_expires_on", "must be a date such as 2027-12-01")
    })?;
    if date < today(now) {
        return Err(ToolError::invalid(
            "secret_expires_on",
            "must not be in the past: give the last day of the client secret that is used from now on",
        ));
    }
    Ok(Some(date))
}

/// Checks what people are to call the connection.
fn label(change: &CredentialsChange) -> Result<(), ToolError> {
    let label = change.label().unwrap_or_default().trim();
    let is_line = !label.chars().any(char::is_control);
    if is_line && label.chars().count() <= LONGEST_LABEL {
        return Ok(());
    }
    let problem = format!("must be one line of at most {LONGEST_LABEL} characters");
    Err(ToolError::invalid("label", problem))
}

fn today(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

/// The portal makes no client secret that lasts longer. A day more is for the time zones.
fn is_far(expiry: Option<Date>, now: Timestamp) -> bool {
    let latest = today(now).checked_add(Span::new().months(24).days(1)).ok();
    expiry.zip(latest).is_some_and(|(expiry, latest)| expiry > latest)
}

const FAR: &str = "secret_expires_on is more than 24 months away, and the portal makes no client \
    secret that lasts that long. Make sure of the date, because alerts rely on it.";

/// The error for a request that does not come to whole credentials.
fn incomplete(error: ChangeError) -> ToolError {
    ToolError::new(ErrorCode::InvalidArguments, error.to_string())
        .next_step(
            "A new connection needs tenant_id, client_id, client_secret and instance_url; \
             secret_expires_on and label may be given. In a change, what is left out stays.",
        )
        .write(WriteState::NotHappened)
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
    const SCOPE: Option<Scope> = Some(Scope::Admin);
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
    type Body = Json<CredentialsChange>;
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
        let (id, Json(change)) = (&request.about, request.body);
        let connections = &home.connections;
        let now = Timestamp::now();
        let unread = |error| not_stored(ConnectionError::Secret(error).into());
        let (stored, version) = connections.stored(id).await.map_err(unread)?;
        let is_dated = change.has_expiry();
        label(&change)?;
        let form = change.applied_to(stored, connections.environment()).map_err(incomplete)?;
        // A date that is stored already may be over.
        let expiry = if is_dated { expiry(&form, now)? } else { None };
        let credentials = form
            .parse(connections.environment())
            .map_err(|error| not_stored(ConnectionError::Credentials(error).into()))?;

        let trial = connections.trial(id, credentials);
        let session = trial.client().session(request.incoming.deadline);
        request.call.session = Some(session.clone());
        let found = inspect(&trial, &connections.graph(), &session).await;
        let mut inspection = found.map_err(|error| not_stored(error.into()))?;

        // The trial took a while. What somebody else has stored meanwhile must not get lost.
        if connections.stored(id).await.map_err(unread)?.1 != version {
            return Err(changed_meanwhile());
        }
        match connections.store(id, &form).await {
            Err(SecretError::Exists { .. }) => return Err(changed_meanwhile()),
            stored => stored.map_err(known::secret_not_changed)?,
        }
        let credentials = trial.credentials();
        let occasion = Occasion::SetUp;
        let registered =
            known::register(home, id, &credentials, &mut inspection, occasion, is_dated, now).await;
        let noted = match &registered {
            Ok((_, registration)) => {
                let finding = inspection.finding(home.needs.missing(&inspection.privileges));
                known::remember(home, registration, &finding, occasion, now).await.is_ok()
            }
            Err(_) => false,
        };

        // What Microsoft Graph says counts more than what was given.
        let is_far = is_far(expiry, now) && inspection.secret.source() == ExpirySource::Given;
        let registration = registered.as_ref().ok().map(|(_, registration)| registration);
        let hints = look::hints(&inspection, registration, noted).chain(is_far.then_some(FAR));
        let view = View::of(id, Some(&credentials), Standing::Healthy, now)
            .with_inspection(&inspection, &home.tools)
            .with_hints(hints);
        let is_new = matches!(registered, Ok((Registered::New, _)));
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Done::new(view).with_status(status))
    }
}

/// The error if somebody else changed the connection while the credentials were tried.
fn changed_meanwhile() -> ToolError {
    ToolError::new(
        ErrorCode::VersionConflict,
        "somebody else has changed the connection while this was tried",
    )
    .next_step("Nothing was stored. Look at the connection, and send the change again.")
    .write(WriteState::NotHappened)
}

/// The error if the credentials do not work, or if that could not be found out.
fn not_stored(error: ToolError) -> ToolError {
    let error = if error.code().is_retryable() {
        error.next_step(
            "Nothing was stored. Try again shortly; if it goes on, do what admin_action says, where \
             there is one.",
        )
    } else if error.code() == ErrorCode::ConnectionBroken {
        error.next_step("Nothing was stored. Do what admin_action says, and send the set-up again.")
    } else {
        error
    };
    error.write(WriteState::NotHappened)
}
