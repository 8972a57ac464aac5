use auth::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use toolkit::{Reply, ToolError, WriteState};

use crate::{Request, look, table};

/// How long AWS keeps a deleted secret.
const RECOVERABLE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Removes a connection. Its secret can be restored for seven days: by AWS's restore-secret, or by
/// setting the connection up again.
pub(crate) async fn remove(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    let known = request.state().connection(&id).await.map_err(table::failed)?;
    let secrets = request.connections().secrets();
    let is_there = secrets.text(&id.secret_name()).await.is_ok();
    if known.is_none() && !is_there {
        return Err(look::gone());
    }
    secrets.delete(&id.secret_name()).await.map_err(|error| {
        let refused = matches!(error, auth::SecretError::NotWritable { .. });
        let write = if refused { WriteState::NotHappened } else { WriteState::Unknown };
        ToolError::from(auth::ConnectionError::Secret(error)).write(write)
    })?;
    request.connections().forget(&id);
    request.state().remove_connection(&id).await.map_err(table::failed)?;
    let until = Timestamp::now().checked_add(RECOVERABLE).ok();
    Ok(Reply::ok(json!({ "id": id.as_str(), "removed": true, "recoverable_until": until })))
}
