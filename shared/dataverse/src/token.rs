//! Where access tokens come from.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

/// A bearer token. It cannot be printed.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Wraps a token as Entra ID gave it.
    pub fn new(token: impl Into<SecretString>) -> AccessToken {
        AccessToken(token.into())
    }

    /// For the `Authorization` header, and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &AccessToken) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessToken").finish_non_exhaustive()
    }
}

/// Gives access tokens, from a cache where it can.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token that is valid now. It gives up at the deadline.
    fn token(
        &self,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AccessToken, Arc<dyn StdError + Send + Sync>>>;

    /// Dataverse answered 401 to this token: the next call must not give it again.
    fn rejected(&self, token: &AccessToken);
}
