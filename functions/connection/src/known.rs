//! What the bundle keeps of a connection: its place in the list, and how it was at the last look.

use auth::health::{Circumstances, Finding, Health, Occasion, decide};
use auth::{ConnectionError, ConnectionId, Credentials, DatedSecret, Inspection, SecretError};
use jiff::Timestamp;
use state::{Registration, StateError};
use toolkit::{ErrorCode, ToolError, WriteState};

use crate::Administration;
use crate::table::soon;

/// Whether the list had the connection before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    /// The list did not have it.
    New,
    /// The list had it.
    Known,
}

/// The error for a connection that does not exist, or no longer exists.
pub(crate) fn gone() -> ToolError {
    ToolError::new(ErrorCode::ConnectionNotFound, "there is no such connection")
}

/// The error if the connection's secret could not be stored or deleted.
pub(crate) fn secret_not_changed(error: SecretError) -> ToolError {
    let refused = matches!(error, SecretError::NotWritable { .. });
    let write = if refused { WriteState::NotHappened } else { WriteState::Unknown };
    ToolError::from(ConnectionError::Secret(error)).write(write)
}

/// Whether the connection has been removed, which means that it has no secret. A function may still
/// hold its credentials, which work for a while. What is stored about it then would be left for the
/// next connection with this id. `false` if Secrets Manager does not say.
pub(crate) async fn is_removed(home: &Administration, id: &ConnectionId) -> bool {
    home.connections.has_secret(id).await == Some(false)
}

/// Stores the connection in the list as it is now. A connection that was stored by other means than
/// the set-up comes into the list at the first look at it, or at the next scheduled check. An error
/// is no reason to refuse the answer, except [`StateError::Gone`]: the connection has been removed.
///
/// From what the list knew, the inspection learns whether the date beside the client secret still is
/// that secret's. `is_dated`: somebody has just given it.
pub(crate) async fn register(
    home: &Administration,
    id: &ConnectionId,
    credentials: &Credentials,
    inspection: &mut Inspection,
    occasion: Occasion,
    is_dated: bool,
    now: Timestamp,
) -> Result<(Registered, Registration), StateError> {
    let work = async {
        // If the list does not answer, the connection does not count as new. Otherwise its entry
        // would lose the time of the first set-up.
        let known = soon(home.state.connection(id)).await?;
        let before = known.as_ref();
        let secret = if is_dated {
            DatedSecret::entered(credentials)
        } else {
            DatedSecret::found(credentials, before.and_then(|it| it.secret.as_ref()))
        };
        inspection.secret = inspection.secret.or_given(secret.expires_on());
        let organization = Some(&inspection.organization);
        let anew = Registration::new(id, credentials, secret, organization, before, now);
        let registered = if known.is_some() { Registered::Known } else { Registered::New };
        match (occasion, before) {
            (Occasion::SetUp, _) => soon(home.state.put_connection(&anew)).await?,
            // If somebody removes the connection at this moment, it does not come back.
            (_, Some(before)) if !before.says(&anew) => {
                soon(home.state.renew_connection(&anew, before)).await?;
            }
            (_, Some(_)) => {}
            (_, None) => {
                soon(home.state.add_connection(&anew)).await?;
                // A removal deletes the secret first, and then the entry in the list. If this entry
                // was put before that, it is deleted with the rest. If it was put later, it is
                // deleted here.
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

/// Stores what was found about a connection of the list, for the list and for the scheduled checks.
/// Returns how it is known to be now. An error is no reason to refuse the answer.
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
            // Either somebody else has just looked, and what they found is stored; or the
            // connection has been removed, and there is nothing to store.
            Err(StateError::Conflict | StateError::Gone) => Ok(known),
            Err(error) => Err(error),
        }
    };
    work.await.inspect_err(|error: &StateError| {
        tracing::warn!(%error, connection = %id, "the connection's health is not remembered");
    })
}
