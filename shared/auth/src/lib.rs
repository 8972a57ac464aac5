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
mod graph;
mod secrets;
mod tokens;

pub use connection::{Connection, ConnectionError, Connections};
pub use credentials::{ConnectionId, Credentials, CredentialsError, InvalidConnectionId};
pub use entra::{Entra, EntraError, Fault};
pub use graph::{Graph, GraphError};
pub use secrets::{SecretError, Secrets};
pub use tokens::TokenError;

use dataverse::InstanceUrl;
use url::Url;

/// Where the bundle may talk to.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The addresses besides Microsoft's own that may be an instance, and Entra ID and Microsoft
    /// Graph for it: those of local emulators. None in production.
    pub local: Vec<Url>,
}

impl Environment {
    /// One local emulator.
    pub fn local(url: Url) -> Environment {
        Environment { local: vec![url] }
    }

    /// Reads `DATAVERSE_LOCAL_URL`: one address, or several with commas. Text that is no address
    /// counts as unset, and is logged.
    pub fn from_variables() -> Environment {
        let text = std::env::var("DATAVERSE_LOCAL_URL").unwrap_or_default();
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        let parsed = addresses.map(Url::parse).filter_map(|address| {
            address
                .inspect_err(|error| tracing::error!(%error, "DATAVERSE_LOCAL_URL is no address"))
                .ok()
        });
        Environment { local: parsed.collect() }
    }

    /// The local emulator that this instance is.
    fn emulator(&self, instance: &InstanceUrl) -> Option<String> {
        let origins = self.local.iter().map(|url| url.origin().ascii_serialization());
        origins.into_iter().find(|origin| origin == instance.as_str())
    }
}
