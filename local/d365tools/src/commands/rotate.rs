//! `rotate`: a new client secret for a connection.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::view::View;
use crate::api::Api;
use crate::arguments::Rotate;
use crate::ask;
use crate::error::CliError;
use crate::print::print;

/// Asks for the new secret, has it tried, and stores it if it works.
pub(crate) async fn rotate(api: &Api, given: Rotate) -> Result<bool, CliError> {
    let secret = ask::secret("New client secret, its Value (set-up step 3)")?;
    let expiry = match given.secret_expires_on {
        Some(day) => Some(day.to_string()),
        None => ask::optional_line("Its last day, such as 2028-11-30 (empty: unknown)")?,
    };
    // Without a date, the service forgets that of the old secret.
    let mut form = json!({"client_secret": secret.expose_secret()});
    if let Some(expiry) = expiry {
        form["secret_expires_on"] = expiry.into();
    }
    let path = format!("/v1/connections/{}", given.connection.id);
    let view: View = api.put(&path, form).await?;
    view.print();
    print(
        "Stored. Delete the old secret in ten minutes at the earliest: until then it may be in use. \
         Other connections of the same application need the new one as well.",
    );
    Ok(view.is_well())
}
