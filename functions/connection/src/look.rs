use auth::ConnectionId;
use jiff::Timestamp;
use serde_json::json;
use state::{Health, Kind, SecretExpiry, Status};
use toolkit::inspection::{ExpirySource, Inspection, inspect};
use toolkit::{ErrorCode, Reply, ToolError};

use crate::set_up::remembered;
use crate::{Request, view};

/// What to do where nobody knows when the secret ends.
pub(crate) const HOW_TO_KNOW_THE_EXPIRY: &str = "Nobody knows when the client secret ends. Give the application the Microsoft Graph permission \
     Application.Read.All, or set the connection up with secret_expires_on.";

/// Shows a connection as it is now.
pub(crate) async fn look(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    shown(request, &id, false).await
}

/// Tests a connection, and remembers what came of it.
pub(crate) async fn test(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    request.call.kind = Some(Kind::Check);
    shown(request, &id, true).await
}

async fn shown(
    request: Request<'_>,
    id: &ConnectionId,
    remember_it: bool,
) -> Result<Reply, ToolError> {
    let connections = &request.administration.connections;
    let now = Timestamp::now();
    // A test reads the secret anew, for it may have been changed by other means.
    if remember_it {
        connections.forget(id);
    }
    let (credentials, found) = match connections.open(id).await.map_err(ToolError::from) {
        Ok(connection) => {
            let session = connection.client().session(request.incoming.deadline);
            request.call.session = Some(session.clone());
            let found = inspect(&connection, &connections.graph(), &session).await;
            (Some(connection.credentials()), found)
        }
        Err(error) => (None, Err(error)),
    };
    if remember_it {
        remember(&request, id, found.as_ref(), now).await;
    }
    if let (Some(credentials), Ok(inspection)) = (&credentials, &found) {
        register(&request, id, credentials, inspection, now).await;
    }
    let tools = &request.administration.tools;
    let body = match (&credentials, &found) {
        (Some(credentials), Ok(inspection)) => {
            let mut body = view::healthy(id, credentials, inspection, tools, now);
            if inspection.secret.expires_on.is_none() {
                body["hints"] = json!([HOW_TO_KNOW_THE_EXPIRY]);
            }
            body
        }
        (credentials, Err(error)) => {
            if error.code() == ErrorCode::ConnectionNotFound {
                return Err(error.clone());
            }
            let request_id = &request.incoming.request_id;
            view::broken(id, credentials.as_deref(), error, request_id, now)
        }
        (None, Ok(_)) => return Err(ToolError::internal("an inspection without a connection")),
    };
    Ok(Reply::ok(body))
}

/// A connection that was stored by other means than the set-up is known, and watched, from the
/// first look at it on.
async fn register(
    request: &Request<'_>,
    id: &ConnectionId,
    credentials: &auth::Credentials,
    inspection: &Inspection,
    now: Timestamp,
) {
    let known = request.state().connection(id).await.ok().flatten();
    let registered_at = known.as_ref().map_or(now, |known| known.registered_at);
    let anew = remembered(id, credentials, inspection, registered_at, now);
    let is_same = known
        .is_some_and(|known| state::Connection { updated_at: anew.updated_at, ..known } == anew);
    if !is_same && let Err(error) = request.state().put_connection(&anew).await {
        tracing::warn!(%error, connection = %id, "the connection is not in the list");
    }
}

/// Remembers how the connection is, for the list and for the scheduled checks. A failure is no
/// reason to refuse the answer.
pub(crate) async fn remember(
    request: &Request<'_>,
    id: &ConnectionId,
    found: Result<&Inspection, &ToolError>,
    now: Timestamp,
) {
    let known = match request.state().health(id).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, connection = %id, "the connection's health is not remembered");
            return;
        }
    };
    let Some(health) = health(known.as_ref(), found, now) else { return };
    if let Err(error) = request.state().put_health(id, health).await {
        tracing::warn!(%error, connection = %id, "the connection's health is not remembered");
    }
}

/// How the connection is after this look. `None`: what was found tells nothing about it.
fn health(
    known: Option<&Health>,
    found: Result<&Inspection, &ToolError>,
    now: Timestamp,
) -> Option<Health> {
    let version = known.map_or(0, |known| known.version);
    let noticed = known.map(|known| known.noticed.clone()).unwrap_or_default();
    let pending = known.map(|known| known.pending.clone()).unwrap_or_default();
    match found {
        Ok(inspection) => Some(Health {
            status: Status::Healthy,
            checked_at: now,
            secret: expiry(inspection),
            noticed,
            pending,
            version,
        }),
        Err(error) => {
            let cause = error.connection_fault()?;
            let since = match known.map(|known| &known.status) {
                Some(Status::Broken { since, .. }) => *since,
                _ => now,
            };
            Some(Health {
                status: Status::Broken {
                    cause: json!(cause).as_str().unwrap_or_default().to_owned(),
                    step: cause.set_up_step(),
                    since,
                },
                checked_at: now,
                secret: known.map_or(SecretExpiry::Unknown, |known| known.secret),
                noticed,
                pending,
                version,
            })
        }
    }
}

fn expiry(inspection: &Inspection) -> SecretExpiry {
    match (inspection.secret.expires_on, inspection.secret.source) {
        (Some(expires_on), ExpirySource::Graph) => SecretExpiry::Graph { expires_on },
        (Some(expires_on), ExpirySource::Given) => SecretExpiry::Given { expires_on },
        _ => SecretExpiry::Unknown,
    }
}
