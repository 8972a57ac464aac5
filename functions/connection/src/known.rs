//! What the bundle keeps of a connection: its place in the list, and how it was when last looked at.

use auth::health::{Circumstances, Finding, Health, Occasion, decide};
use auth::{ConnectionError, ConnectionId, Credentials, Inspection, SecretError};
use jiff::Timestamp;
use state::{Registration, StateError};
use toolkit::{ErrorCode, ToolError, WriteState};

use crate::Administration;
use crate::table::soon;

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

/// The connection's secret was not stored or deleted.
pub(crate) fn secret_not_changed(error: SecretError) -> ToolError {
    let refused = matches!(error, SecretError::NotWritable { .. });
    let write = if refused { WriteState::NotHappened } else { WriteState::Unknown };
    ToolError::from(ConnectionError::Secret(error)).write(write)
}

/// Whether the connection has been removed: what a function holds of it works on for a while, and
/// what is then stored of it would be there for the next one of its name. Unknown is no.
pub(crate) async fn is_removed(home: &Administration, id: &ConnectionId) -> bool {
    home.connections.has_secret(id).await == Some(false)
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
) -> Result<(Registered, Registration), StateError> {
    let work = async {
        // Unknown is not new: what is there would lose the day when it was set up first.
        let known = soon(home.state.connection(id)).await?;
        let registered_at = known.as_ref().map_or(now, |known| known.registered_at);
        let anew = entry(id, credentials, inspection, registered_at, now);
        let registered = if known.is_some() { Registered::Known } else { Registered::New };
        let is_same = known
            .is_some_and(|known| Registration { updated_at: anew.updated_at, ..known } == anew);
        match (occasion, registered) {
            (Occasion::SetUp, _) => soon(home.state.put_connection(&anew)).await?,
            // Whoever removes it at this moment does not find it there again.
            (_, Registered::Known) if !is_same => {
                soon(home.state.renew_connection(&anew)).await?;
            }
            (_, Registered::Known) => {}
            (_, Registered::New) => {
                soon(home.state.put_connection(&anew)).await?;
                // Whoever removes a connection takes its secret away first, and its place in the
                // list then: what was put before that is taken away with it, the rest here.
                if is_removed(home, id).await {
                    soon(home.state.remove_connection(id)).await?;
                    return Err(StateError::Gone);
                }
            }
        }
        Ok((registered, anew))
    };
    work.await.inspect_err(|error: &StateError| {
        tracing::warn!(%error, connection = %id, "the connection is not in the list");
    })
}

/// Remembers how a connection of the list was found, for the list and for the scheduled checks, and
/// gives how it is known to be now. A failure is no reason to refuse the answer.
pub(crate) async fn remember(
    home: &Administration,
    registration: &Registration,
    finding: &Finding,
    occasion: Occasion,
    now: Timestamp,
) -> Result<Option<Health>, StateError> {
    let id = &registration.id;
    let work = async {
        let known = soon(home.state.health(id)).await?;
        let registered_at = registration.updated_at;
        let circumstances = Circumstances { occasion, now, registered_at };
        let Some(health) = decide(known.as_ref(), finding, &circumstances).health else {
            return Ok(known);
        };
        match soon(home.state.put_health_of(registration, health)).await {
            Ok(stored) => Ok(Some(stored)),
            // Somebody else has just looked, and what they found is there; or it is removed, and
            // there is nothing to be known of it.
            Err(StateError::Conflict | StateError::Gone) => Ok(known),
            Err(error) => Err(error),
        }
    };
    work.await.inspect_err(|error: &StateError| {
        tracing::warn!(%error, connection = %id, "the connection's health is not remembered");
    })
}

/// What the list and the checks have to know; never the secret.
fn entry(
    id: &ConnectionId,
    credentials: &Credentials,
    inspection: &Inspection,
    registered_at: Timestamp,
    now: Timestamp,
) -> Registration {
    let organization = &inspection.organization;
    Registration {
        id: id.clone(),
        label: credentials.label.clone(),
        instance_url: credentials.instance_url.as_str().to_owned(),
        tenant_id: credentials.tenant_id.clone(),
        client_id: credentials.client_id.to_string(),
        organization: organization.id.is_some().then(|| organization.clone()),
        secret_expires_on: credentials.secret_expires_on,
        registered_at,
        updated_at: now,
    }
}
