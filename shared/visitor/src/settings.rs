//! Whose visitor tokens count, and what they are signed with.

use std::borrow::Cow;
use std::fmt;

use jsonwebtoken::Algorithm;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use crate::settings_form::SettingsForm;

/// Whose visitor tokens count. What is read is valid.
///
/// It is written without its secrets. [`TokenSettings::to_secret`] has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    pub(crate) issuers: Vec<Issuer>,
}

/// Somebody whose tokens count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub(crate) issuer: String,
    pub(crate) keys: Keys,
    pub(crate) trusts_email: bool,
    pub(crate) subject: Option<Subject>,
    pub(crate) account: Option<String>,
}

/// What the tokens of an issuer are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Secrets that both sides know.
    Shared {
        /// What tokens are signed with.
        algorithm: SharedAlgorithm,
        /// One, or two while one replaces the other.
        secrets: Vec<SharedKey>,
    },
    /// Public keys, which the issuer publishes.
    Published {
        /// Where they are.
        jwks: Url,
        /// What tokens may be signed with. Each kind of key has one.
        algorithms: Vec<PublishedAlgorithm>,
    },
}

/// A secret that both sides know.
#[derive(Clone)]
pub struct SharedKey {
    pub(crate) kid: String,
    pub(crate) secret: SecretString,
}

/// An algorithm whose key is a secret that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SharedAlgorithm {
    /// HMAC with SHA-256.
    HS256,
}

/// An algorithm whose key for checking is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublishedAlgorithm {
    /// RSA (PKCS #1 v1.5) with SHA-256.
    RS256,
    /// ECDSA on the curve P-256 with SHA-256.
    ES256,
    /// EdDSA on the curve Ed25519.
    EdDSA,
}

/// Which claim says who the visitor's contact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub(crate) claim: String,
    pub(crate) column: String,
}

/// Why settings are not valid. No variant contains a value of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{at} {problem}")]
    Malformed {
        /// The field, or what it is in.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The value of a field is not valid.
    #[error("the field {field} {problem}")]
    Field {
        /// The field, such as `issuers[0].jwks`.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl TokenSettings {
    /// Reads what an administrator has entered, or what [`TokenSettings::to_secret`] has written.
    pub fn read(value: Value) -> Result<TokenSettings, SettingsError> {
        SettingsForm::read(value)?.parse()
    }

    /// Those whose tokens count.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Whether keys are fetched over HTTP from this machine, which only a local stack allows.
    pub fn is_local(&self) -> bool {
        self.issuers.iter().any(|issuer| match &issuer.keys {
            Keys::Shared { .. } => false,
            Keys::Published { jwks, .. } => jwks.scheme() != "https",
        })
    }

    /// The text to store, with its secrets.
    pub fn to_secret(&self) -> SecretString {
        SecretString::from(SettingsForm::with_secrets(self).to_string())
    }

    /// The secret of this issuer's key, if it is a shared one.
    pub fn secret_of(&self, issuer: &str, kid: &str) -> Option<&str> {
        match &self.issuer(issuer)?.keys {
            Keys::Shared { secrets, .. } => {
                let key = secrets.iter().find(|key| key.kid == kid)?;
                Some(key.secret.expose_secret())
            }
            Keys::Published { .. } => None,
        }
    }

    /// The issuer with exactly this name.
    pub(crate) fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.issuer == name)
    }
}

impl Issuer {
    /// The claim `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What its tokens are checked with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether an email address counts though the token does not say that it is verified.
    pub fn trusts_email(&self) -> bool {
        self.trusts_email
    }

    /// Which claim says who the visitor's contact is.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// The claim with the account that the visitor speaks for.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

impl SharedKey {
    /// What the tokens call it.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl Subject {
    /// The claim.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The logical name of the contact's column that holds the same.
    pub fn column(&self) -> &str {
        &self.column
    }
}

impl SharedAlgorithm {
    /// The algorithm, as the library calls it.
    pub(crate) fn of_library(self) -> Algorithm {
        match self {
            SharedAlgorithm::HS256 => Algorithm::HS256,
        }
    }
}

impl PublishedAlgorithm {
    /// The algorithm, as the library calls it.
    pub(crate) fn of_library(self) -> Algorithm {
        match self {
            PublishedAlgorithm::RS256 => Algorithm::RS256,
            PublishedAlgorithm::ES256 => Algorithm::ES256,
            PublishedAlgorithm::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// For settings that are compared with those from before; not for what a stranger sends.
impl PartialEq for SharedKey {
    fn eq(&self, other: &SharedKey) -> bool {
        self.kid == other.kid && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl Eq for SharedKey {}

/// Shows nothing of the secret.
impl fmt::Debug for SharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for TokenSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TokenSettings, D::Error> {
        // serde's own messages quote what they did not expect.
        let value = Value::deserialize(deserializer)?;
        TokenSettings::read(value).map_err(D::Error::custom)
    }
}

/// Without the secrets.
impl Serialize for TokenSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SettingsForm::without_secrets(self).serialize(serializer)
    }
}

/// That of the form.
impl JsonSchema for TokenSettings {
    fn schema_name() -> Cow<'static, str> {
        SettingsForm::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        SettingsForm::json_schema(generator)
    }
}
