//! The names of the bundle's secrets.

use crate::ConnectionId;

/// The names of a deployment's secrets. They all begin with its prefix. Two deployments in one AWS
/// account have different prefixes, so that neither reads or overwrites a secret of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNames {
    prefix: String,
}

/// The prefix where none is set: that of the local stack, and of deployments before there was one.
const DEFAULT_PREFIX: &str = "dynamics365";

impl Default for SecretNames {
    fn default() -> SecretNames {
        SecretNames::new(DEFAULT_PREFIX)
    }
}

impl SecretNames {
    /// Names that begin with `{prefix}/`.
    pub fn new(prefix: impl Into<String>) -> SecretNames {
        SecretNames { prefix: prefix.into() }
    }

    /// The names that the environment variable `SECRETS_PREFIX` asks for. The template sets it.
    pub fn from_environment() -> SecretNames {
        let prefix = std::env::var("SECRETS_PREFIX").ok().filter(|prefix| !prefix.is_empty());
        prefix.map_or_else(SecretNames::default, SecretNames::new)
    }

    /// The secret that holds the credentials of this connection.
    pub fn connection(&self, id: &ConnectionId) -> String {
        format!("{}{id}", self.connections())
    }

    /// How the secrets of all connections begin.
    pub fn connections(&self) -> String {
        format!("{}/connections/", self.prefix)
    }

    /// The secret that holds the hashes of the first API keys.
    pub fn api_keys(&self) -> String {
        format!("{}/api-keys", self.prefix)
    }

    /// The secret that holds the key with which short-lived records are sealed.
    pub fn sealing_key(&self) -> String {
        format!("{}/sealing-key", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_begins_with_the_prefix() {
        let names = SecretNames::new("dynamics365/test");
        assert_eq!(names.api_keys(), "dynamics365/test/api-keys");
        let id = ConnectionId::fallback();
        assert_eq!(names.connection(&id), "dynamics365/test/connections/default");
        assert_eq!(SecretNames::default().connection(&id), "dynamics365/connections/default");
    }
}
