use std::ops::Bound;

use serde_json::{Value, json};
use state::{Connection, ConnectionCursor, ConnectionPage, Health, State, StateError, Status};
use toolkit::{Grants, Reply, ToolError};

use crate::{Request, parameters, table};

/// How many connections a page has, where nobody says, and at most.
const USUAL: usize = 100;
const MOST: usize = 200;

/// Lists the connections that the caller's key is bound to, as they were when last checked.
pub(crate) async fn list(request: Request<'_>) -> Result<Reply, ToolError> {
    let parameters = request.incoming.parameters(&["limit", "cursor"])?;
    let limit = parameters::limit(&parameters, USUAL, MOST)?;
    let foreign = "must be the `next` of an earlier answer";
    let cursor = parameters::parsed::<ConnectionCursor>(&parameters, "cursor", foreign)?;
    let state = request.state();
    let page = page(state, &request.caller.connections, limit, cursor.as_ref());
    let page = page.await.map_err(table::failed)?;
    let ids: Vec<_> = page.connections.iter().map(|connection| connection.id.clone()).collect();
    let healths = state.healths(&ids).await.map_err(table::failed)?;
    let entries = page.connections.iter();
    let entries: Vec<Value> =
        entries.map(|connection| entry(connection, healths.get(&connection.id))).collect();
    Ok(Reply::ok(json!({
        "connections": entries,
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
}

/// Of a key that is bound to some, only those are read, however many others there are.
async fn page(
    state: &State,
    granted: &Grants,
    limit: usize,
    cursor: Option<&ConnectionCursor>,
) -> Result<ConnectionPage, StateError> {
    let Grants::Only(ids) = granted else {
        return state.connections_page(limit, cursor).await;
    };
    let after = cursor.map_or(Bound::Unbounded, |cursor| Bound::Excluded(cursor.last()));
    let left: Vec<_> = ids.range((after, Bound::Unbounded)).cloned().collect();
    let mut connections: Vec<Connection> = Vec::new();
    // Not each id of a key has been set up. One more tells whether there is a next page.
    for some in left.chunks(limit + 1) {
        let mut found = state.connections_of(some).await?;
        connections.extend(some.iter().filter_map(|id| found.remove(id)));
        if connections.len() > limit {
            break;
        }
    }
    let is_more = connections.len() > limit;
    connections.truncate(limit);
    let last = connections.last().filter(|_| is_more);
    let next = last.map(|connection| ConnectionCursor::after(connection.id.clone()));
    Ok(ConnectionPage { connections, next })
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
