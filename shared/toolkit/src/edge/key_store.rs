//! Whose API key it is: kept in the deployment's secret, or made over the API and kept in the table.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use auth::{Kept, SecretError, Secrets};
use lru::LruCache;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use state::{KeyHash, State};
use tokio::time::Instant;

use super::made_key::KeyForm;
use crate::{ApiKeys, ApiKeysError, Caller};

/// The secret is read again after this long.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// The last answers of the table about this many keys are kept for when it does not answer.
const KNOWN: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// The longest that an earlier answer of the table is used while the table does not answer. A key that
/// was revoked since then works for that long.
const OUTLIVES: Duration = Duration::from_secs(60 * 60);

/// The API keys of a deployment.
///
/// The first key, and those of earlier versions, stand in a secret, which is read seldom and kept.
/// Those that were made over the API stand in the table, which is asked at each call: a key that was
/// revoked is nobody's from then on. While the table does not answer, a process goes on with what it
/// said last, for an hour. A text that begins like a made key and is not whole is looked up nowhere.
pub struct KeyStore {
    secret: String,
    kept: Kept<Arc<ApiKeys>, ApiKeysError>,
    state: Option<State>,
    known: Mutex<LruCache<[u8; 32], (Caller, Instant)>>,
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyStore").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl KeyStore {
    /// The keys of the deployment whose secrets these are, and of its table.
    pub fn new(secrets: Secrets, state: Option<State>) -> KeyStore {
        let secret = secrets.names().api_keys();
        let name = secret.clone();
        let read = move || read(secrets.clone(), name.clone());
        let kept = Kept::new(READ_AGAIN_AFTER, read);
        KeyStore { secret, kept, state, known: Mutex::new(LruCache::new(KNOWN)) }
    }

    /// Who this key was given to, if it is one.
    ///
    /// # Errors
    ///
    /// The keys could not be read, so nobody knows.
    pub async fn caller(&self, key: &str) -> Result<Option<Caller>, ApiKeysError> {
        let made = match KeyForm::of(key) {
            KeyForm::Damaged => return Ok(None),
            KeyForm::Other => Ok(None),
            KeyForm::Made => self.made(key).await,
        };
        if let Ok(Some(caller)) = made {
            return Ok(Some(caller));
        }
        // The first key has the same form and stands in the secret, also while the table fails.
        match self.kept.get().await?.caller(key) {
            Some(caller) => Ok(Some(caller.clone())),
            None => made,
        }
    }

    /// Who this key of the table was made for.
    async fn made(&self, key: &str) -> Result<Option<Caller>, ApiKeysError> {
        let Some(state) = &self.state else { return Ok(None) };
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        match state.key_of_hash(&KeyHash::new(&hash)).await {
            Ok(Some(key)) => {
                let caller = match Caller::of_made(&key) {
                    // The others still count.
                    Err(error @ ApiKeysError::ForNobody) => {
                        let to_do = error.cure();
                        tracing::error!(id = %key.id, to_do, "{error}: it is refused");
                        return Ok(None);
                    }
                    made => made?,
                };
                self.known.lock().put(hash, (caller.clone(), Instant::now()));
                Ok(Some(caller))
            }
            Ok(None) => {
                self.known.lock().pop(&hash);
                Ok(None)
            }
            Err(error) => {
                let known = self.known.lock().get(&hash).cloned();
                let known =
                    known.filter(|(_, at)| at.elapsed() < OUTLIVES).map(|(caller, _)| caller);
                let error = ApiKeysError::from(error);
                let to_do = error.cure();
                tracing::error!(%error, to_do, known = known.is_some(), "an API key was not read");
                known.map(Some).ok_or(error)
            }
        }
    }
}

async fn read(secrets: Secrets, secret: String) -> Result<Arc<ApiKeys>, ApiKeysError> {
    let text = secrets.text(&secret).await;
    let keys = text.map_err(ApiKeysError::from);
    let keys = keys.and_then(|text| ApiKeys::parse(text.expose_secret()));
    match &keys {
        Ok(keys) => {
            for wrong in keys.left_out() {
                tracing::error!(secret, %wrong, "an API key is left out: correct its entry");
            }
        }
        Err(error) => {
            let to_do = error.cure();
            tracing::error!(secret, %error, to_do, "the API keys could not be read");
        }
    }
    match keys {
        // Nothing is wrong with the service, but nobody has been given a key there.
        Err(ApiKeysError::Secret(SecretError::NotFound { .. })) => Ok(Arc::default()),
        keys => keys.map(Arc::new),
    }
}
