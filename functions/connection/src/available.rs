use auth::ConnectionId;
use crm::labels::Choice as _;
use crm::record::RecordType;
use serde_json::json;
use toolkit::{Reply, ToolError};

use crate::{Request, columns};

/// Lists the columns of a table that can be added to the sidebar.
pub(crate) async fn available(
    mut request: Request<'_>,
    id: ConnectionId,
) -> Result<Reply, ToolError> {
    let parameters = request.incoming.parameters(&["table"])?;
    let table = parameters.get("table").and_then(|table| RecordType::from_label(table));
    let table = table.ok_or_else(|| {
        ToolError::invalid("table", "must be contact, account, lead, opportunity or case")
    })?;
    let session = request.session(&id).await?;
    let tables = columns::of_tables(&session, &[table]).await?;
    let fields = tables.into_iter().next().unwrap_or_default();
    Ok(Reply::ok(json!({ "table": table, "fields": fields })))
}
