//! The keys of those who sign tokens, the keys of somebody who forges them, and what they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use crate::harness::MAREN;

/// Who publishes keys of all kinds.
pub(crate) const CHAT: &str = "https://chat.example";

/// Who publishes the same keys, and signs with RS256 alone.
pub(crate) const RSA_ONLY: &str = "https://rsa.example";

/// Who shares a secret, and says whose contact it is.
pub(crate) const DESK: &str = "https://desk.example";

/// Whose tokens count for the connection `emea` alone.
pub(crate) const EMEA: &str = "https://emea.example";

pub(crate) const DESK_SECRET: &str = "the secret of the desk, of 32 bytes or more";
pub(crate) const EMEA_SECRET: &str = "the secret of emea, which has 32 bytes too";

/// A private key, and what is published of it.
pub(crate) struct Pair {
    pub(crate) pair: KeyPair,
    pub(crate) private: EncodingKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) published: Value,
}

impl Pair {
    fn new(kid: &str, algorithm: Algorithm) -> Pair {
        let (kind, read): (_, fn(&[u8]) -> EncodingKey) = match algorithm {
            // The library wants the key (PKCS #1) without what PKCS #8 puts around it.
            Algorithm::RS256 => (&PKCS_RSA_SHA256, |der| EncodingKey::from_rsa_der(&der[26..])),
            Algorithm::ES256 => (&PKCS_ECDSA_P256_SHA256, EncodingKey::from_ec_der),
            _ => (&PKCS_ED25519, EncodingKey::from_ed_der),
        };
        let pair = KeyPair::generate_for(kind).unwrap();
        let private = read(&pair.serialize_der());
        let mut published = match algorithm {
            Algorithm::EdDSA => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key_raw())})
            }
            _ => json!(Jwk::from_encoding_key(&private, algorithm).unwrap()),
        };
        published["kid"] = kid.into();
        Pair { pair, private, algorithm, published }
    }

    /// The header of the tokens that it signs.
    pub(crate) fn header(&self) -> Value {
        json!({"alg": format!("{:?}", self.algorithm), "kid": self.published["kid"]})
    }

    /// A token with any header.
    pub(crate) fn headed(&self, header: &Value, claims: &Value) -> String {
        signed(header.to_string(), claims.to_string(), &self.private, self.algorithm)
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.headed(&self.header(), claims)
    }

    /// A token whose claims are any text.
    pub(crate) fn text(&self, claims: impl AsRef<[u8]>) -> String {
        signed(self.header().to_string(), claims, &self.private, self.algorithm)
    }
}

/// All keys, and what good tokens say.
pub(crate) struct Forge {
    pub(crate) rsa: Pair,
    pub(crate) ec: Pair,
    pub(crate) ed: Pair,
    /// Keys that nobody publishes, under the names of those that somebody does.
    pub(crate) forged_rsa: Pair,
    pub(crate) forged_ec: Pair,
    pub(crate) now: i64,
    /// The id of the visitor's contact.
    pub(crate) contact: String,
}

impl Forge {
    pub(crate) fn new(contact: String) -> Forge {
        Forge {
            rsa: Pair::new("rsa", Algorithm::RS256),
            ec: Pair::new("ec", Algorithm::ES256),
            ed: Pair::new("ed", Algorithm::EdDSA),
            forged_rsa: Pair::new("rsa", Algorithm::RS256),
            forged_ec: Pair::new("ec", Algorithm::ES256),
            now: jiff::Timestamp::now().as_second(),
            contact,
        }
    }

    /// The set of the keys that are published. A secret is among them, which is a mistake that happens.
    pub(crate) fn published(&self) -> Value {
        let secret = json!({"kty": "oct", "kid": "oct", "alg": "HS256", "k": encoded(DESK_SECRET)});
        json!({"keys": [self.rsa.published, self.ec.published, self.ed.published, secret]})
    }

    /// The claims of a good token of this issuer, except of the desk.
    pub(crate) fn claims(&self, issuer: &str) -> Value {
        json!({
            "iss": issuer, "aud": "default", "exp": self.now + 600, "iat": self.now,
            "email": MAREN, "email_verified": true,
        })
    }

    /// The claims of a good token of the desk.
    pub(crate) fn desk_claims(&self) -> Value {
        json!({"iss": DESK, "aud": "default", "exp": self.now + 600, "sub": self.contact})
    }

    /// Good claims of the chat, but for this one.
    pub(crate) fn with(&self, name: &str, value: impl Into<Value>) -> Value {
        with(&self.claims(CHAT), name, value)
    }

    /// A token of the desk.
    pub(crate) fn desk(&self, claims: &Value) -> String {
        hs256(DESK_SECRET, &json!({"alg": "HS256", "kid": "desk"}), claims)
    }

    /// A token of `emea` for this connection.
    pub(crate) fn emea(&self, connection: &str) -> String {
        let claims = with(&self.claims(EMEA), "aud", connection);
        hs256(EMEA_SECRET, &json!({"alg": "HS256", "kid": "emea"}), &claims)
    }
}

pub(crate) fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[name] = value.into();
    object
}

pub(crate) fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name);
    object
}

/// A token in which both parts are as they are given.
pub(crate) fn signed(
    header: impl AsRef<[u8]>,
    claims: impl AsRef<[u8]>,
    key: &EncodingKey,
    with: Algorithm,
) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = sign(message.as_bytes(), key, with).unwrap();
    format!("{message}.{signature}")
}

/// A token that is signed with a secret.
pub(crate) fn hs256(secret: impl AsRef<[u8]>, header: &Value, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_ref());
    signed(header.to_string(), claims.to_string(), &key, Algorithm::HS256)
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
