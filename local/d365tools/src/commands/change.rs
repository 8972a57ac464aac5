//! `change`: what people call a connection, and the day on which its client secret ends.

use serde_json::json;

use super::view::View;
use crate::api::Api;
use crate::arguments::ChangeConnection;
use crate::error::CliError;
use crate::print::print;

/// Changes what was given, and nothing else. The connection is tried before anything is stored.
pub(crate) async fn change(api: &Api, given: ChangeConnection) -> Result<bool, CliError> {
    let mut form = json!({});
    let day = given.secret_expires_on.map(|day| day.to_string());
    for (name, value) in [("secret_expires_on", day), ("label", given.label)] {
        if let Some(value) = value {
            form[name] = value.into();
        }
    }
    if form == json!({}) {
        return Err(CliError::NoChange);
    }
    let path = format!("/v1/connections/{}", given.connection.id);
    let view: View = api.put(&path, form).await?;
    view.print();
    print("Stored.");
    Ok(view.is_well())
}
