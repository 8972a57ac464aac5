//! What the bundle keeps of a connection: its place in the list, and how it was when last looked at.

use auth::{ConnectionId, Credentials};
use jiff::Timestamp;
use serde_json::json;
use state::{Connection, Health, SecretExpiry, StateError, Status};
use toolkit::inspection::{ExpirySource, Inspection};
use toolkit::{ErrorCode, ToolError};

use crate::Administration;
use crate::table::soon;

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
pub(crate) async fn is_removed(home: &Administration, id: &ConnectionId) -> bool {
    let secret = home.connections.secrets().text(&id.secret_name()).await;
    let is_removed = matches!(secret, Err(auth::SecretError::NotFound { .. }));
    if is_removed {
        home.connections.forget(id);
    }
    is_removed
}

/// Keeps the connection in the list, as it is. One that was stored by other means than the set-up
/// is known, and watched, from the first look at it on. A failure is no reason to refuse the answer;
/// but [`StateError::Gone`] is: it has been removed.
pub(crate) async fn register(
    home: &Administration,
    id: &ConnectionId,
    credentials: &Credentials,
    inspection: &Inspection,
    occasion: Occasion,
    now: Timestamp,
) -> Result<(Registered, Connection), StateError> {
    let work = async {
        // Unknown is not new: what is there would lose the day when it was set up first.
        let known = soon(home.state.connection(id)).await?;
        let registered_at = known.as_ref().map_or(now, |known| known.registered_at);
        let anew = entry(id, credentials, inspection, registered_at, now);
        let registered = if known.is_some() { Registered::Known } else { Registered::New };
        let is_same =
            known.is_some_and(|known| Connection { updated_at: anew.updated_at, ..known } == anew);
        match (occasion, registered) {
            // Whoever removes it at this moment does not find it there again.
            (Occasion::Look, Registered::Known) if !is_same => {
                soon(home.state.renew_connection(&anew)).await?;
            }
            (Occasion::Look, Registered::Known) => {}
            (Occasion::Look, Registered::New) => {
                soon(home.state.put_connection(&anew)).await?;
                // Whoever removes a connection takes its secret away first, and its place in the
                // list then: what was put before that is taken away with it, the rest here.
                if is_removed(home, id).await {
                    soon(home.state.remove_connection(id)).await?;
                    return Err(StateError::Gone);
                }
            }
            (Occasion::SetUp, _) => soon(home.state.put_connection(&anew)).await?,
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
    home: &Administration,
    connection: &Connection,
    found: Result<&Inspection, &ToolError>,
    now: Timestamp,
) -> Result<(), StateError> {
    let work = async {
        let known = soon(home.state.health(&connection.id)).await?;
        let Some(health) = health(known.as_ref(), found, now) else { return Ok(()) };
        match soon(home.state.put_health_of(connection, health)).await {
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

/// What the list and the checks have to know; never the secret.
fn entry(
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
