//! The key that everything is made with, derived from the text of a secret.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};

/// The shortest text of a secret that is taken for a key. Letters and digits at random, 32 of them,
/// are more than 128 bits.
const SHORTEST: usize = 32;

/// It separates the keys here from whatever else may be derived from the same secret. Another value
/// makes all that was sealed before unreadable.
const SALT: &[u8] = b"dynamics365-tools/seal/1";

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is too short to be secret.
    #[error(
        "the sealing key is too short: let Secrets Manager generate a password of 64 letters and \
         digits, and store it as the whole text of the secret"
    )]
    TooShort,
    /// The keys could not be derived.
    #[error("no keys could be derived from the sealing key")]
    Underivable,
}

/// Tells which version of the secret made a thing, so that its reader knows which one to try. It
/// tells nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KeyId::LENGTH]);

impl KeyId {
    /// How many bytes it has.
    pub(crate) const LENGTH: usize = 4;

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8; KeyId::LENGTH] {
        &self.0
    }
}

/// Eight hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What a key is used for. Each use has its own key, and each purpose of a use again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// To encrypt.
    Sealing,
    /// To make hashes that are compared.
    Hashing,
    /// To make the names of rows.
    Naming,
}

/// One version of the key.
pub struct SealingKey {
    id: KeyId,
    sealing: hmac::Key,
    hashing: hmac::Key,
    naming: hmac::Key,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealingKey").finish_non_exhaustive()
    }
}

impl SealingKey {
    /// The key that is derived from the text of a secret (HKDF with SHA-256).
    pub fn new(secret: &str) -> Result<SealingKey, KeyError> {
        if secret.chars().count() < SHORTEST {
            return Err(KeyError::TooShort);
        }
        let all = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.as_bytes());
        let key = |info: &[u8]| {
            let key = all.expand(&[info], hmac::HMAC_SHA256).map(hmac::Key::from);
            key.map_err(|_| KeyError::Underivable)
        };
        let whole = hmac::sign(&key(b"id")?, b"");
        let mut id = [0; KeyId::LENGTH];
        for (to, from) in id.iter_mut().zip(whole.as_ref()) {
            *to = *from;
        }
        Ok(SealingKey {
            id: KeyId(id),
            sealing: key(b"sealing")?,
            hashing: key(b"hashing")?,
            naming: key(b"naming")?,
        })
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the key for one purpose of a use.
    pub(crate) fn of_purpose(&self, one: Use, purpose: &str) -> hmac::Tag {
        let of_use = match one {
            Use::Sealing => &self.sealing,
            Use::Hashing => &self.hashing,
            Use::Naming => &self.naming,
        };
        hmac::sign(of_use, purpose.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "c3v8Wq1LxN0yRb7TzE5mKp9HdJ2sUf4GaVo6QiYtXwZnBrMhDkCeSlFjPgAuO8i1";

    #[test]
    fn a_short_text_is_refused_and_the_error_says_what_to_do() {
        let error = SealingKey::new(&TEXT[..31]).unwrap_err();
        assert_eq!(error, KeyError::TooShort);
        assert!(error.to_string().contains("let Secrets Manager generate"));
        assert!(SealingKey::new(&TEXT[..32]).is_ok());
        // Characters count, not bytes.
        assert!(SealingKey::new(&"ä".repeat(16)).is_err());
    }

    #[test]
    fn its_id_is_stable_and_each_key_has_its_own() {
        let key = SealingKey::new(TEXT).unwrap();
        assert_eq!(key.id(), SealingKey::new(TEXT).unwrap().id());
        assert_ne!(key.id(), SealingKey::new(&TEXT[1..]).unwrap().id());
        // What is in tables today must open tomorrow: this value never changes.
        assert_eq!(key.id().to_string(), "67234495");
    }

    #[test]
    fn each_use_and_each_purpose_has_its_own_key() {
        let key = SealingKey::new(TEXT).unwrap();
        let mut all = Vec::new();
        for one in [Use::Sealing, Use::Hashing, Use::Naming] {
            for purpose in ["", "code", "call"] {
                all.push(key.of_purpose(one, purpose).as_ref().to_vec());
            }
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((all.len(), count), (9, 9));
    }

    #[test]
    fn it_shows_nothing() {
        let key = SealingKey::new(TEXT).unwrap();
        assert_eq!(format!("{key:?}"), "SealingKey { .. }");
    }
}
