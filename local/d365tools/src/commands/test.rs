//! `test`: whether a connection works.

use auth::ConnectionId;
use serde_json::json;

use super::view::View;
use crate::api::Api;
use crate::error::CliError;

/// Tests the connection with this id, and shows what was found.
pub(crate) async fn test(api: &Api, id: &ConnectionId) -> Result<bool, CliError> {
    let path = format!("/v1/connections/{}/test", id);
    let view: View = api.post(&path, json!({})).await?;
    view.print();
    Ok(view.is_well())
}
