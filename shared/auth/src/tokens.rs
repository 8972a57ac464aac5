//! The token cache: one request to Entra ID, however many callers wait.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dataverse::{AccessToken, TokenSource};
use futures::future::{BoxFuture, FutureExt as _};
use parking_lot::RwLock;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::{
    ConnectionId, Credentials, CredentialsError, Entra, EntraError, Environment, Fault,
    SecretError, Secrets,
};

/// A token is renewed this long before it ends.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// A request to Entra ID that has not been answered by now is given up.
const PATIENCE: Duration = Duration::from_secs(8);

/// The waits before Entra ID is asked again after it was busy.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Entra ID gave none.
    #[error(transparent)]
    Entra(#[from] EntraError),
    /// The credentials could not be read again.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The credentials that were read again are malformed.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The deadline passed while another caller was asking Entra ID.
    #[error("the deadline passed before Entra ID answered")]
    Deadline,
}

#[derive(Clone)]
struct Cached {
    token: AccessToken,
    renew_at: Instant,
    ends_at: Instant,
}

/// The tokens of one connection.
pub(crate) struct Tokens {
    id: ConnectionId,
    entra: Entra,
    /// Where the credentials are read again when Entra ID refuses them; nowhere on trial.
    secrets: Option<Secrets>,
    environment: Environment,
    credentials: RwLock<Arc<Credentials>>,
    cached: RwLock<Option<Cached>>,
    /// Held while Entra ID is asked. Inside: when it last failed, and how, for those who waited.
    asking: Mutex<Option<(Instant, TokenError)>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("connection", &self.id).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn new(
        id: ConnectionId,
        credentials: Credentials,
        entra: Entra,
        secrets: Option<Secrets>,
        environment: Environment,
    ) -> Tokens {
        Tokens {
            id,
            entra,
            secrets,
            environment,
            credentials: RwLock::new(Arc::new(credentials)),
            cached: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// The credentials as last read.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        self.credentials.read().clone()
    }

    fn cached(&self) -> Option<Cached> {
        self.cached.read().clone().filter(|cached| Instant::now() < cached.ends_at)
    }

    async fn get(&self, deadline: Instant) -> Result<AccessToken, TokenError> {
        let asked_at = Instant::now();
        let mut asking = match self.cached() {
            Some(cached) if asked_at < cached.renew_at => return Ok(cached.token),
            // Still good: one caller renews it, the others go on with it.
            Some(cached) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(cached.token),
            },
            None => {
                timeout_at(deadline, self.asking.lock()).await.map_err(|_| TokenError::Deadline)?
            }
        };
        // Somebody else may have asked while this caller waited.
        match (self.cached(), &*asking) {
            (Some(cached), _) if Instant::now() < cached.renew_at => return Ok(cached.token),
            (_, Some((failed_at, error))) if *failed_at >= asked_at => return Err(error.clone()),
            _ => {}
        }
        match self.ask(deadline).await {
            Ok(token) => {
                *asking = None;
                Ok(token)
            }
            Err(error) => {
                *asking = Some((Instant::now(), error.clone()));
                // What is still good outlives a bad moment of Entra ID.
                match self.cached() {
                    Some(cached) if is_transient(&error) => Ok(cached.token),
                    _ => Err(error),
                }
            }
        }
    }

    /// Asks Entra ID; once more with credentials read anew, if it blames those at hand.
    async fn ask(&self, deadline: Instant) -> Result<AccessToken, TokenError> {
        let credentials = self.credentials();
        match (self.grant(&credentials, deadline).await, &self.secrets) {
            (Err(TokenError::Entra(error)), Some(secrets)) if error.blames_credentials() => {
                let text = secrets.text(&self.id.secret_name()).await?;
                let anew = Credentials::parse(text.expose_secret(), &self.environment)?;
                if same(&credentials, &anew) {
                    return Err(error.into());
                }
                tracing::info!(connection = %self.id, "the credentials changed and were read again");
                let anew = Arc::new(anew);
                *self.credentials.write() = anew.clone();
                self.grant(&anew, deadline).await
            }
            (result, _) => result,
        }
    }

    async fn grant(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<AccessToken, TokenError> {
        let mut waits = WAITS.iter();
        loop {
            let started = Instant::now();
            let error = match self.entra.grant(credentials, deadline.min(started + PATIENCE)).await
            {
                Ok(grant) => {
                    let ends_at = started + grant.expires_in;
                    // A token that lives shorter than that is renewed half-way.
                    let renew_at =
                        started + grant.expires_in.saturating_sub(AHEAD).max(grant.expires_in / 2);
                    let token = grant.token;
                    *self.cached.write() = Some(Cached { token: token.clone(), renew_at, ends_at });
                    return Ok(token);
                }
                Err(error) => error,
            };
            let wait = match (error.fault, waits.next()) {
                (Fault::Unavailable, Some(wait)) => error.retry_after.unwrap_or(*wait),
                _ => return Err(error.into()),
            };
            if Instant::now() + wait >= deadline {
                return Err(error.into());
            }
            tokio::time::sleep(wait).await;
        }
    }
}

fn is_transient(error: &TokenError) -> bool {
    match error {
        TokenError::Entra(error) => error.fault == Fault::Unavailable,
        TokenError::Secret(error) => matches!(error, SecretError::Unavailable { .. }),
        TokenError::Deadline => true,
        TokenError::Credentials(_) => false,
    }
}

pub(crate) fn same(one: &Credentials, other: &Credentials) -> bool {
    one.tenant_id == other.tenant_id
        && one.client_id == other.client_id
        && one.instance_url == other.instance_url
        && one.client_secret.expose_secret() == other.client_secret.expose_secret()
}

impl TokenSource for Tokens {
    fn token(
        &self,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AccessToken, Arc<dyn StdError + Send + Sync>>> {
        async move {
            self.get(deadline)
                .await
                .map_err(|error| Arc::new(error) as Arc<dyn StdError + Send + Sync>)
        }
        .boxed()
    }

    fn rejected(&self, token: &AccessToken) {
        let mut cached = self.cached.write();
        if cached.as_ref().is_some_and(|cached| cached.token == *token) {
            *cached = None;
        }
    }
}
