use auth::ConnectionId;
use jiff::Timestamp;
use serde_json::json;
use state::{Health, Kind, SecretExpiry, StateError, Status};
use toolkit::inspection::{ExpirySource, Inspection, inspect};
use toolkit::{ErrorCode, PATIENCE, Reply, ToolError};

use crate::set_up::entry;
use crate::table::soon;
use crate::{Request, view};

/// What to do where nobody knows when the secret ends.
const HOW_TO_KNOW_THE_EXPIRY: &str = "Nobody knows when the client secret ends. Give the application the Microsoft Graph permission \
     Application.Read.All, or set the connection up with secret_expires_on.";

/// What to do where the table did not take what it was to note.
const NOT_NOTED: &str = "The table of the bundle did not take this down: until it answers and the \
    connection is looked at again, the list and the scheduled checks know what they knew before.";

/// What an administrator should know beside how the connection is.
pub(crate) fn hints(
    inspection: &Inspection,
    noted: bool,
) -> impl Iterator<Item = &'static str> + use<> {
    let expiry = inspection.secret.expires_on.is_none().then_some(HOW_TO_KNOW_THE_EXPIRY);
    expiry.into_iter().chain((!noted).then_some(NOT_NOTED))
}

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
            let session = session.with_patience(PATIENCE);
            request.call.session = Some(session.clone());
            let found = inspect(&connection, &connections.graph(), &session).await;
            (Some(connection.credentials()), found)
        }
        Err(error) => (None, Err(error)),
    };
    let registered = match (&credentials, &found) {
        (Some(credentials), Ok(inspection)) => {
            register(&request, id, credentials, inspection, Occasion::Look, now)
                .await
                .map(|(_, connection)| Some(connection))
        }
        _ if remember_it => soon(request.state().connection(id)).await,
        _ => Ok(None),
    };
    let noted = match registered {
        Err(StateError::Gone) => return Err(gone()),
        Err(_) => false,
        Ok(Some(connection)) if remember_it => {
            remember(&request, &connection, found.as_ref(), now).await.is_ok()
        }
        Ok(_) => true,
    };
    let tools = &request.administration.tools;
    let body = match (&credentials, &found) {
        (Some(credentials), Ok(inspection)) => {
            let mut body = view::healthy(id, credentials, inspection, tools, now);
            view::hint(&mut body, hints(inspection, noted));
            body
        }
        (credentials, Err(error)) => {
            if error.code() == ErrorCode::ConnectionNotFound {
                return Err(error.clone());
            }
            let request_id = &request.incoming.request_id;
            let mut body = view::broken(id, credentials.as_deref(), error, request_id, now);
            view::hint(&mut body, (!noted).then_some(NOT_NOTED));
            body
        }
        (None, Ok(_)) => return Err(ToolError::internal("an inspection without a connection")),
    };
    Ok(Reply::ok(body))
}

/// Why a connection is put into the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Somebody has set it up: it has changed, though it may be only the secret.
    SetUp,
    /// Somebody looks at it: it may be as the list has it.
    Look,
}

/// What the list knew of a connection before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    /// Nothing.
    New,
    /// It was there, and is as it is now.
    Known,
}

/// There is no such connection, or there is no more.
pub(crate) fn gone() -> ToolError {
    ToolError::new(ErrorCode::ConnectionNotFound, "there is no such connection")
}

/// Whether the connection has been removed: what a function holds of it works on for a while, and
/// what is then stored of it would be there for the next one of its name. Unknown is no.
pub(crate) async fn is_removed(request: &Request<'_>, id: &ConnectionId) -> bool {
    let secret = request.connections().secrets().text(&id.secret_name()).await;
    let is_removed = matches!(secret, Err(auth::SecretError::NotFound { .. }));
    if is_removed {
        request.connections().forget(id);
    }
    is_removed
}

/// Keeps the connection in the list, as it is. One that was stored by other means than the set-up
/// is known, and watched, from the first look at it on. A failure is no reason to refuse the answer;
/// but [`StateError::Gone`] is: it has been removed.
pub(crate) async fn register(
    request: &Request<'_>,
    id: &ConnectionId,
    credentials: &auth::Credentials,
    inspection: &Inspection,
    occasion: Occasion,
    now: Timestamp,
) -> Result<(Registered, state::Connection), StateError> {
    let work = async {
        // Unknown is not new: what is there would lose the day when it was set up first.
        let known = soon(request.state().connection(id)).await?;
        let registered_at = known.as_ref().map_or(now, |known| known.registered_at);
        let anew = entry(id, credentials, inspection, registered_at, now);
        let registered = if known.is_some() { Registered::Known } else { Registered::New };
        let is_same = known.is_some_and(|known| {
            state::Connection { updated_at: anew.updated_at, ..known } == anew
        });
        match (occasion, registered) {
            // Whoever removes it at this moment does not find it there again.
            (Occasion::Look, Registered::Known) if !is_same => {
                soon(request.state().renew_connection(&anew)).await?;
            }
            (Occasion::Look, Registered::Known) => {}
            (Occasion::Look, Registered::New) => {
                soon(request.state().put_connection(&anew)).await?;
                // Whoever removes a connection takes its secret away first, and its place in the
                // list then: what was put before that is taken away with it, the rest here.
                if is_removed(request, id).await {
                    soon(request.state().remove_connection(id)).await?;
                    return Err(StateError::Gone);
                }
            }
            (Occasion::SetUp, _) => soon(request.state().put_connection(&anew)).await?,
        }
        Ok((registered, anew))
    };
    work.await.inspect_err(|error: &StateError| {
        tracing::warn!(%error, connection = %id, "the connection is not in the list");
    })
}

/// Remembers how a connection of the list is, for the list and for the scheduled checks. A failure is
/// no reason to refuse the answer.
pub(crate) async fn remember(
    request: &Request<'_>,
    connection: &state::Connection,
    found: Result<&Inspection, &ToolError>,
    now: Timestamp,
) -> Result<(), StateError> {
    let work = async {
        let known = soon(request.state().health(&connection.id)).await?;
        let Some(health) = health(known.as_ref(), found, now) else { return Ok(()) };
        match soon(request.state().put_health_of(connection, health)).await {
            // Somebody else has just looked, and what they found is there; or it is removed, and
            // there is nothing to be known of it.
            Ok(_) | Err(StateError::Conflict | StateError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    };
    work.await.inspect_err(|error: &StateError| {
        let id = &connection.id;
        tracing::warn!(%error, connection = %id, "the connection's health is not remembered");
    })
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
