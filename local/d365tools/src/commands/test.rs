//! `test`: whether a connection works.

use serde_json::json;

use super::encoded;
use super::view::View;
use crate::api::Api;
use crate::error::CliError;

/// Tests the connection with this id, and shows what was found.
pub(crate) async fn test(api: &Api, id: &str) -> Result<bool, CliError> {
    let path = format!("/v1/connections/{}/test", encoded(id));
    let view: View = api.post(&path, json!({})).await?;
    view.print();
    Ok(view.is_well())
}
