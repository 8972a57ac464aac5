//! The token cache: one request to Entra ID, however many callers wait.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dataverse::{AccessToken, TokenSource};
use futures::future::{BoxFuture, FutureExt as _};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::kept::Failure as _;
use crate::stored::Stored;
use crate::{ConnectionError, ConnectionId, Credentials, Entra, EntraError};

/// How long before its end a token is renewed.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// How long a request to Entra ID may take. After that it is given up.
const PATIENCE: Duration = Duration::from_secs(8);

/// The waits before Entra ID is asked again, after any error but a refusal.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// If Entra ID asks for a longer wait than this, the caller gets the error instead.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// How long refused credentials are not sent again. If Entra ID is busy and asks for a wait, it is
/// left alone for that long, but no longer than this.
const BRAKE: Duration = Duration::from_secs(30);

/// A token that Dataverse refuses is renewed at once, because it may have been revoked. If the new
/// token never worked either, the token is not at fault, and there is no other one for this long.
const RENEWAL: Duration = Duration::from_secs(30);

/// How long a caller whose credentials were refused waits for the secret to be read again.
const READING: Duration = Duration::from_secs(2);

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Entra ID gave none.
    #[error(transparent)]
    Entra(#[from] EntraError),
    /// The credentials were refused. They are no longer the connection's, and its secret holds no
    /// others that are valid.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The credentials were refused. They are no longer the connection's, which now leads to
    /// another environment. Open it again to get there.
    #[error("the connection leads to another environment by now")]
    Moved,
    /// The deadline passed while another caller was asking Entra ID.
    #[error("the deadline passed before Entra ID answered")]
    Deadline,
}

impl TokenError {
    /// The number after `AADSTS`, if Entra ID gave one.
    pub fn code(&self) -> Option<u32> {
        match self {
            TokenError::Entra(error) => error.code,
            _ => None,
        }
    }
}

#[derive(Clone)]
struct Cached {
    token: AccessToken,
    /// Whether Dataverse has accepted it.
    worked: bool,
    renew_at: Instant,
    ends_at: Instant,
}

/// The last error of Entra ID, and until when it is not asked again.
#[derive(Clone)]
struct Refusal {
    error: EntraError,
    until: Instant,
}

/// The tokens of one connection.
pub(crate) struct Tokens {
    id: ConnectionId,
    entra: Entra,
    /// Where the credentials are read again when Entra ID refuses them; `None` on trial.
    stored: Option<Stored>,
    credentials: RwLock<Arc<Credentials>>,
    cached: RwLock<Option<Cached>>,
    /// When a token was last dropped because Dataverse refused it.
    rejected: RwLock<Option<Instant>>,
    /// This is about the current credentials. New ones clear it.
    refusal: RwLock<Option<Refusal>>,
    /// Locked while Entra ID is asked. It holds when and how the last request failed, for the
    /// callers that waited.
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
        credentials: Arc<Credentials>,
        entra: Entra,
        stored: Option<Stored>,
    ) -> Tokens {
        Tokens {
            id,
            entra,
            stored,
            credentials: RwLock::new(credentials),
            cached: RwLock::default(),
            rejected: RwLock::default(),
            refusal: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// Where the tokens come from.
    pub(crate) fn entra(&self) -> &Entra {
        &self.entra
    }

    /// The credentials as last read.
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        self.credentials.read().clone()
    }

    /// Takes these credentials, if they are the same as the current ones to Entra ID. Returns
    /// whether it took them.
    pub(crate) fn take(&self, credentials: &Arc<Credentials>) -> bool {
        let known = self.credentials();
        if !Arc::ptr_eq(&known, credentials) {
            if !known.is(credentials) {
                return false;
            }
            *self.credentials.write() = Arc::clone(credentials);
        }
        true
    }

    fn cached(&self) -> Option<Cached> {
        self.cached.read().clone().filter(|cached| Instant::now() < cached.ends_at)
    }

    /// The last error of Entra ID, if it is too early to ask again.
    fn refusal(&self) -> Option<EntraError> {
        let refusal = self.refusal.read();
        let refusal = refusal.as_ref().filter(|refusal| Instant::now() < refusal.until);
        refusal.map(|refusal| refusal.error.clone())
    }

    /// Gives a token. While the cached one is still good, the caller gets no error.
    async fn get(&self, deadline: Instant) -> Result<AccessToken, TokenError> {
        let asked_at = Instant::now();
        let cached = self.cached();
        if let Some(cached) = &cached
            && asked_at < cached.renew_at
        {
            return Ok(cached.token.clone());
        }
        let meanwhile = |error: TokenError| self.cached().map(|cached| cached.token).ok_or(error);
        let refusal = self.refusal();
        let mut asking = match (&refusal, self.asking.try_lock()) {
            // Refused credentials are not sent again, but the secret may hold others by now.
            (Some(refusal), _) if !self.may_read_again() => {
                return meanwhile(refusal.clone().into());
            }
            (_, Ok(asking)) => asking,
            (Some(refusal), Err(_)) => return meanwhile(refusal.clone().into()),
            (None, Err(_)) => match &cached {
                // The token is still good: one caller renews it, and the others go on with it.
                Some(cached) => return Ok(cached.token.clone()),
                None => timeout_at(deadline, self.asking.lock())
                    .await
                    .map_err(|_| TokenError::Deadline)?,
            },
        };
        // Somebody else may have asked while this caller waited.
        match (self.cached(), &*asking) {
            (Some(cached), _) if Instant::now() < cached.renew_at => return Ok(cached.token),
            (_, Some((failed_at, error))) if *failed_at >= asked_at => {
                return meanwhile(error.clone());
            }
            _ => {}
        }
        match self.ask(refusal, deadline).await {
            Ok(token) => {
                *asking = None;
                Ok(token)
            }
            Err(error) => {
                *asking = Some((Instant::now(), error.clone()));
                meanwhile(error)
            }
        }
    }

    /// Asks Entra ID, unless it has just refused. After a refusal, this reads the secret again, and
    /// asks once more if the credentials are others by now.
    async fn ask(
        &self,
        refusal: Option<EntraError>,
        deadline: Instant,
    ) -> Result<AccessToken, TokenError> {
        let credentials = self.credentials();
        let refusal = match refusal {
            Some(refusal) => refusal,
            None => match self.grant(&credentials, deadline).await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            },
        };
        if !refusal.is_refusal() {
            return Err(refusal.into());
        }
        let Some(anew) = self.read_again(&credentials, deadline).await? else {
            return Err(refusal.into());
        };
        if anew.instance_url != credentials.instance_url {
            // A token of the other environment must not go to this one.
            return Err(TokenError::Moved);
        }
        tracing::info!(connection = %self.id, "the credentials changed and were read again");
        *self.credentials.write() = Arc::clone(&anew);
        *self.refusal.write() = None;
        Ok(self.grant(&anew, deadline).await?)
    }

    fn may_read_again(&self) -> bool {
        self.stored.as_ref().is_some_and(Stored::may_be_read)
    }

    /// Reads the secret again. Returns its credentials if they are others by now.
    async fn read_again(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Option<Arc<Credentials>>, TokenError> {
        let Some(stored) = &self.stored else { return Ok(None) };
        let until = deadline.min(Instant::now() + READING);
        match timeout_at(until, stored.again()).await {
            Ok(Some(Ok(anew))) => Ok((!credentials.is(&anew)).then_some(anew)),
            Ok(Some(Err(error))) if !error.may_pass() => Err(error.into()),
            Ok(Some(Err(error))) => {
                tracing::warn!(connection = %self.id, %error, "the secret was not read again");
                Ok(None)
            }
            // The secret was read a moment ago, or not in time.
            Ok(None) | Err(_) => Ok(None),
        }
    }

    async fn grant(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<AccessToken, EntraError> {
        let mut waits = WAITS.iter();
        loop {
            let started = Instant::now();
            let error = match self.entra.grant(credentials, deadline.min(started + PATIENCE)).await
            {
                Ok(grant) => {
                    let ends_at = started + grant.expires_in;
                    // A token that lives for less than ten minutes is renewed half-way.
                    let renew_at =
                        started + grant.expires_in.saturating_sub(AHEAD).max(grant.expires_in / 2);
                    let token = grant.token;
                    let cached = Cached { token: token.clone(), worked: false, renew_at, ends_at };
                    *self.cached.write() = Some(cached);
                    *self.refusal.write() = None;
                    return Ok(token);
                }
                Err(error) => error,
            };
            let wait = waits.next().filter(|_| !error.is_refusal());
            // This wait holds up every caller that needs the token, readers included.
            let wait = wait
                .map(|wait| error.retry_after.unwrap_or(*wait))
                .filter(|wait| *wait <= LONGEST_WAIT);
            match wait {
                Some(wait) if Instant::now() + wait < deadline => tokio::time::sleep(wait).await,
                _ => {
                    self.remember(&error);
                    return Err(error);
                }
            }
        }
    }

    /// Keeps Entra ID from being asked for a while: after a refusal, and for as long as a busy
    /// Entra ID asks.
    fn remember(&self, error: &EntraError) {
        let pause = if error.is_refusal() { Some(BRAKE) } else { error.retry_after };
        if let Some(pause) = pause {
            let until = Instant::now() + pause.min(BRAKE);
            *self.refusal.write() = Some(Refusal { error: error.clone(), until });
        }
    }
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

    fn accepted(&self, token: &AccessToken) {
        let is_news = |cached: &Cached| !cached.worked && cached.token == *token;
        if self.cached.read().as_ref().is_some_and(is_news)
            && let Some(cached) = self.cached.write().as_mut().filter(|cached| is_news(cached))
        {
            cached.worked = true;
        }
    }

    fn rejected(&self, token: &AccessToken) {
        let mut cached = self.cached.write();
        let mut rejected = self.rejected.write();
        let Some(ours) = cached.as_ref().filter(|cached| cached.token == *token) else { return };
        if ours.worked || rejected.is_none_or(|at| at.elapsed() >= RENEWAL) {
            *rejected = Some(Instant::now());
            *cached = None;
        }
    }
}
