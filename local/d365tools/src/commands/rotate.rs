//! `rotate`: a new client secret for a connection.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::encoded;
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
    // A date of the old secret would be wrong.
    let form = json!({"client_secret": secret.expose_secret(), "secret_expires_on": expiry});
    let path = format!("/v1/connections/{}", encoded(&given.connection.id));
    let view: View = api.put(&path, form).await?;
    view.print();
    print(
        "Stored. Delete the old secret in ten minutes at the earliest: until then it may be in use.",
    );
    Ok(view.is_well())
}
