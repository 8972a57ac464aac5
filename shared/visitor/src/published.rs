//! Keys that an issuer publishes: a set of JSON Web Keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use serde::Deserialize;
use serde_json::Value;

use crate::PublishedAlgorithm;
use crate::verified::Mark;

/// The bytes of an RSA key's modulus: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key that an issuer publishes, and what it can check. The algorithm is that of the key's kind,
/// whatever a token says.
#[derive(Clone, Debug)]
pub(crate) struct PublishedKey {
    pub(crate) kid: String,
    pub(crate) algorithm: PublishedAlgorithm,
    pub(crate) key: DecodingKey,
    pub(crate) mark: Mark,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// The keys of a set that can check signatures; `None` if it is no set. Others may be in it, and
/// are passed over: for encryption, without a `kid`, of kinds that are not used here, and secret
/// ones, which nobody should publish.
pub(crate) fn read(text: &[u8]) -> Option<Vec<PublishedKey>> {
    let Set { keys } = serde_json::from_slice(text).ok()?;
    Some(keys.into_iter().filter_map(of).collect())
}

fn of(key: Value) -> Option<PublishedKey> {
    let mark = Mark::of(&[key.to_string().as_bytes()]);
    let key = serde_json::from_value::<Jwk>(key).ok()?;
    let algorithm = algorithm(&key.algorithm)?;
    let common = &key.common;
    let is_for_signatures =
        common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|of| of.contains(&KeyOperations::Verify));
    let is_for_algorithm =
        common.key_algorithm.is_none_or(|of| of == KeyAlgorithm::from(algorithm.of_library()));
    let kid = common.key_id.clone().filter(|kid| !kid.is_empty())?;
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    let is_usable = is_for_signatures && is_for_algorithm;
    is_usable.then_some(PublishedKey { kid, algorithm, key: decoding, mark })
}

/// What a key of this kind can check, if it is as long as it has to be.
fn algorithm(parameters: &AlgorithmParameters) -> Option<PublishedAlgorithm> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    match parameters {
        AlgorithmParameters::RSA(key) => {
            let modulus = bytes(&key.n);
            let is_whole = RSA_BYTES.contains(&modulus.len()) && modulus.first() != Some(&0);
            (is_whole && !bytes(&key.e).is_empty()).then_some(PublishedAlgorithm::RS256)
        }
        AlgorithmParameters::EllipticCurve(key) => {
            let is_whole = bytes(&key.x).len() == 32 && bytes(&key.y).len() == 32;
            (is_whole && key.curve == EllipticCurve::P256).then_some(PublishedAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) => {
            let is_whole = bytes(&key.x).len() == 32;
            (is_whole && key.curve == EllipticCurve::Ed25519).then_some(PublishedAlgorithm::EdDSA)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::keys;

    fn kids(keys: &[Value]) -> Vec<(String, PublishedAlgorithm)> {
        let keys = read(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        keys.into_iter().map(|key| (key.kid, key.algorithm)).collect()
    }

    fn with(key: &Value, name: &str, value: impl Into<Value>) -> Value {
        let mut key = key.clone();
        key[name] = value.into();
        key
    }

    #[test]
    fn keys_that_can_check_signatures() {
        use PublishedAlgorithm::*;
        let keys = keys();
        let (rsa, ec, ed) = (&keys.rsa.published, &keys.ec.published, &keys.ed.published);
        let all = kids(&[rsa.clone(), ec.clone(), ed.clone()]);
        assert_eq!(all, [("rsa".into(), RS256), ("ec".into(), ES256), ("ed".into(), EdDSA)]);
        for key in [
            with(rsa, "use", "sig"),
            with(rsa, "key_ops", json!(["verify"])),
            with(rsa, "alg", Value::Null),
            with(rsa, "x5c", json!(["MII"])),
            with(rsa, "exp", 1_895_634_159),
            with(rsa, "issuer", "https://login.example"),
        ] {
            assert_eq!(kids(std::slice::from_ref(&key)).len(), 1, "{key}");
        }
    }

    #[test]
    fn others_are_passed_over() {
        let keys = keys();
        let (rsa, ec, ed) = (&keys.rsa.published, &keys.ec.published, &keys.ed.published);
        let secret = json!({"kty": "oct", "kid": "rsa", "alg": "HS256", "k": "c2VjcmV0"});
        let odd = [
            secret.clone(),
            with(&secret, "use", "sig"),
            with(&secret, "alg", Value::Null),
            with(&secret, "alg", "RS256"),
            with(rsa, "use", "enc"),
            with(rsa, "use", "other"),
            with(rsa, "key_ops", json!(["encrypt"])),
            with(rsa, "kid", Value::Null),
            with(rsa, "kid", ""),
            with(rsa, "kid", 1),
            with(rsa, "alg", "RS512"),
            with(rsa, "alg", "PS256"),
            with(rsa, "alg", "RSA-OAEP"),
            with(rsa, "kty", "EC"),
            with(rsa, "n", ""),
            with(rsa, "n", "AQAB"),
            with(rsa, "n", "not base64!"),
            with(rsa, "n", format!("AA{}", "A".repeat(400))),
            with(rsa, "e", ""),
            with(ec, "crv", "P-384"),
            with(ec, "crv", "secp256k1"),
            with(ec, "x", ""),
            with(ec, "alg", "ES384"),
            with(ed, "x", ""),
            with(ed, "crv", "X25519"),
            with(ed, "crv", "Ed448"),
            json!({"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AAAA"}),
            json!("rsa"),
            json!(null),
            json!({}),
        ];
        for key in &odd {
            assert_eq!(kids(std::slice::from_ref(key)), [], "{key}");
        }
        // They do not hide the ones beside them.
        let mut all = odd.to_vec();
        all.push(rsa.clone());
        assert_eq!(kids(&all).len(), 1);
    }

    #[test]
    fn what_is_no_set() {
        for text in ["", "{}", "[]", "null", r#"{"keys": {}}"#, r#"{"keys": 1}"#, "<html>", "\u{0}"]
        {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(read(br#"{"keys": []}"#).unwrap().is_empty());
    }
}
