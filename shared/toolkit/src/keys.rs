//! API keys: kept as hashes, compared in constant time.

use std::fmt;
use std::time::Duration;

use auth::{SecretError, Secrets};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{Caller, Grants, Scopes};

/// The keys that clients have been given.
#[derive(Clone, Default)]
pub struct ApiKeys(Vec<ApiKey>);

#[derive(Clone)]
struct ApiKey {
    hash: [u8; 32],
    caller: Caller,
}

/// Why the secret with the API keys cannot be read. It holds no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeysError {
    /// The secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is not the JSON that it must be.
    #[error("the secret with the API keys is malformed at {place}: {problem}")]
    Malformed {
        /// Where: `keys[2].scopes`.
        place: String,
        /// What is wrong there.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    client: String,
    sha256: String,
    connections: Vec<String>,
    scopes: Scopes,
}

impl ApiKeys {
    /// Reads
    /// `{"keys":[{"client":"…","sha256":"<64 hex digits>","connections":["default"],"scopes":["read"]}]}`.
    pub fn parse(text: &str) -> Result<ApiKeys, ApiKeysError> {
        let malformed = |place: String, problem| ApiKeysError::Malformed { place, problem };
        let document: Document =
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
                .map_err(|error| {
                    let place = error.path().to_string();
                    malformed(
                        place,
                        "each key has client, sha256, connections (a list of ids, or of \"*\") \
                         and scopes (a list of read, write, admin), and nothing else",
                    )
                })?;
        let keys = document.keys.into_iter().enumerate().map(|(position, entry)| {
            let mut hash = [0; 32];
            hex::decode_to_slice(entry.sha256.trim(), &mut hash).map_err(|_| {
                malformed(format!("keys[{position}].sha256"), "it must be 64 hexadecimal digits")
            })?;
            let connections =
                Grants::parse(entry.connections.iter().map(String::as_str)).map_err(|_| {
                    malformed(format!("keys[{position}].connections"), "one is no connection id")
                })?;
            let caller = Caller { client: entry.client, connections, scopes: entry.scopes };
            Ok(ApiKey { hash, caller })
        });
        keys.collect::<Result<_, _>>().map(ApiKeys)
    }

    /// Who this key was given to. Takes the same time whichever key it is, and if it is none.
    pub fn caller(&self, key: &str) -> Option<&Caller> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let mut found = None;
        for candidate in &self.0 {
            if bool::from(candidate.hash.ct_eq(&hash)) {
                found = Some(&candidate.caller);
            }
        }
        found
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiKeys").field("count", &self.0.len()).finish()
    }
}

/// The SHA-256 of a key, as the secret holds it.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes.as_ref()))
}

/// Keys are read again after this long.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// For an unknown key they are read again, but not more often than this.
const READ_AGAIN_FOR_UNKNOWN: Duration = Duration::from_secs(10);

/// The API keys in Secrets Manager, kept.
pub struct KeyStore {
    secrets: Secrets,
    secret: String,
    kept: Mutex<Option<(Instant, ApiKeys)>>,
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyStore").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl KeyStore {
    /// The secret's name where none is given.
    pub const DEFAULT_SECRET: &'static str = "dynamics365/api-keys";

    /// Reads the keys from this secret.
    pub fn new(secrets: Secrets, secret: impl Into<String>) -> KeyStore {
        KeyStore { secrets, secret: secret.into(), kept: Mutex::default() }
    }

    /// Who this key was given to.
    pub async fn caller(&self, key: &str) -> Result<Option<Caller>, ApiKeysError> {
        let mut kept = self.kept.lock().await;
        if let Some((read_at, keys)) = &*kept {
            let age = read_at.elapsed();
            let caller = keys.caller(key);
            let enough = if caller.is_some() { READ_AGAIN_AFTER } else { READ_AGAIN_FOR_UNKNOWN };
            if age < enough {
                return Ok(caller.cloned());
            }
        }
        let keys = match self.secrets.text(&self.secret).await {
            Ok(text) => ApiKeys::parse(text.expose_secret())?,
            // What was read before is better than to refuse everybody.
            Err(error @ SecretError::Unavailable { .. }) => match &*kept {
                Some((_, keys)) => keys.clone(),
                None => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let caller = keys.caller(key).cloned();
        *kept = Some((Instant::now(), keys));
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Scope;

    fn document(hash: &str) -> String {
        json!({"keys": [{
            "client": "chat platform", "sha256": hash, "connections": ["emea"], "scopes": ["read"],
        }]})
        .to_string()
    }

    #[test]
    fn a_key_is_known_by_its_hash() {
        let keys = ApiKeys::parse(&document(&sha256_hex("a key"))).unwrap();
        let caller = keys.caller("a key").unwrap();
        assert_eq!(caller.client, "chat platform");
        assert!(caller.scopes.contains(&Scope::Read) && !caller.scopes.contains(&Scope::Write));
        assert!(keys.caller("another").is_none() && keys.caller("").is_none());
        assert_eq!(format!("{keys:?}"), "ApiKeys { count: 1 }");
    }

    #[test]
    fn a_malformed_secret_is_explained_without_its_content() {
        for (text, place) in [
            (document("a key"), "keys[0].sha256"),
            (document(&sha256_hex("a key")).replace("emea", "EM EA"), "keys[0].connections"),
            (document(&sha256_hex("a key")).replace("read", "reed"), "keys[0].scopes[0]"),
            ("a key".to_owned(), "."),
        ] {
            let error = ApiKeys::parse(&text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(place), "{shown}");
            assert!(!shown.contains("a key") && !shown.contains("reed"), "{shown}");
        }
    }
}
