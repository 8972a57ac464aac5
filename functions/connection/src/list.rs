use serde_json::{Value, json};
use state::{Connection, Health, Status};
use toolkit::{Reply, ToolError};

use crate::{Request, table};

/// Lists the connections that the caller's key is bound to, as they were when last checked.
pub(crate) async fn list(request: Request<'_>) -> Result<Reply, ToolError> {
    let state = request.state();
    let connections = state.connections().await.map_err(table::failed)?;
    let mut list = Vec::new();
    for connection in connections {
        if request.caller.authorize_connection(&connection.id).is_ok() {
            let health = state.health(&connection.id).await.map_err(table::failed)?;
            list.push(entry(&connection, health.as_ref()));
        }
    }
    Ok(Reply::ok(json!({ "connections": list })))
}

fn entry(connection: &Connection, health: Option<&Health>) -> Value {
    let (state, cause, step) = match health.map(|health| &health.status) {
        Some(Status::Healthy) => ("healthy", None, None),
        Some(Status::Broken { cause, step, .. }) => ("broken", Some(cause), *step),
        None => ("unknown", None, None),
    };
    let expires_on = health.and_then(|health| health.secret.expires_on());
    json!({
        "id": connection.id.as_str(),
        "label": connection.label,
        "organization": connection.organization.as_ref().map(|organization| &organization.name),
        "instance_url": connection.instance_url,
        "state": state,
        "cause": cause,
        "set_up_step": step,
        "checked_at": health.map(|health| health.checked_at),
        "secret_expires_on": expires_on.or(connection.secret_expires_on),
    })
}
