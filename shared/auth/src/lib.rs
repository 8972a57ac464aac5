//! Credentials from AWS Secrets Manager and access tokens from Entra ID.
//!
//! [`Connections`] opens a connection by its id: it reads the secret
//! `dynamics365/connections/{id}`, and gives a [`Connection`] whose [`dataverse::Client`] gets its
//! tokens from a cache. However many callers wait, one request goes to Entra ID; tokens are
//! renewed ahead of their end; and when Entra ID says that the secret is wrong or has expired, the
//! secret is read again before anybody hears of it, so that a rotation heals by itself.

mod connection;
mod credentials;
mod entra;
mod secrets;
mod tokens;

pub use connection::{Connection, ConnectionError, Connections};
pub use credentials::{ConnectionId, Credentials, CredentialsError, InvalidConnectionId};
pub use entra::{Entra, EntraError, Fault};
pub use secrets::{SecretError, Secrets};
pub use tokens::TokenError;

use url::Url;

/// Where the bundle may talk to.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The one address besides Microsoft's own that may be an instance, and Entra ID for it: the
    /// local emulator's. Unset in production.
    pub local: Option<Url>,
}

impl Environment {
    /// Reads `DATAVERSE_LOCAL_URL`. Text that is no address counts as unset, and is logged.
    pub fn from_variables() -> Environment {
        let text = std::env::var("DATAVERSE_LOCAL_URL").unwrap_or_default();
        if text.is_empty() {
            return Environment::default();
        }
        match Url::parse(&text) {
            Ok(url) => Environment { local: Some(url) },
            Err(error) => {
                tracing::error!(%error, "DATAVERSE_LOCAL_URL is not an address");
                Environment::default()
            }
        }
    }
}
