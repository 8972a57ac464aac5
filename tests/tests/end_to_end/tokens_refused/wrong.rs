//! Tokens that are signed as they should be, and say what does not count.

use serde_json::{Value, json};

use super::keys::{CHAT, DESK, EMEA, Forge, with, without};
use super::{Hostile, Sent};
use crate::harness::MAREN;

/// With one claim that is another, of the chat.
fn claims(forge: &Forge, name: &str, values: Vec<Value>) -> Vec<Hostile> {
    let of = |value: Value| {
        let token = forge.rsa.token(&forge.with(name, value.clone()));
        Hostile::new(format!("{name} {value}"), Sent::Once(token))
    };
    let missing = forge.rsa.token(&without(&forge.claims(CHAT), name));
    let missing = Hostile::new(format!("{name} missing"), Sent::Once(missing));
    values.into_iter().map(of).chain([missing]).collect()
}

/// The claims of the chat as a text, with this before them.
fn after(forge: &Forge, member: &str) -> Hostile {
    let claims = forge.claims(CHAT).to_string();
    let token = forge.rsa.text(format!("{{{member},{}", &claims[1..]));
    Hostile::new(format!("twice: {member}"), Sent::Once(token))
}

/// From somebody else, or for somebody else.
pub(crate) fn of_others(forge: &Forge) -> Vec<Hostile> {
    let mut tokens = claims(
        forge,
        "iss",
        vec![
            json!(null),
            json!(""),
            json!([CHAT]),
            json!(1),
            json!(EMEA),
            json!(DESK),
            json!("https://evil.example"),
            json!(format!("{CHAT}/")),
            json!(CHAT.to_uppercase()),
            json!(format!(" {CHAT}")),
            json!("https://ch\u{430}t.example"),
            json!("chat.example"),
        ],
    );
    tokens.extend(claims(
        forge,
        "aud",
        vec![
            json!(null),
            json!(""),
            json!([]),
            json!("emea"),
            json!(["emea"]),
            json!("DEFAULT"),
            json!("default "),
            json!("defaul"),
            json!("default,emea"),
            json!("*"),
            json!(1),
            json!(true),
            json!({"default": true}),
            json!([["default"]]),
            json!(["default", 1]),
            json!("d\u{435}fault"),
            json!("https://api.example/v1/connections/default"),
        ],
    ));
    for connection in ["default", "emea"] {
        let token = forge.emea(connection);
        let name = format!("another connection's issuer, for {connection}");
        tokens.push(Hostile::new(name, Sent::Once(token)));
    }
    for (name, token) in [
        ("for another connection", forge.rsa.token(&forge.claims(CHAT))),
        (
            "for the other connection, but of no issuer of it",
            forge.rsa.token(&forge.with("aud", "emea")),
        ),
        ("of its issuer, but for another connection", forge.emea("default")),
    ] {
        tokens.push(Hostile::new(name, Sent::Elsewhere(token)));
    }
    for name in ["iss", "aud", "exp", "nbf", "iat", "email", "email_verified"] {
        let value = match name {
            "iss" => json!("https://evil.example"),
            "aud" => json!("emea"),
            "email" => json!("zoe.brandt@litware.example"),
            "email_verified" => json!(false),
            _ => json!(1),
        };
        // What stands there once is no error.
        if name != "nbf" {
            tokens.push(after(forge, &format!("\"{name}\":{value}")));
        }
        let escaped = format!("\\u00{:02x}{}", name.as_bytes()[0], &name[1..]);
        tokens.push(after(forge, &format!("\"{escaped}\":{value},\"{name}\":{value}")));
    }
    tokens
}

/// Too early, too late, or at no time.
pub(crate) fn of_times(forge: &Forge) -> Vec<Hostile> {
    let now = forge.now;
    let mut tokens = claims(
        forge,
        "exp",
        vec![
            json!(now - 120),
            json!(now - 86_400),
            json!(0),
            json!(-1),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(now + 25 * 3600),
            json!(now + 315_360_000),
            json!((now + 600) * 1000),
            json!((now + 600).to_string()),
            json!(true),
            json!(null),
            json!([now + 600]),
            json!({"exp": now + 600}),
            json!("2099-01-01T00:00:00Z"),
        ],
    );
    // The text of a number that JSON has, but no time, or that it has not.
    for number in [
        format!("{}.0", now + 600),
        format!("{}.5", now + 600),
        format!("{}e0", now + 600),
        "1e10".to_owned(),
        "1e400".to_owned(),
        format!("{}0000000000000000000", now),
        format!("-{}", now + 600),
        format!("+{}", now + 600),
        format!("0{}", now + 600),
        format!("0x{:x}", now + 600),
        "NaN".to_owned(),
        "Infinity".to_owned(),
        String::new(),
    ] {
        let claims = without(&forge.claims(CHAT), "exp").to_string();
        let token = forge.rsa.text(format!("{{\"exp\":{number},{}", &claims[1..]));
        tokens.push(Hostile::new(format!("the number exp {number}"), Sent::Once(token)));
    }
    for name in ["nbf", "iat"] {
        for value in [
            json!(now + 3600),
            json!(now + 315_360_000),
            json!(i64::MAX),
            json!(u64::MAX),
            json!((now - 60) * 1000),
            json!("0"),
            json!(0.5),
            json!(true),
            json!([now]),
            json!({}),
        ] {
            let token = forge.rsa.token(&forge.with(name, value.clone()));
            tokens.push(Hostile::new(format!("{name} {value}"), Sent::Once(token)));
        }
    }
    let long = with(&forge.with("iat", now - 31_536_000), "exp", now + 31_536_000);
    tokens.push(Hostile::new("two years", Sent::Once(forge.rsa.token(&long))));
    tokens
}

/// Of nobody, or of somebody who only looks like the visitor.
pub(crate) fn of_nobody(forge: &Forge) -> Vec<Hostile> {
    let mut tokens = claims(
        forge,
        "email_verified",
        vec![
            json!(false),
            json!(null),
            json!("false"),
            json!("True"),
            json!("TRUE"),
            json!(" true"),
            json!("1"),
            json!("yes"),
            json!(""),
            json!(1),
            json!([true]),
            json!({"value": true}),
            json!("tru\u{435}"),
        ],
    );
    let (local, domain) = MAREN.split_once('@').unwrap();
    tokens.extend(claims(
        forge,
        "email",
        vec![
            json!(null),
            json!(""),
            json!(1),
            json!([MAREN]),
            json!({"address": MAREN}),
            json!(local),
            json!(format!("@{domain}")),
            json!(format!("{local}@")),
            json!(format!("{local}@@{domain}")),
            json!(format!("{local}@evil.example@{domain}")),
            json!(format!(" {MAREN}")),
            json!(format!("{MAREN} ")),
            json!(format!("{MAREN}\n")),
            json!(format!("{MAREN}\0")),
            json!(format!("{MAREN}\0.evil.example")),
            json!(format!("{MAREN},zoe.brandt@litware.example")),
            json!(format!("{MAREN};zoe.brandt@litware.example")),
            json!(format!("Maren <{MAREN}>")),
            json!(format!("<{MAREN}>")),
            json!(format!("mailto:{MAREN}")),
            json!(format!("\"{local}\"@{domain}")),
            json!(format!("{local}(chat)@{domain}")),
            json!(MAREN.replace('@', "%40")),
            json!(format!("{local}@[127.0.0.1]")),
            // Homographs, accents, and what falls together when it is folded.
            json!(MAREN.replacen('a', "\u{430}", 1)),
            json!(MAREN.replace('o', "\u{3bf}")),
            json!(MAREN.replace('@', "\u{ff20}")),
            json!(MAREN.replacen('m', "\u{ff4d}", 1)),
            json!(MAREN.replacen('.', "\u{3002}", 1)),
            json!(MAREN.replacen('o', "\u{f6}", 1)),
            json!(MAREN.replacen('o', "o\u{308}", 1)),
            json!(MAREN.replacen('a', "\u{e1}", 1)),
            json!(MAREN.replacen('i', "\u{131}", 1)),
            json!(MAREN.replacen('s', "\u{17f}", 1)),
            json!(MAREN.replacen('m', "\u{1d426}", 1)),
            json!(format!("\u{200b}{MAREN}")),
            json!(format!("\u{202e}{MAREN}")),
            json!(MAREN.replacen('@', "\u{ad}@", 1)),
            json!(format!("\u{feff}{MAREN}")),
            json!(format!("{MAREN}\u{a0}")),
            json!(format!("{}@{domain}", "a".repeat(400))),
        ],
    ));
    let of_desk = forge.desk_claims();
    for sub in [
        json!(""),
        json!(" "),
        json!(4711),
        json!(0),
        json!(true),
        json!([forge.contact]),
        json!({"id": forge.contact}),
        json!("maren"),
        json!(MAREN),
        json!("*"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!(format!("{}\n", forge.contact)),
        json!(format!(" {}", forge.contact)),
        json!(format!("{}\0", forge.contact)),
        json!(&forge.contact[1..]),
        json!(format!("{0},{0}", forge.contact)),
        json!(format!("{}' or '1'='1", forge.contact)),
        json!("0".repeat(300)),
        json!(forge.contact.replacen('-', "\u{2010}", 1)),
    ] {
        let token = forge.desk(&with(&of_desk, "sub", sub.clone()));
        tokens.push(Hostile::new(format!("sub {sub}"), Sent::Once(token)));
        let beside = with(&forge.with("iss", DESK), "sub", sub.clone());
        tokens.push(Hostile::new(
            format!("sub {sub}, a good email"),
            Sent::Once(forge.desk(&beside)),
        ));
    }
    let nobody = without(&of_desk, "sub");
    for (name, claims) in [
        ("nobody", nobody.clone()),
        ("an address that nobody has verified", with(&nobody, "email", MAREN)),
        ("the contact in another claim", with(&nobody, "contactid", forge.contact.as_str())),
        ("the address in another claim", with(&nobody, "preferred_username", MAREN)),
    ] {
        tokens.push(Hostile::new(name, Sent::Once(forge.desk(&claims))));
    }
    for claim in ["upn", "preferred_username", "sub", "mail", "emails", "Email", "e-mail"] {
        let claims = with(&without(&forge.claims(CHAT), "email"), claim, MAREN);
        tokens.push(Hostile::new(
            format!("the address in {claim}"),
            Sent::Once(forge.rsa.token(&claims)),
        ));
    }
    tokens
}

/// Sent in more than one place, or where no text is.
pub(crate) fn of_places(forge: &Forge) -> Vec<Hostile> {
    let good = forge.rsa.token(&forge.claims(CHAT));
    let bad = forge.rsa.token(&forge.with("exp", 1));
    let twice = |first: &str, second: &str| Sent::Twice(first.to_owned(), second.to_owned());
    let meta = |value: Value| Sent::Meta(None, json!({"x-visitor-token": value}));
    let both = |value: &str| Sent::Meta(Some(good.clone()), json!({"x-visitor-token": value}));
    let cut = good.len() / 2;
    [
        ("two headers, the second is bad", twice(&good, &bad)),
        ("two headers, the first is bad", twice(&bad, &good)),
        ("two headers, one is empty", twice("", &good)),
        ("two headers, the same", twice(&good, &good)),
        ("two headers, half a token each", twice(&good[..cut], &good[cut..])),
        ("a good header, and a bad one in _meta", both(&bad)),
        ("a good header, and nothing in _meta", both("")),
        ("a good header, and another text in _meta", both("token")),
        ("a line's end in _meta", meta(json!(format!("{good}\n")))),
        (
            "a line's end and a header in _meta",
            meta(json!(format!("{bad}\r\nx-visitor-email: {MAREN}"))),
        ),
        ("a line within _meta", meta(json!(good.replacen('.', ".\r\n ", 1)))),
        ("a null in _meta", meta(json!(format!("{good}\0")))),
        ("a list in _meta", meta(json!([good]))),
        ("an object in _meta", meta(json!({"token": good}))),
        ("a number in _meta", meta(json!(1))),
        ("true in _meta", meta(json!(true))),
        ("a bad one in _meta, in capitals", Sent::Meta(None, json!({"X-VISITOR-TOKEN": bad}))),
    ]
    .into_iter()
    .map(|(name, sent)| Hostile::new(name, sent))
    .collect()
}
