//! Credentials from AWS Secrets Manager and access tokens from Entra ID.
//!
//! [`Connections`] opens a connection by its id: it reads the secret
//! `dynamics365/connections/{id}`, and gives a [`Connection`] whose [`dataverse::Client`] gets its
//! tokens from a cache. However many callers wait, one request goes to Entra ID; tokens are
//! renewed ahead of their end; and when Entra ID says that the secret is wrong or has expired, the
//! secret is read again before anybody hears of it, so that a rotation heals by itself.
//!
//! A brake keeps what is broken from costing every call: credentials that were refused are not sent
//! again for 30 seconds, a secret is read at most every 5, and what was read stays in use for a day
//! while it cannot be read again ([`Kept`]). All of it per process and connection; a trial has none,
//! and [`Connections::forget`] takes it away.

mod connection;
mod credentials;
mod entra;
mod graph;
mod kept;
mod secrets;
mod stand_in;
mod tokens;

pub use connection::{Connection, ConnectionError, Connections};
pub use credentials::{ConnectionId, Credentials, CredentialsError, InvalidConnectionId};
pub use entra::{Entra, EntraError, Fault};
pub use graph::{Graph, GraphError};
pub use kept::{Failure, Kept};
pub use secrets::{SecretError, Secrets};
pub use stand_in::stand_in;
pub use tokens::TokenError;

use std::sync::Arc;

use dataverse::InstanceUrl;
use url::Url;

/// Where the bundle may talk to.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The addresses besides Microsoft's own that may be an instance, and Entra ID and Microsoft
    /// Graph for it: those of local emulators. None in production.
    pub local: Arc<[Url]>,
}

impl Environment {
    /// One local emulator.
    pub fn local(url: Url) -> Environment {
        Environment { local: [url].into() }
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
        // Whatever begins otherwise is another one.
        let near = self.local.iter().filter(|url| url.as_str().starts_with(instance.as_str()));
        let mut origins = near.map(|url| url.origin().ascii_serialization());
        origins.find(|origin| origin == instance.as_str())
    }
}
