//! Tokens of which nobody who may has signed what they say, or not in a way that counts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{CertificateParams, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

use super::keys::{
    CHAT, DESK, DESK_SECRET, Forge, RSA_ONLY, decoded, encoded, hs256, signed, with, without,
};
use super::{Hostile, Sent};

/// How often a group of the curve P-256 is added up until it is nothing: the number n.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The same of Ed25519, the last byte first.
const ED25519_ORDER: [u8; 32] = [
    0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x14, 0xde, 0xf9, 0xde, 0xa2, 0xf7, 0x9c, 0xd6, 0x58, 0x12, 0x63, 0x1a, 0x5c, 0xf5, 0xd3, 0xed,
];

/// The other signature of ES256 that is right for the same text: (r, n − s).
pub(crate) fn other_form(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = decoded(signature);
    let mut borrowed = 0;
    for place in (0..32).rev() {
        let left = i16::from(P256_ORDER[place]) - i16::from(signature[32 + place]) - borrowed;
        borrowed = i16::from(left < 0);
        signature[32 + place] = left.rem_euclid(256) as u8;
    }
    format!("{message}.{}", encoded(signature))
}

/// A signature of EdDSA whose second half is larger by the order. Of old it was right, too.
fn larger_by_the_order(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = decoded(signature);
    let mut carried = 0;
    for (place, byte) in ED25519_ORDER.iter().rev().enumerate() {
        let sum = u16::from(signature[32 + place]) + u16::from(*byte) + carried;
        signature[32 + place] = (sum % 256) as u8;
        carried = sum / 256;
    }
    format!("{message}.{}", encoded(signature))
}

fn all(named: Vec<(impl Into<String>, String)>) -> Vec<Hostile> {
    let hostile = |(name, token): (_, _)| Hostile::new(name, Sent::Once(token));
    named.into_iter().map(hostile).collect()
}

/// What is no signed token at all, or is wrapped in something.
pub(crate) fn of_no_form(forge: &Forge) -> Vec<Hostile> {
    let good = forge.rsa.token(&forge.claims(CHAT));
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let claims = forge.claims(CHAT);
    let mut tokens = all(vec![
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("undefined", "undefined".to_owned()),
        ("the address alone", claims["email"].as_str().unwrap().to_owned()),
        ("the claims as JSON", claims.to_string()),
        ("dots", "..".to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("the signature alone", format!("..{signature}")),
        ("four parts", format!("{good}.{signature}")),
        ("a dot behind", format!("{good}.")),
        ("a dot before", format!(".{good}")),
        ("the parts in another order", format!("{body}.{head}.{signature}")),
        ("two tokens with a comma", format!("{good},{good}")),
        ("two tokens with a space", format!("{good} {good}")),
        ("a scheme before", format!("Bearer {good}")),
        ("in quotes", format!("\"{good}\"")),
        ("a space within", format!("{head}. {body}.{signature}")),
        ("a tab within", format!("{head}.{body}\t.{signature}")),
        ("dots as in a URL", good.replace('.', "%2E")),
        ("in lower case", good.to_lowercase()),
        ("a mark of the byte order before", format!("\u{feff}{good}")),
        ("a space that nobody sees behind", format!("{good}\u{200b}")),
        ("a space that breaks no line before", format!("\u{a0}{good}")),
        ("dots of another script", good.replace('.', "\u{ff0e}")),
        ("padded", format!("{good}=")),
        ("the header padded", format!("{head}==.{body}.{signature}")),
        ("the claims padded", format!("{head}.{body}==.{signature}")),
        ("plain base64", format!("{head}.{body}.{}", signature.replace(['-', '_'], "+"))),
        ("too long", forge.rsa.token(&with(&claims, "x", "x".repeat(4000)))),
        ("far too long", format!("{head}.{}.{signature}", "A".repeat(20_000))),
        (
            "JWS in JSON",
            json!({"payload": body, "protected": head, "signature": signature}).to_string(),
        ),
        ("encrypted", format!("{}..aXY.dGV4dA.dGFn", encoded(r#"{"alg":"dir","enc":"A128GCM"}"#))),
        ("encrypted with the public key", {
            let head = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "rsa"}).to_string();
            format!("{}.{}.aXY.{body}.dGFn", encoded(head), encoded([7; 256]))
        }),
        ("a token in a token", forge.rsa.text(&good)),
        ("a token in a text in a token", forge.rsa.text(json!(good).to_string())),
    ]);
    for (name, claims) in [
        ("claims that are a list", b"[]".to_vec()),
        ("claims that are nothing", Vec::new()),
        ("claims with more behind", format!("{claims}{{}}").into_bytes()),
        ("claims after a mark of the byte order", format!("\u{feff}{claims}").into_bytes()),
        (
            "claims in UTF-16",
            claims.to_string().encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "claims that are no UTF-8",
            [&b"{\"x\":\"\xff\","[..], &claims.to_string().as_bytes()[1..]].concat(),
        ),
        ("claims with a comment", claims.to_string().replacen('{', "{/**/", 1).into_bytes()),
        ("claims that are deep", format!("{{\"x\":{}", "[".repeat(1000)).into_bytes()),
    ] {
        tokens.push(Hostile::new(name, Sent::Once(forge.rsa.text(claims))));
    }
    let head = |name: &str, value: Value| {
        forge.rsa.headed(&with(&forge.rsa.header(), name, value), &claims)
    };
    tokens.extend(all(vec![
        ("crit", head("crit", json!(["exp"]))),
        ("an empty crit", head("crit", json!([]))),
        ("b64", head("b64", json!(false))),
        ("zip", head("zip", json!("DEF"))),
        ("cty", head("cty", json!("JWT"))),
        ("enc", head("enc", json!("A128GCM"))),
        ("typ is a number", head("typ", json!(1))),
        ("typ is a list", head("typ", json!(["JWT"]))),
        ("jwk is a text", head("jwk", json!("x"))),
        ("x5c is a text", head("x5c", json!("MIIB"))),
        ("alg is a list", head("alg", json!(["RS256"]))),
        (
            "alg twice",
            signed(
                r#"{"alg":"none","kid":"rsa","alg":"RS256"}"#,
                claims.to_string(),
                &forge.rsa.private,
                Algorithm::RS256,
            ),
        ),
        (
            "kid twice",
            signed(
                r#"{"alg":"RS256","kid":"ec","kid":"rsa"}"#,
                claims.to_string(),
                &forge.rsa.private,
                Algorithm::RS256,
            ),
        ),
        (
            "the header is a list",
            signed("[]", claims.to_string(), &forge.rsa.private, Algorithm::RS256),
        ),
    ]));
    tokens
}

/// Unsigned, or with an algorithm that does not count.
pub(crate) fn of_algorithms(forge: &Forge) -> Vec<Hostile> {
    let claims = forge.claims(CHAT);
    let good = forge.rsa.token(&claims);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let mut tokens = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "none ", "\u{200b}none", "null", ""] {
        let head = json!({"alg": alg, "kid": "rsa"}).to_string();
        for (how, signature) in [("without", ""), ("with zero as", "AA"), ("with a", signature)] {
            let token = format!("{}.{}.{signature}", encoded(&head), encoded(claims.to_string()));
            tokens.push((format!("alg {alg:?} {how} signature"), token));
        }
    }
    for head in [json!({"kid": "rsa"}), json!({"alg": null, "kid": "rsa"}), json!({})] {
        tokens.push((format!("the header {head}"), forge.rsa.headed(&head, &claims)));
    }
    for alg in [
        "RS1",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES256K",
        "ES384",
        "ES512",
        "EdDSA",
        "Ed25519",
        "Ed448",
        "HS1",
        "HS256",
        "HS384",
        "HS512",
        "ML-DSA-44",
        "RSA-OAEP",
        "A128KW",
        "dir",
        "rs256",
        "RS256 ",
        "RS\u{ff12}56",
        "SHA256withRSA",
    ] {
        let head = json!({"alg": alg, "kid": "rsa"});
        tokens.push((format!("RS256 that is called {alg:?}"), forge.rsa.headed(&head, &claims)));
    }
    for algorithm in
        [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
    {
        for alg in [format!("{algorithm:?}"), "RS256".to_owned()] {
            let head = json!({"alg": alg, "kid": "rsa"}).to_string();
            let token = signed(head, claims.to_string(), &forge.rsa.private, algorithm);
            tokens.push((format!("{algorithm:?} that is called {alg}"), token));
        }
    }
    let secret = EncodingKey::from_secret(DESK_SECRET.as_bytes());
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        for alg in [format!("{algorithm:?}"), "HS256".to_owned()] {
            let head = json!({"alg": alg, "kid": "desk"}).to_string();
            let token = signed(head, forge.desk_claims().to_string(), &secret, algorithm);
            tokens.push((format!("{algorithm:?} that is called {alg}"), token));
        }
    }
    tokens.push(("ES256 where RS256 counts".to_owned(), forge.ec.token(&forge.claims(RSA_ONLY))));
    tokens.push(("EdDSA where RS256 counts".to_owned(), forge.ed.token(&forge.claims(RSA_ONLY))));
    all(tokens)
}

/// What is public taken for a secret, and the secret of one for that of another.
pub(crate) fn of_confused_keys(forge: &Forge) -> Vec<Hostile> {
    let rsa = &forge.rsa;
    let pem = rsa.pair.public_key_pem();
    let modulus = rsa.published["n"].as_str().unwrap();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("the key in PEM", pem.clone().into()),
        ("the key in PEM without the last line's end", pem.trim_end().into()),
        (
            "the key in PEM with other line ends",
            pem.replace("\r\n", "\n").replace('\n', "\r\n").into(),
        ),
        ("the key in DER", rsa.pair.subject_public_key_info()),
        ("the key in PKCS #1", rsa.pair.public_key_raw().to_vec()),
        ("the key as JWK", rsa.published.to_string().into()),
        ("all keys as JWKS", forge.published().to_string().into()),
        ("the modulus", decoded(modulus)),
        ("the modulus in base64", modulus.into()),
        ("the exponent", decoded(rsa.published["e"].as_str().unwrap())),
        ("the point of the curve", forge.ec.pair.public_key_raw().to_vec()),
        ("the key of Ed25519", forge.ed.pair.public_key_raw().to_vec()),
        ("the name of the key", "rsa".into()),
        ("nothing", Vec::new()),
        ("zeroes", vec![0; 32]),
    ];
    let mut tokens = Vec::new();
    for (name, secret) in secrets {
        for (kid, claims) in [
            ("rsa", forge.claims(CHAT)),
            ("rsa", forge.claims(RSA_ONLY)),
            ("desk", forge.desk_claims()),
        ] {
            let token = hs256(&secret, &json!({"alg": "HS256", "kid": kid}), &claims);
            tokens.push((format!("{name} as secret of {}", claims["iss"]), token));
        }
    }
    let by_secret = |alg: &str, kid: &str, issuer: &str| {
        hs256(DESK_SECRET, &json!({"alg": alg, "kid": kid}), &forge.claims(issuer))
    };
    for (alg, kid, issuer) in [
        ("HS256", "oct", CHAT),
        ("RS256", "oct", CHAT),
        ("HS256", "desk", CHAT),
        ("RS256", "desk", CHAT),
        ("RS256", "rsa", CHAT),
        ("HS256", "oct", DESK),
    ] {
        let name = format!("the secret of the desk as {alg} with {kid} of {issuer}");
        tokens.push((name, by_secret(alg, kid, issuer)));
    }
    let of_desk = forge.desk_claims();
    for (alg, kid) in [("RS256", "rsa"), ("RS256", "desk"), ("HS256", "desk"), ("HS256", "rsa")] {
        let token = rsa.headed(&json!({"alg": alg, "kid": kid}), &of_desk);
        tokens.push((format!("the key of the chat as {alg} with {kid} of the desk"), token));
    }
    all(tokens)
}

/// By a key that is not the issuer's, or not the one that it is said to be. `server` serves the forged
/// keys.
pub(crate) fn of_other_keys(forge: &Forge, server: &str) -> Vec<Hostile> {
    let (rsa, forged) = (&forge.rsa, &forge.forged_rsa);
    let certificate = CertificateParams::default().self_signed(&forged.pair).unwrap();
    let claims = forge.claims(CHAT);
    let mut tokens = vec![
        ("a key by another's name".to_owned(), forged.token(&claims)),
        ("a key of the curve by another's name".to_owned(), forge.forged_ec.token(&claims)),
    ];
    for kid in ["rsa", "forged", "evil"] {
        for (name, value) in [
            ("jwk", forged.published.clone()),
            ("jku", json!(format!("{server}/forged"))),
            ("x5u", json!(format!("{server}/forged"))),
            ("x5c", json!([STANDARD.encode(certificate.der())])),
        ] {
            let head = json!({"alg": "RS256", "kid": kid, name: value});
            tokens
                .push((format!("its own key in {name}, kid {kid}"), forged.headed(&head, &claims)));
        }
    }
    for kid in [
        json!(null),
        json!(""),
        json!(1),
        json!(["rsa"]),
        json!({"rsa": true}),
        json!("RSA"),
        json!("rsa "),
        json!("rsa\0"),
        json!("ec"),
        json!("ed"),
        json!("desk"),
        json!("new"),
        json!("../../../../dev/null"),
        json!("rsa' or '1'='1"),
        json!(format!("{server}/forged")),
        json!("*"),
    ] {
        tokens.push((
            format!("kid {kid}"),
            rsa.headed(&json!({"alg": "RS256", "kid": kid}), &claims),
        ));
    }
    tokens.push(("kid missing".to_owned(), rsa.headed(&json!({"alg": "RS256"}), &claims)));
    for kid in ["ec", "ed"] {
        let head = json!({"alg": "EdDSA", "kid": if kid == "ec" { "ed" } else { "ec" }});
        let pair = if kid == "ec" { &forge.ec } else { &forge.ed };
        tokens.push((format!("the key {kid} by the other's name"), pair.headed(&head, &claims)));
    }
    all(tokens)
}

/// A signature that is not that of what is said.
pub(crate) fn of_signatures(forge: &Forge) -> Vec<Hostile> {
    let claims = forge.claims(CHAT);
    let other = with(&claims, "email", "zoe.brandt@litware.example");
    let mut tokens = Vec::new();
    for pair in [&forge.rsa, &forge.ec, &forge.ed] {
        let name = |what: &str| format!("{:?}: {what}", pair.algorithm);
        let good = pair.token(&claims);
        let (message, signature) = good.rsplit_once('.').unwrap();
        let raw = decoded(signature);
        let (first, second) = raw.split_at(raw.len() / 2);
        let mut changed = raw.clone();
        changed[10] ^= 1;
        let mut last = raw.clone();
        *last.last_mut().unwrap() ^= 1;
        for (what, bytes) in [
            ("a byte is missing", raw[1..].to_vec()),
            ("the last byte is missing", raw[..raw.len() - 1].to_vec()),
            ("one half", first.to_vec()),
            ("the halves in another order", [second, first].concat()),
            ("a zero before", [&[0], &raw[..]].concat()),
            ("a zero behind", [&raw[..], &[0]].concat()),
            ("twice", [&raw[..], &raw[..]].concat()),
            ("a bit is another", changed),
            ("the last bit is another", last),
            ("zeroes", vec![0; raw.len()]),
            ("ones", vec![1; raw.len()]),
            ("all bits", vec![0xff; raw.len()]),
        ] {
            tokens.push((name(what), format!("{message}.{}", encoded(bytes))));
        }
        let (_, of_other) = pair
            .token(&other)
            .rsplit_once('.')
            .map(|it| (it.0.to_owned(), it.1.to_owned()))
            .unwrap();
        tokens.push((name("of another token"), format!("{message}.{of_other}")));
        let (head, _) = message.split_once('.').unwrap();
        let swapped = format!("{head}.{}.{signature}", encoded(other.to_string()));
        tokens.push((name("the claims are others"), swapped));
        let more = encoded(with(&pair.header(), "typ", "JWT").to_string());
        let body = encoded(claims.to_string());
        tokens.push((name("the header is another"), format!("{more}.{body}.{signature}")));
        let cut = &signature[..signature.len() - 1];
        tokens.push((name("a character is missing"), format!("{message}.{cut}")));
    }
    let es256 = forge.ec.token(&claims);
    let (message, _) = es256.rsplit_once('.').unwrap();
    let (zero, one) = ([0; 32], {
        let mut one = [0; 32];
        one[31] = 1;
        one
    });
    for (what, halves) in [
        ("r is 0, s is 1", [zero, one]),
        ("r is 1, s is 0", [one, zero]),
        ("r and s are n", [P256_ORDER; 2]),
        ("r is n, s is 1", [P256_ORDER, one]),
    ] {
        tokens.push((format!("ES256: {what}"), format!("{message}.{}", encoded(halves.concat()))));
    }
    let der = forge.ec.pair.sign(message.as_bytes()).unwrap();
    tokens.push(("ES256: in DER".to_owned(), format!("{message}.{}", encoded(der))));
    let (_, signature) =
        other_form(&es256).rsplit_once('.').map(|it| (it.0.to_owned(), it.1.to_owned())).unwrap();
    let forged = without(&other, "iat").to_string();
    let forged =
        format!("{}.{}.{signature}", encoded(forge.ec.header().to_string()), encoded(forged));
    tokens.push(("ES256: the other form, for other claims".to_owned(), forged));
    let larger = larger_by_the_order(&forge.ed.token(&claims));
    tokens.push(("EdDSA: s is larger by the order".to_owned(), larger));
    all(tokens)
}
