use auth::ConnectionId;
use jiff::Timestamp;
use serde_json::json;
use state::{Cursor, Filter, StateError};
use toolkit::{Reply, ToolError};

use crate::{Request, parameters, table};

/// How many entries a page has, where nobody says, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// Shows what was done over a connection, the latest first.
pub(crate) async fn activity(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    let known = ["from", "to", "tool", "outcome", "conversation", "limit", "cursor"];
    let parameters = request.incoming.parameters(&known)?;
    let time = |name| {
        let problem = "must be a point in time such as 2026-12-01T00:00:00Z";
        parameters::parsed::<Timestamp>(&parameters, name, problem)
    };
    let filter = Filter {
        from: time("from")?,
        to: time("to")?,
        tool: parameters.get("tool").cloned(),
        outcome: parameters.get("outcome").cloned(),
        conversation: parameters.get("conversation").cloned(),
    };
    let limit = parameters::limit(&parameters, USUAL, MOST)?;
    let foreign = "must be the `next` of an earlier answer for this connection";
    let cursor = parameters::parsed::<Cursor>(&parameters, "cursor", foreign)?;
    let page = request.state().activity(&id, &filter, limit, cursor.as_ref()).await;
    let page = page.map_err(|error| match error {
        StateError::ForeignCursor => ToolError::invalid("cursor", foreign),
        error => table::failed(error),
    })?;
    Ok(Reply::ok(json!({
        "entries": page.entries,
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
}
