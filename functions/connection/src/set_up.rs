use std::fmt;

use auth::{ConnectionId, Credentials};
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use state::{Connection, Kind};
use toolkit::inspection::{Inspection, inspect};
use toolkit::{Reply, ToolError, WriteState};

use crate::look::Occasion;
use crate::{Request, look, parameters, view};

/// What an administrator enters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    tenant_id: String,
    client_id: String,
    client_secret: SecretString,
    instance_url: String,
    secret_expires_on: Option<String>,
    label: Option<String>,
}

const FIELDS: [&str; 6] =
    ["tenant_id", "client_id", "client_secret", "instance_url", "secret_expires_on", "label"];

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
pub(crate) async fn set_up(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    request.call.kind = Some(Kind::SetUp);
    let form: Form = parameters::body(&request.incoming, &FIELDS)?;
    form.check()?;
    let secret = form.secret();
    let connections = &request.administration.connections;
    let credentials = Credentials::parse(secret.expose_secret(), connections.environment())
        .map_err(auth::ConnectionError::Credentials)?;

    let trial = connections.trial(&id, credentials);
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
    connections.forget(&id);
    let registered =
        look::register(&request, &id, &credentials, &inspection, Occasion::SetUp, now).await;
    let noted = match &registered {
        Ok((_, connection)) => {
            look::remember(&request, connection, Ok(&inspection), now).await.is_ok()
        }
        Err(_) => false,
    };

    let tools = &request.administration.tools;
    let mut body = view::healthy(&id, &credentials, &inspection, tools, now);
    view::hint(&mut body, look::hints(&inspection, noted));
    let is_new = matches!(registered, Ok((look::Registered::New, _)));
    let status = if is_new { http::StatusCode::CREATED } else { http::StatusCode::OK };
    Ok(Reply::new(status, body))
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

/// What the list and the checks have to know; never the secret.
pub(crate) fn entry(
    id: &ConnectionId,
    credentials: &Credentials,
    inspection: &Inspection,
    registered_at: Timestamp,
    now: Timestamp,
) -> Connection {
    let organization = &inspection.organization;
    Connection {
        id: id.clone(),
        label: credentials.label.clone(),
        instance_url: credentials.instance_url.as_str().to_owned(),
        tenant_id: credentials.tenant_id.clone(),
        client_id: credentials.client_id.to_string(),
        organization: organization.id.map(|id| state::Organization {
            id,
            name: organization.name.clone().unwrap_or_default(),
            version: organization.version.clone().unwrap_or_default(),
            region: organization.region.clone(),
        }),
        secret_expires_on: credentials.secret_expires_on,
        registered_at,
        updated_at: now,
    }
}
