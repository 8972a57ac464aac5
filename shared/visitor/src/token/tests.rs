use jiff::SignedDuration;
use proptest::prelude::*;
use rcgen::SigningKey as _;
use rustls::RootCertStore;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::testing::{Pair, encoded, keys, now, published, signed, tls};
use crate::{Address, ContactKey};
use jsonwebtoken::EncodingKey;

const CONNECTION: &str = "contoso-prod";
const FIRST: &str = "the-first-secret-of-the-chat-0001";
const SECOND: &str = "the-second-secret-of-the-chat-002";
const SHARED: &str = "https://shared.example";
const OTHER: &str = "https://other.example";
const RSA: &str = "https://rsa.example";
const ANY: &str = "https://any.example";
const TRUSTING: &str = "https://trusting.example";

/// What the tokens are checked with.
struct World {
    settings: TokenSettings,
    keys: KeySets,
    server: MockServer,
}

impl World {
    async fn new() -> World {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_string(set().to_string());
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let jwks = server.uri();
        let settings = json!({"issuers": [
            {
                "issuer": SHARED,
                "algorithm": "HS256",
                "keys": [{"kid": "1", "secret": FIRST}, {"kid": "2", "secret": SECOND}],
                "subject": {"claim": "user_id", "column": "externaluseridentifier"},
            },
            {
                "issuer": OTHER,
                "algorithm": "HS256",
                "keys": [{"kid": "3", "secret": "a-secret-of-somebody-else-0000001"}],
                "subject": {"column": "contactid"},
                "account": "account_id",
            },
            {"issuer": RSA, "algorithms": ["RS256"], "jwks": jwks},
            {"issuer": ANY, "algorithms": ["RS256", "ES256", "EdDSA"], "jwks": jwks},
            {"issuer": TRUSTING, "algorithms": ["RS256"], "jwks": jwks, "trusts_email": true},
        ]});
        World {
            settings: TokenSettings::read(settings).unwrap(),
            keys: KeySets::new(tls(RootCertStore::empty()), true).unwrap(),
            server,
        }
    }

    async fn verify(&self, token: &str) -> Result<Vouched, TokenError> {
        verify(token, &self.settings, CONNECTION, &self.keys, now()).await
    }
}

/// What the issuers publish: the keys, and a secret that is none.
fn set() -> Value {
    let mut set = published();
    let secret = json!({"kty": "oct", "kid": "oct", "alg": "HS256", "k": encoded(FIRST)});
    set["keys"].as_array_mut().unwrap().push(secret);
    set
}

fn seconds() -> i64 {
    now().as_second()
}

/// The claims of a good token.
fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer,
        "aud": CONNECTION,
        "exp": seconds() + 300,
        "iat": seconds(),
        "email": "maren.quist@northwind.example",
        "email_verified": true,
    })
}

/// The same with another value of a claim, or without it.
fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret);
    signed(&header.to_string(), &claims.to_string(), &key, Algorithm::HS256)
}

/// A token of the issuer with secrets.
fn shared(claims: &Value) -> String {
    hs256(FIRST.as_bytes(), &json!({"alg": "HS256", "typ": "JWT", "kid": "1"}), claims)
}

/// The same, whose claims are any text.
fn shared_text(claims: &str) -> String {
    let key = EncodingKey::from_secret(FIRST.as_bytes());
    signed(r#"{"alg":"HS256","kid":"1"}"#, claims, &key, Algorithm::HS256)
}

/// The header of a token that this key signs.
fn header(pair: &Pair) -> Value {
    json!({"alg": format!("{:?}", pair.algorithm), "kid": pair.kid()})
}

fn wrong(signed_with: &'static str, allowed: &str) -> TokenError {
    TokenError::AlgorithmWrong { signed_with, allowed: allowed.to_owned() }
}

#[tokio::test]
async fn good_tokens() {
    let world = World::new().await;
    let keys = keys();
    let plain = claims(SHARED);
    let second = json!({"alg": "HS256", "kid": "2"});
    let rsa = |claims: &Value| keys.rsa.token(&header(&keys.rsa), claims);
    let elsewhere = json!({
        "alg": "RS256",
        "kid": "rsa",
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/certificate",
        "jwk": keys.other_rsa.published,
        "x5c": ["MIIB"],
        "typ": "at+jwt",
        "something": {"of": "theirs"},
    });
    for (name, token) in [
        ("the first secret", shared(&plain)),
        ("the second secret", hs256(SECOND.as_bytes(), &second, &plain)),
        ("RS256", rsa(&claims(RSA))),
        ("RS256 of several", rsa(&claims(ANY))),
        ("ES256", keys.ec.token(&header(&keys.ec), &claims(ANY))),
        ("EdDSA", keys.ed.token(&header(&keys.ed), &claims(ANY))),
        ("the header names other keys", keys.rsa.token(&elsewhere, &claims(RSA))),
        ("a list of audiences", shared(&with(&plain, "aud", json!([CONNECTION])))),
        ("several audiences", shared(&with(&plain, "aud", json!(["other", CONNECTION])))),
        ("expired a minute ago", shared(&with(&plain, "exp", seconds() - 60))),
        ("valid for a day", shared(&with(&plain, "exp", seconds() + 86_400))),
        ("made within the skew", shared(&with(&plain, "iat", seconds() + 60))),
        ("valid within the skew", shared(&with(&plain, "nbf", seconds() + 60))),
        ("without iat", shared(&without(&plain, "iat"))),
        ("email_verified as text", shared(&with(&plain, "email_verified", "true"))),
        ("trusted", rsa(&without(&claims(TRUSTING), "email_verified"))),
        ("trusted and null", rsa(&with(&claims(TRUSTING), "email_verified", Value::Null))),
        ("other claims", shared(&with(&plain, "roles", json!([{"a": 1.5e300}, null])))),
        ("spaces in the JSON", shared_text(&format!(" {plain:#} \n"))),
    ] {
        let vouched = world.verify(&token).await;
        let vouched = vouched.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(vouched.email.unwrap().as_str(), "maren.quist@northwind.example", "{name}");
        assert_eq!((vouched.key, vouched.account), (None, None), "{name}");
        assert!([SHARED, RSA, ANY, TRUSTING].contains(&vouched.issuer.as_str()));
    }
    assert_eq!(world.server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn bad_tokens() {
    let world = World::new().await;
    let keys = keys();
    let (rsa, ec, ed) = (&keys.rsa, &keys.ec, &keys.ed);
    let plain = claims(SHARED);
    let good = shared(&plain);
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let changed = |name: &str, value: Value| shared(&with(&plain, name, value));
    let head_with = |name: &str, value: Value| {
        hs256(FIRST.as_bytes(), &with(&json!({"alg": "HS256", "kid": "1"}), name, value), &plain)
    };
    let of_rsa =
        |secret: &[u8]| hs256(secret, &json!({"alg": "HS256", "kid": "rsa"}), &claims(RSA));
    let unsigned = |alg: &str| {
        let head = json!({"alg": alg, "kid": "1"}).to_string();
        format!("{}.{}.{}", encoded(head), encoded(plain.to_string()), encoded("x"))
    };
    let rsa_with = |alg: &str, with: Algorithm, kid: &str, issuer: &str| {
        let head = json!({"alg": alg, "kid": kid}).to_string();
        signed(&head, &claims(issuer).to_string(), &rsa.private, with)
    };
    let text = plain.to_string();
    let member = |name: &str, value: &str| format!("{{\"{name}\":{value},{}", &text[1..]);
    let spki = rsa.pair.public_key_raw().to_vec();
    let modulus = rsa.published["n"].as_str().unwrap().to_owned();
    // ES256 as X.509 writes it.
    let es256_message =
        format!("{}.{}", encoded(header(ec).to_string()), encoded(claims(ANY).to_string()));
    let der = ec.pair.sign(es256_message.as_bytes()).unwrap();
    let other_ec = ec.token(&json!({"alg": "ES256", "kid": "rsa"}), &claims(ANY));
    let mut changed_signature = signature.as_bytes().to_vec();
    changed_signature[5] = if changed_signature[5] == b'A' { b'B' } else { b'A' };
    let changed_signature = String::from_utf8(changed_signature).unwrap();
    // The last character holds four bits; the two others must be zero.
    let loose = {
        let last = signature.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let index = alphabet.find(last).unwrap();
        format!("{}{}", &signature[..signature.len() - 1], &alphabet[index + 1..index + 2])
    };
    let nested =
        hs256(FIRST.as_bytes(), &json!({"alg": "HS256", "kid": "1", "cty": "JWT"}), &plain);
    let not_whole = |claim| TokenError::NotWhole { claim };
    let invalid = || TokenError::SubjectInvalid { claim: "user_id".to_owned() };
    let for_subject = |value: Value| shared(&with(&without(&plain, "email"), "user_id", value));
    let of_contact = |name: &str, value: Value| {
        let head = json!({"alg": "HS256", "kid": "3"});
        let sub = "d61abde7-181e-5f77-b59e-84c544c5040b";
        let claims = with(&with(&claims(OTHER), "sub", sub), name, value);
        hs256(b"a-secret-of-somebody-else-0000001", &head, &claims)
    };
    let unnamed = TokenError::Nobody { subject: Some("user_id".to_owned()) };
    use TokenError::*;
    let cases: Vec<(&str, String, TokenError)> = vec![
        // The form.
        ("nothing", String::new(), NotAToken),
        ("a word", "token".into(), NotAToken),
        ("dots", "..".into(), NotAToken),
        ("two parts", format!("{head}.{body}"), NotAToken),
        ("no signature", format!("{head}.{body}."), NotAToken),
        ("four parts", format!("{good}.x"), NotAToken),
        ("a dot behind", format!("{good}."), NotAToken),
        ("a dot before", format!(".{good}"), NotAToken),
        ("many dots", ".".repeat(4096), NotAToken),
        (
            "an encrypted one",
            "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.dGV4dA.dGFn".into(),
            Encrypted,
        ),
        ("enc", head_with("enc", "A128GCM".into()), Encrypted),
        ("a nested one", nested, Nested),
        ("a scheme before", format!("Bearer {good}"), HeaderUnreadable),
        ("a space before", format!(" {good}"), HeaderUnreadable),
        ("a line's end behind", format!("{good}\n"), NotAToken),
        ("padding", format!("{good}="), NotAToken),
        ("padded header", format!("{head}=.{body}.{signature}"), HeaderUnreadable),
        ("padded claims", format!("{head}.{body}==.{signature}"), ClaimsUnreadable),
        ("plain base64", format!("{head}.{body}.{}", "+/".repeat(21)), NotAToken),
        ("bits too many", format!("{head}.{body}.{loose}"), NotAToken),
        ("no base64", format!("{head}.{body}.ä{signature}"), NotAToken),
        ("no JSON", format!("{}.{body}.{signature}", encoded("x")), HeaderUnreadable),
        ("a list", format!("{}.{body}.{signature}", encoded("[]")), HeaderUnreadable),
        ("null", format!("{}.{body}.{signature}", encoded("null")), HeaderUnreadable),
        ("no text", format!("{}.{body}.{signature}", encoded([0xff, 0xfe])), HeaderUnreadable),
        ("claims that are a text", shared_text("\"x\""), ClaimsUnreadable),
        ("claims that are a list", shared_text("[]"), ClaimsUnreadable),
        ("claims with more behind", shared_text(&format!("{text}{{}}")), ClaimsUnreadable),
        ("deep claims", shared_text(&member("x", &"[".repeat(1000))), ClaimsUnreadable),
        ("too long", shared(&with(&plain, "x", "x".repeat(3000))), TooLong),
        ("one byte too long", "x".repeat(4097), TooLong),
        // The header.
        ("crit", head_with("crit", json!(["exp"])), HeaderUnsupported { parameter: "crit" }),
        ("an empty crit", head_with("crit", json!([])), HeaderUnsupported { parameter: "crit" }),
        ("crit null", head_with("crit", Value::Null), HeaderUnsupported { parameter: "crit" }),
        ("b64", head_with("b64", false.into()), HeaderUnsupported { parameter: "b64" }),
        ("zip", head_with("zip", "DEF".into()), HeaderUnsupported { parameter: "zip" }),
        ("an odd jwk", head_with("jwk", "x".into()), HeaderUnreadable),
        (
            "alg twice",
            signed(
                r#"{"alg":"none","kid":"1","alg":"HS256"}"#,
                &text,
                &EncodingKey::from_secret(FIRST.as_bytes()),
                Algorithm::HS256,
            ),
            HeaderUnreadable,
        ),
        (
            "kid twice",
            signed(
                r#"{"kid":"2","alg":"HS256","kid":"1"}"#,
                &text,
                &EncodingKey::from_secret(FIRST.as_bytes()),
                Algorithm::HS256,
            ),
            HeaderUnreadable,
        ),
        // The algorithm.
        ("none", unsigned("none"), wrong("none", "HS256")),
        ("None", unsigned("None"), wrong("an algorithm that is not known here", "HS256")),
        ("NONE", unsigned("NONE"), wrong("an algorithm that is not known here", "HS256")),
        ("nOnE", unsigned("nOnE"), wrong("an algorithm that is not known here", "HS256")),
        ("no algorithm", unsigned(""), wrong("an algorithm that is not known here", "HS256")),
        (
            "none and unsigned",
            format!("{}.{body}.", encoded(r#"{"alg":"none","kid":"1"}"#)),
            NotAToken,
        ),
        ("hs256", unsigned("hs256"), wrong("an algorithm that is not known here", "HS256")),
        (
            "alg missing",
            hs256(FIRST.as_bytes(), &json!({"kid": "1"}), &plain),
            wrong("an algorithm that is not known here", "HS256"),
        ),
        (
            "alg a list",
            head_with("alg", json!(["HS256"])),
            wrong("an algorithm that is not known here", "HS256"),
        ),
        (
            "HS512",
            signed(
                r#"{"alg":"HS512","kid":"1"}"#,
                &text,
                &EncodingKey::from_secret(FIRST.as_bytes()),
                Algorithm::HS512,
            ),
            wrong("HS512", "HS256"),
        ),
        (
            "HS512 called HS256",
            signed(
                r#"{"alg":"HS256","kid":"1"}"#,
                &text,
                &EncodingKey::from_secret(FIRST.as_bytes()),
                Algorithm::HS512,
            ),
            SignatureWrong,
        ),
        (
            "RS256 where a secret is",
            rsa_with("RS256", Algorithm::RS256, "1", SHARED),
            wrong("RS256", "HS256"),
        ),
        ("RS256 called HS256", rsa_with("HS256", Algorithm::RS256, "1", SHARED), SignatureWrong),
        ("RS512", rsa_with("RS512", Algorithm::RS512, "rsa", RSA), wrong("RS512", "RS256")),
        ("RS512 called RS256", rsa_with("RS256", Algorithm::RS512, "rsa", RSA), SignatureWrong),
        ("PS256", rsa_with("PS256", Algorithm::PS256, "rsa", RSA), wrong("PS256", "RS256")),
        ("PS256 called RS256", rsa_with("RS256", Algorithm::PS256, "rsa", RSA), SignatureWrong),
        ("ES256 where RS256 is", ec.token(&header(ec), &claims(RSA)), wrong("ES256", "RS256")),
        (
            "ES256 called RS256",
            ec.token(&json!({"alg": "RS256", "kid": "ec"}), &claims(RSA)),
            KeyUnknown,
        ),
        ("another key's kind", other_ec, wrong("ES256", "RS256")),
        (
            "EdDSA by the key of ES256",
            ed.token(&json!({"alg": "EdDSA", "kid": "ec"}), &claims(ANY)),
            wrong("EdDSA", "ES256"),
        ),
        ("ES256 in DER", format!("{es256_message}.{}", encoded(der)), SignatureWrong),
        // A public key as the secret.
        ("the modulus as secret", of_rsa(&spki), wrong("HS256", "RS256")),
        ("the key's text as secret", of_rsa(modulus.as_bytes()), wrong("HS256", "RS256")),
        ("the set as secret", of_rsa(set().to_string().as_bytes()), wrong("HS256", "RS256")),
        (
            "a published secret",
            hs256(FIRST.as_bytes(), &json!({"alg": "HS256", "kid": "oct"}), &claims(ANY)),
            wrong("HS256", "RS256 or ES256 or EdDSA"),
        ),
        (
            "a published secret as RS256",
            hs256(FIRST.as_bytes(), &json!({"alg": "RS256", "kid": "oct"}), &claims(ANY)),
            KeyUnknown,
        ),
        // The key.
        ("kid missing", hs256(FIRST.as_bytes(), &json!({"alg": "HS256"}), &plain), KeyIdMissing),
        ("kid empty", head_with("kid", "".into()), KeyIdMissing),
        ("kid null", head_with("kid", Value::Null), KeyIdMissing),
        ("kid a number", head_with("kid", 1.into()), KeyIdMissing),
        ("kid unknown", head_with("kid", "9".into()), KeyUnknown),
        ("kid with more", head_with("kid", "1 ".into()), KeyUnknown),
        ("kid a path", head_with("kid", "../../dev/null".into()), KeyUnknown),
        ("kid of the other secret", head_with("kid", "2".into()), SignatureWrong),
        ("kid of the other issuer", head_with("kid", "3".into()), KeyUnknown),
        (
            "an unpublished key",
            keys.other_rsa.token(&header(&keys.other_rsa), &claims(RSA)),
            KeyUnknown,
        ),
        (
            "an unpublished key by another's name",
            keys.other_rsa.token(&header(rsa), &claims(RSA)),
            SignatureWrong,
        ),
        (
            "its key in the header",
            keys.other_rsa.token(
                &json!({"alg": "RS256", "kid": "rsa", "jwk": keys.other_rsa.published}),
                &claims(RSA),
            ),
            SignatureWrong,
        ),
        (
            "its key behind jku",
            keys.other_rsa.token(
                &json!({"alg": "RS256", "kid": "other-rsa", "jku": world.server.uri()}),
                &claims(RSA),
            ),
            KeyUnknown,
        ),
        (
            "its key behind x5u",
            keys.other_rsa.token(
                &json!({"alg": "RS256", "kid": "other-rsa", "x5u": world.server.uri()}),
                &claims(RSA),
            ),
            KeyUnknown,
        ),
        (
            "an empty secret",
            hs256(b"", &json!({"alg": "HS256", "kid": "1"}), &plain),
            SignatureWrong,
        ),
        (
            "another secret",
            hs256(b"0", &json!({"alg": "HS256", "kid": "1"}), &plain),
            SignatureWrong,
        ),
        // The signature.
        ("truncated", good[..good.len() - 3].into(), SignatureWrong),
        ("changed", format!("{head}.{body}.{changed_signature}"), SignatureWrong),
        (
            "of another token",
            format!("{head}.{}.{signature}", encoded(claims(SHARED).to_string() + " ")),
            SignatureWrong,
        ),
        (
            "changed claims",
            format!(
                "{head}.{}.{signature}",
                encoded(with(&plain, "email", "b@northwind.example").to_string())
            ),
            SignatureWrong,
        ),
        (
            "changed header",
            format!("{}.{body}.{signature}", encoded(r#"{"alg":"HS256","kid":"1","typ":"JWT"}"#)),
            SignatureWrong,
        ),
        ("zeroes", format!("{head}.{body}.{}", encoded([0; 32])), SignatureWrong),
        // The issuer.
        ("iss missing", shared(&without(&plain, "iss")), IssuerMissing),
        ("iss null", changed("iss", Value::Null), IssuerMissing),
        ("iss empty", changed("iss", "".into()), IssuerMissing),
        ("iss a list", changed("iss", json!([SHARED])), IssuerMissing),
        ("iss another", changed("iss", "https://evil.example".into()), IssuerUnknown),
        ("iss with a slash", changed("iss", format!("{SHARED}/").into()), IssuerUnknown),
        ("iss in capitals", changed("iss", SHARED.to_uppercase().into()), IssuerUnknown),
        ("iss another of the settings", changed("iss", OTHER.into()), KeyUnknown),
        ("iss twice", shared_text(&member("iss", "\"https://evil.example\"")), ClaimsUnreadable),
        (
            "iss twice, escaped",
            shared_text(&member("\\u0069ss", "\"https://evil.example\"")),
            ClaimsUnreadable,
        ),
        // The audience.
        ("aud missing", shared(&without(&plain, "aud")), AudienceWrong),
        ("aud null", changed("aud", Value::Null), AudienceWrong),
        ("aud another connection", changed("aud", "contoso-test".into()), AudienceWrong),
        ("aud empty", changed("aud", "".into()), AudienceWrong),
        ("aud in capitals", changed("aud", CONNECTION.to_uppercase().into()), AudienceWrong),
        ("aud with more", changed("aud", format!("{CONNECTION} ").into()), AudienceWrong),
        ("aud a part", changed("aud", "contoso".into()), AudienceWrong),
        ("aud *", changed("aud", "*".into()), AudienceWrong),
        ("aud an empty list", changed("aud", json!([])), AudienceWrong),
        ("aud a list of others", changed("aud", json!(["contoso", "prod"])), AudienceWrong),
        ("aud a list with other things", changed("aud", json!([CONNECTION, 1])), AudienceWrong),
        ("aud a list of lists", changed("aud", json!([[CONNECTION]])), AudienceWrong),
        ("aud a number", changed("aud", 1.into()), AudienceWrong),
        ("aud an object", changed("aud", json!({"contoso-prod": true})), AudienceWrong),
        ("aud twice", shared_text(&member("aud", "\"contoso-test\"")), ClaimsUnreadable),
        // The times.
        ("expired 61 s ago", changed("exp", (seconds() - 61).into()), Expired),
        ("exp 0", changed("exp", 0.into()), Expired),
        ("exp negative", changed("exp", (-1).into()), Expired),
        ("exp 25 h ahead", changed("exp", (seconds() + 25 * 3600).into()), ExpiryTooFar),
        ("exp 61 s and a day ahead", changed("exp", (seconds() + 86_461).into()), ExpiryTooFar),
        ("exp in milliseconds", changed("exp", ((seconds() + 300) * 1000).into()), ExpiryTooFar),
        ("exp the largest", changed("exp", i64::MAX.into()), ExpiryTooFar),
        ("exp the smallest", changed("exp", i64::MIN.into()), Expired),
        ("exp too large", changed("exp", u64::MAX.into()), not_whole("exp")),
        (
            "exp far too large",
            shared_text(&text.replace("\"exp\":", "\"exp\":1000000000000000000000")),
            not_whole("exp"),
        ),
        (
            "exp with a point",
            shared_text(&text.replace(",\"iat\"", ".0,\"iat\"")),
            not_whole("exp"),
        ),
        (
            "exp with an exponent",
            shared_text(&text.replace("\"exp\":", "\"exp\":1e9,\"was\":")),
            not_whole("exp"),
        ),
        ("exp as text", changed("exp", (seconds() + 300).to_string().into()), not_whole("exp")),
        ("exp true", changed("exp", true.into()), not_whole("exp")),
        ("exp a list", changed("exp", json!([seconds() + 300])), not_whole("exp (and nbf)")),
        (
            "exp an object",
            changed("exp", json!({"$serde_json::private::Number": "1"})),
            not_whole("exp (and nbf)"),
        ),
        ("nbf a list", changed("nbf", json!([1])), not_whole("exp (and nbf)")),
        ("iat a list", changed("iat", json!([])), not_whole("iat")),
        ("exp missing", shared(&without(&plain, "exp")), ExpiryMissing),
        ("exp null", changed("exp", Value::Null), ExpiryMissing),
        ("exp twice", shared_text(&member("exp", "1")), ClaimsUnreadable),
        ("nbf in 61 s", changed("nbf", (seconds() + 61).into()), NotYetValid),
        ("nbf as text", changed("nbf", "0".into()), not_whole("nbf")),
        ("nbf with a point", changed("nbf", 0.5.into()), not_whole("nbf")),
        ("iat in 61 s", changed("iat", (seconds() + 61).into()), IssuedLater),
        ("iat as text", changed("iat", "0".into()), not_whole("iat")),
        // The email address.
        ("email_verified missing", shared(&without(&plain, "email_verified")), EmailNotVerified),
        ("email_verified null", changed("email_verified", Value::Null), EmailNotVerified),
        ("email_verified false", changed("email_verified", false.into()), EmailNotVerified),
        ("email_verified \"false\"", changed("email_verified", "false".into()), EmailNotVerified),
        ("email_verified \"TRUE\"", changed("email_verified", "TRUE".into()), EmailNotVerified),
        ("email_verified \"\"", changed("email_verified", "".into()), EmailNotVerified),
        ("email_verified 1", changed("email_verified", 1.into()), EmailNotVerified),
        ("email_verified a list", changed("email_verified", json!([true])), EmailNotVerified),
        ("email_verified twice", shared_text(&member("email_verified", "false")), ClaimsUnreadable),
        (
            "trusted, but not verified",
            rsa.token(&header(rsa), &with(&claims(TRUSTING), "email_verified", false)),
            EmailNotVerified,
        ),
        ("email twice", shared_text(&member("email", "\"b@northwind.example\"")), ClaimsUnreadable),
        (
            "email with a Cyrillic a",
            changed("email", "m\u{430}ren.quist@northwind.example".into()),
            EmailInvalid,
        ),
        (
            "email with a wide @",
            changed("email", "maren.quist\u{ff20}northwind.example".into()),
            EmailInvalid,
        ),
        (
            "email with an accent",
            changed("email", "maren.quist@n\u{f6}rthwind.example".into()),
            EmailInvalid,
        ),
        (
            "email with a name",
            changed("email", "Maren <maren.quist@northwind.example>".into()),
            EmailInvalid,
        ),
        (
            "email with a space",
            changed("email", "maren.quist@northwind.example ".into()),
            EmailInvalid,
        ),
        (
            "email with a null",
            changed("email", "maren.quist@northwind.example\0".into()),
            EmailInvalid,
        ),
        (
            "two emails",
            changed("email", "a@northwind.example,b@northwind.example".into()),
            EmailInvalid,
        ),
        ("email a list", changed("email", json!(["maren.quist@northwind.example"])), EmailInvalid),
        ("email empty", changed("email", "".into()), EmailInvalid),
        // Whom it names.
        ("email missing", shared(&without(&plain, "email")), unnamed.clone()),
        ("email null", changed("email", Value::Null), unnamed.clone()),
        (
            "only what is no subject",
            shared(&with(&without(&plain, "email"), "sub", "u-1")),
            unnamed.clone(),
        ),
        (
            "nobody can be named",
            rsa.token(&header(rsa), &with(&without(&claims(RSA), "email"), "sub", "u-1")),
            Nobody { subject: None },
        ),
        ("subject empty", for_subject("".into()), invalid()),
        ("subject a number", for_subject(4711.into()), invalid()),
        ("subject a list", for_subject(json!(["u-1"])), invalid()),
        ("subject with a line's end", for_subject("u-1\n".into()), invalid()),
        ("subject with a control character", for_subject("u\u{85}1".into()), invalid()),
        ("subject too long", for_subject("ö".repeat(201).into()), invalid()),
        ("subject wrong, email right", changed("user_id", "".into()), invalid()),
        ("contactid no GUID", of_contact("sub", "u-1".into()), NotAGuid { claim: "sub".into() }),
        (
            "contactid zero",
            of_contact("sub", "00000000-0000-0000-0000-000000000000".into()),
            NotAGuid { claim: "sub".into() },
        ),
        (
            "account no GUID",
            of_contact("account_id", "northwind".into()),
            NotAGuid { claim: "account_id".into() },
        ),
        (
            "account a number",
            of_contact("account_id", 1.into()),
            NotAGuid { claim: "account_id".into() },
        ),
    ];
    assert!(cases.len() > 100, "{}", cases.len());
    let mut odd = Vec::new();
    for (name, token, expected) in &cases {
        let found = world.verify(token).await;
        if found.as_ref() != Err(expected) {
            odd.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
        let shown = format!("{expected} {expected:?}");
        assert!(!shown.contains("maren") && !shown.contains("northwind"), "{shown}");
    }
    assert!(odd.is_empty(), "{odd:#?}");
    // The keys were fetched once; no token's own address was.
    assert_eq!(world.server.received_requests().await.unwrap().len(), 1);
    // Each is refused for its own reason: the one that they are made of is good.
    assert!(world.verify(&good).await.is_ok());
}

#[tokio::test]
async fn a_subject_names_the_contact() {
    let world = World::new().await;
    let named = with(&claims(SHARED), "user_id", "u-4711");
    let key = |column: &str, value: &str| {
        Some(ContactKey { column: column.to_owned(), value: value.to_owned() })
    };
    let user = key("externaluseridentifier", "u-4711");
    let vouched = world.verify(&shared(&named)).await.unwrap();
    assert_eq!(vouched.key, user);
    assert_eq!(vouched.email, Address::parse("maren.quist@northwind.example").ok());
    // Beside it, an email address that does not count is no error, whatever it is.
    for (email, verified) in [
        (json!("maren.quist@northwind.example"), json!(false)),
        (json!("m\u{430}ren"), json!(null)),
        (json!(1), json!("no")),
        (json!(null), json!(true)),
    ] {
        let token = with(&with(&named, "email", email.clone()), "email_verified", verified);
        let vouched = world.verify(&shared(&token)).await.unwrap();
        assert_eq!((vouched.email, &vouched.key), (None, &user), "{email}");
    }
    // One that counts has to be one.
    let token = with(&named, "email", "m\u{430}ren@northwind.example");
    assert_eq!(world.verify(&shared(&token)).await, Err(TokenError::EmailInvalid));

    let other = |sub: &str, account: Value| {
        let claims = with(&with(&claims(OTHER), "sub", sub), "account_id", account);
        let head = json!({"alg": "HS256", "kid": "3"});
        hs256(b"a-secret-of-somebody-else-0000001", &head, &claims)
    };
    let (contact, account) =
        ("D61ABDE7-181E-5F77-B59E-84C544C5040B", "852dede1-e4e7-5617-bc33-b74f2626b52a");
    let vouched = world.verify(&other(contact, account.into())).await.unwrap();
    assert_eq!(vouched.key, key("contactid", "d61abde7-181e-5f77-b59e-84c544c5040b"));
    assert_eq!(vouched.account, account.parse().ok());
    let vouched = world.verify(&other(contact, Value::Null)).await.unwrap();
    assert_eq!(vouched.account, None);
}

#[tokio::test]
async fn the_time_is_the_callers() {
    let world = World::new().await;
    let token = shared(&claims(SHARED));
    for (seconds, expected) in [
        (-61, Some(TokenError::IssuedLater)),
        (-60, None),
        (360, None),
        (361, Some(TokenError::Expired)),
        (-86_400, Some(TokenError::ExpiryTooFar)),
    ] {
        let then = now() + SignedDuration::from_secs(seconds);
        let found = verify(&token, &world.settings, CONNECTION, &world.keys, then).await;
        assert_eq!(found.err(), expected, "{seconds}");
    }
    for then in [Timestamp::MIN, Timestamp::MAX] {
        assert!(verify(&token, &world.settings, CONNECTION, &world.keys, then).await.is_err());
    }
}

#[tokio::test]
async fn that_keys_cannot_be_had_is_no_fault_of_the_token() {
    let world = World::new().await;
    world.server.reset().await;
    let pair = &keys().rsa;
    let token = pair.token(&header(pair), &claims(RSA));
    let error = world.verify(&token).await.unwrap_err();
    assert_eq!(error, TokenError::KeysUnavailable(KeysError::Status(404)));
    let shown = error.to_string();
    assert!(shown.contains("try again later") && !shown.contains("127.0.0.1"), "{shown}");
    // Tokens that need no keys, or no longer do, are not concerned.
    assert!(world.verify(&shared(&claims(SHARED))).await.is_ok());
}

#[tokio::test]
async fn a_token_for_one_connection_is_none_for_another() {
    let world = World::new().await;
    let token = shared(&with(&claims(SHARED), "aud", json!(["contoso-prod", "contoso-test"])));
    for (connection, is_right) in
        [("contoso-prod", true), ("contoso-test", true), ("contoso", false), ("", false)]
    {
        let found = verify(&token, &world.settings, connection, &world.keys, now()).await;
        assert_eq!(found.is_ok(), is_right, "{connection}");
    }
}

/// Settings and keys that need no server.
fn offline() -> (TokenSettings, KeySets) {
    let settings = json!({"issuers": [
        {"issuer": SHARED, "algorithm": "HS256", "keys": [{"kid": "1", "secret": FIRST}],
         "subject": {"column": "contactid"}, "account": "account"},
        {"issuer": RSA, "algorithms": ["RS256"], "jwks": "https://127.0.0.1/"},
    ]});
    let keys = KeySets::new(tls(RootCertStore::empty()), false).unwrap();
    (TokenSettings::read(settings).unwrap(), keys)
}

/// Waits for it.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A value of JSON, as a claim may be.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!([SHARED, 1, null])),
        Just(json!({"$serde_json::private::Number": "x"})),
    ]
}

proptest! {
    #[test]
    fn any_text_is_refused(text in "\\PC*", parts in prop::collection::vec(any::<Vec<u8>>(), 1..6)) {
        let (settings, keys) = offline();
        wait(async {
            let coded = parts.iter().map(encoded).collect::<Vec<_>>().join(".");
            for text in [&text, &coded, &format!("{}.{}.{text}", encoded(&text), encoded(&text))] {
                assert!(verify(text, &settings, CONNECTION, &keys, now()).await.is_err());
            }
        });
    }

    #[test]
    fn any_claims_and_headers_panic_nowhere(
        name in "(iss|aud|exp|nbf|iat|email|email_verified|sub|account)",
        parameter in "(alg|kid|typ|cty|crit|jwk|jku|x5c)",
        value in any_value(),
        issuer in prop_oneof![Just(SHARED), Just(RSA)],
    ) {
        let (settings, keys) = offline();
        let claims = with(&claims(issuer), &name, value.clone());
        let head = with(&json!({"alg": "HS256", "kid": "1"}), &parameter, value);
        let plain = json!({"alg": "HS256", "kid": "1"});
        wait(async {
            for (head, claims) in [(&plain, &claims), (&head, &claims)] {
                let token = hs256(FIRST.as_bytes(), head, claims);
                let _ = verify(&token, &settings, CONNECTION, &keys, now()).await;
            }
        });
    }
}

/// That a token was right once, says nothing of another connection, key or time, nor of another text.
#[tokio::test]
async fn what_was_right_before_is_right_with_the_same_key_alone() {
    let world = World::new().await;
    let keys = keys();
    let of_rsa = keys.rsa.token(&header(&keys.rsa), &claims(RSA));
    for token in [shared(&claims(SHARED)), of_rsa] {
        for _ in 0..2 {
            world.verify(&token).await.unwrap();
        }
        let elsewhere = verify(&token, &world.settings, "other", &world.keys, now()).await;
        assert_eq!(elsewhere, Err(TokenError::AudienceWrong));
        let late = now().checked_add(SignedDuration::from_hours(1)).unwrap();
        let late = verify(&token, &world.settings, CONNECTION, &world.keys, late).await;
        assert_eq!(late, Err(TokenError::Expired));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", encoded("nothing of that kind"));
        assert_eq!(world.verify(&forged).await, Err(TokenError::SignatureWrong));
    }
    // The key of this name is another one by now.
    let settings = json!({"issuers": [{
        "issuer": SHARED, "algorithm": "HS256", "keys": [{"kid": "1", "secret": SECOND}],
    }]});
    let settings = TokenSettings::read(settings).unwrap();
    let token = shared(&claims(SHARED));
    let replaced = verify(&token, &settings, CONNECTION, &world.keys, now()).await;
    assert_eq!(replaced, Err(TokenError::SignatureWrong));
    // A published one has another mark when it is replaced.
    let mut set = published();
    let before = crate::published::read(set.to_string().as_bytes()).unwrap();
    let (first, second) = (set["keys"][0].clone(), set["keys"][1].clone());
    set["keys"][0] = second;
    set["keys"][0]["kid"] = first["kid"].clone();
    let after = crate::published::read(set.to_string().as_bytes()).unwrap();
    assert_eq!(before[0].kid, after[0].kid);
    assert_ne!(before[0].mark, after[0].mark);
}
