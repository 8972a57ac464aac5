//! `connect`: sets a connection up, or changes it.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::view::View;
use crate::api::Api;
use crate::arguments::Connect;
use crate::ask;
use crate::error::CliError;
use crate::print::print;

/// Asks for the credentials, has them tried, and shows the organization that they lead to. Where they
/// do not work, nothing was changed, and the error says which step of the set-up is at fault.
pub(crate) async fn connect(api: &Api, given: Connect) -> Result<bool, CliError> {
    let text = |given: Option<String>, question: &str| match given {
        Some(text) => Ok(text),
        None => ask::line(question),
    };
    let tenant_id = text(given.tenant_id, "Tenant id (set-up step 1)")?;
    let client_id = text(given.client_id, "Application (client) id (step 2)")?;
    let secret = ask::secret("Client secret, its Value (step 3)")?;
    let instance_url = text(given.instance_url, "Environment URL (step 5)")?;
    let expiry = match given.secret_expires_on {
        Some(day) => Some(day.to_string()),
        None => ask::optional_line("Last day of the secret, such as 2028-11-30 (may be empty)")?,
    };
    let label = match given.label {
        Some(label) => Some(label),
        None => ask::optional_line("What people call it (may be empty)")?,
    };
    let secret = secret.expose_secret().to_owned();
    let mut form = json!({});
    for (name, value) in [
        ("tenant_id", Some(tenant_id)),
        ("client_id", Some(client_id)),
        ("client_secret", Some(secret)),
        ("instance_url", Some(instance_url)),
        ("secret_expires_on", expiry),
        ("label", label),
    ] {
        // What is left out stays as it is.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            form[name] = value.into();
        }
    }
    let path = format!("/v1/connections/{}", given.connection.id);
    let view: View = api.put(&path, form).await?;
    view.print();
    print("Stored. The tools use it from now on.");
    Ok(view.is_well())
}
