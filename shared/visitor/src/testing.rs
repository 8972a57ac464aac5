//! Keys and tokens for tests.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

/// A private key, and what is published of it.
pub(crate) struct Pair {
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
    pub(crate) pair: KeyPair,
    pub(crate) published: Value,
}

pub(crate) struct TestKeys {
    pub(crate) rsa: Pair,
    /// Another RSA key, which nobody publishes.
    pub(crate) other_rsa: Pair,
    pub(crate) ec: Pair,
    pub(crate) ed: Pair,
}

/// The keys of all tests: making them takes a while.
pub(crate) fn keys() -> &'static TestKeys {
    static KEYS: LazyLock<TestKeys> = LazyLock::new(|| TestKeys {
        rsa: Pair::new("rsa", Algorithm::RS256),
        other_rsa: Pair::new("other-rsa", Algorithm::RS256),
        ec: Pair::new("ec", Algorithm::ES256),
        ed: Pair::new("ed", Algorithm::EdDSA),
    });
    &KEYS
}

impl Pair {
    fn new(kid: &str, algorithm: Algorithm) -> Pair {
        let (kind, read): (_, fn(&[u8]) -> EncodingKey) = match algorithm {
            Algorithm::RS256 => (&PKCS_RSA_SHA256, |der| {
                // The library wants the key (PKCS #1) without what PKCS #8 puts around it.
                EncodingKey::from_rsa_der(&der[26..])
            }),
            Algorithm::ES256 => (&PKCS_ECDSA_P256_SHA256, EncodingKey::from_ec_der),
            _ => (&PKCS_ED25519, EncodingKey::from_ed_der),
        };
        let pair = KeyPair::generate_for(kind).unwrap();
        let private = read(&pair.serialize_der());
        let mut published = match algorithm {
            // The library does not read the form of the private key that has the public one in it.
            Algorithm::EdDSA => json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "x": encoded(pair.public_key_raw()),
            }),
            _ => json!(Jwk::from_encoding_key(&private, algorithm).unwrap()),
        };
        published["kid"] = kid.into();
        Pair { algorithm, private, pair, published }
    }

    /// A token that this key signs, with any header and claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn token_of_text(&self, header: &str, claims: &str) -> String {
        signed(header, claims, &self.private, self.algorithm)
    }

    pub(crate) fn kid(&self) -> &str {
        self.published["kid"].as_str().unwrap()
    }
}

/// A token in which both parts are as they are given.
pub(crate) fn signed(header: &str, claims: &str, key: &EncodingKey, with: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = sign(message.as_bytes(), key, with).unwrap();
    format!("{message}.{signature}")
}

pub(crate) fn encoded(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The set of the keys that are published.
pub(crate) fn published() -> Value {
    let keys = keys();
    json!({ "keys": [keys.rsa.published, keys.ec.published, keys.ed.published] })
}

/// A configuration of TLS that trusts these certificates.
pub(crate) fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The time that it is in tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}
