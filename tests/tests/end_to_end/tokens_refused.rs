//! Tokens of visitors that must not count, over HTTP and over the Model Context Protocol. Each is sent
//! with a key for visitors, with one for staff, which would show everything without a token, and beside
//! the word of a platform, which counts without a token.

mod forged;
mod keys;
mod wrong;

use serde_json::{Value, json};
use stack::{API_KEY, VISITOR_KEY};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Bench, MAREN};
use keys::{CHAT, DESK, DESK_SECRET, EMEA, EMEA_SECRET, Forge, RSA_ONLY};

/// How a token is sent.
enum Sent {
    /// In the header, and in `_meta` as well.
    Once(String),
    /// In two headers.
    Twice(String, String),
    /// In the header, to another connection.
    Elsewhere(String),
    /// In the header, if it is there, with this `_meta`.
    Meta(Option<String>, Value),
}

/// A token that must not count.
struct Hostile {
    name: String,
    sent: Sent,
}

impl Hostile {
    fn new(name: impl Into<String>, sent: Sent) -> Hostile {
        Hostile { name: name.into(), sent }
    }
}

/// What came of a call.
struct Outcome {
    /// The code of the problem, or what there was in its place.
    code: String,
    text: String,
}

impl Outcome {
    /// Of a call over HTTP.
    fn of(status: u16, body: &Value) -> Outcome {
        let code = match (status, body["code"].as_str()) {
            (400 | 401, Some(code)) => code.to_owned(),
            (status, code) => format!("{status} {}", code.unwrap_or_default()),
        };
        Outcome { code, text: body.to_string() }
    }

    /// Of a call over the Model Context Protocol.
    fn of_mcp(body: &Value) -> Outcome {
        let problem = &body["result"]["_meta"]["problem"];
        let is_error = body["result"]["isError"] == true;
        let code = match body["error"]["code"].as_i64() {
            // The protocol has its own word for it.
            Some(-32602) => "invalid_arguments",
            _ if is_error => problem["code"].as_str().unwrap_or_default(),
            _ => "no problem",
        };
        Outcome { code: code.to_owned(), text: body.to_string() }
    }

    fn is_refusal(&self) -> bool {
        ["visitor_token_invalid", "invalid_arguments"].contains(&self.code.as_str())
    }

    fn is_answer(&self) -> bool {
        self.code.starts_with("200") || self.code == "no problem" || self.shows_the_visitor()
    }

    fn shows_the_visitor(&self) -> bool {
        self.text.contains("Quist")
    }
}

/// Two connections that trust these issuers, and the server of the published keys.
struct World {
    bench: Bench,
    http: reqwest::Client,
    server: MockServer,
    forge: Forge,
}

impl World {
    async fn start() -> World {
        let bench = Bench::start().await;
        let contacts = bench.rows("contacts").await;
        let contact = contacts.iter().find(|contact| contact["emailaddress1"] == MAREN).unwrap();
        let forge = Forge::new(contact["contactid"].as_str().unwrap().to_owned());
        let server = MockServer::start().await;
        let forged = json!({"keys": [forge.forged_rsa.published]});
        for (at, set) in [("/keys", forge.published()), ("/forged", forged)] {
            let answer = ResponseTemplate::new(200).set_body_string(set.to_string());
            Mock::given(path(at)).respond_with(answer).mount(&server).await;
        }
        let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let world = World { bench, http, server, forge };
        let jwks = format!("{}/keys", world.server.uri());
        let subject = json!({"column": "contactid"});
        let of_default = json!([
            {"issuer": CHAT, "algorithms": ["RS256", "ES256", "EdDSA"], "jwks": jwks},
            {"issuer": RSA_ONLY, "algorithms": ["RS256"], "jwks": jwks},
            {"issuer": DESK, "algorithm": "HS256", "subject": subject,
             "keys": [{"kid": "desk", "secret": DESK_SECRET}]},
        ]);
        let of_emea = json!([
            {"issuer": EMEA, "algorithm": "HS256", "keys": [{"kid": "emea", "secret": EMEA_SECRET}]},
        ]);
        let set = async |path: &str, body: Value| {
            let answer = world.bench.request("PUT", path, Some(body)).await;
            assert!(matches!(answer.status, 200 | 201), "{:#}", answer.body);
        };
        set("/v1/connections/emea", world.bench.credentials()).await;
        for (id, issuers) in [("default", of_default), ("emea", of_emea)] {
            let path = format!("/v1/connections/{id}/visitors");
            set(&path, json!({"tokens": {"issuers": issuers}})).await;
        }
        world
    }

    /// What comes of a token, with each key.
    async fn outcomes(&self, sent: &Sent) -> Vec<(&'static str, Outcome)> {
        let (tokens, connection) = match sent {
            Sent::Once(token) => (vec![token], "default"),
            Sent::Twice(first, second) => (vec![first, second], "default"),
            Sent::Elsewhere(token) => (vec![token], "emea"),
            Sent::Meta(header, meta) => {
                return vec![("mcp", self.over_mcp(header.as_deref(), meta).await)];
            }
        };
        let named = json!({"contact": MAREN});
        let mut outcomes = Vec::new();
        for (way, key, arguments, word) in [
            ("visitors' key", VISITOR_KEY, json!({}), None),
            ("staff's key", API_KEY, named, None),
            ("platform's word", VISITOR_KEY, json!({}), Some(MAREN)),
        ] {
            let mut headers = vec![
                ("authorization", format!("Bearer {key}")),
                ("x-connection-id", connection.to_owned()),
            ];
            headers.extend(tokens.iter().map(|token| ("x-visitor-token", (*token).clone())));
            headers.extend(word.map(|word| ("x-visitor-email", word.to_owned())));
            let answer =
                self.bench.send_unchecked("get_contact", arguments.to_string(), &headers).await;
            outcomes.push((way, Outcome::of(answer.status, &answer.body)));
        }
        if let Sent::Once(token) = sent {
            let meta = json!({"x-visitor-token": token});
            outcomes.push(("mcp", self.over_mcp(None, &meta).await));
        }
        outcomes
    }

    async fn over_mcp(&self, header: Option<&str>, meta: &Value) -> Outcome {
        let params = json!({
            "name": "dynamics365_get_contact", "arguments": {"contact": MAREN}, "_meta": meta,
        });
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = self.http.post(format!("{}/mcp", self.bench.stack.url()));
        let mut request = request
            .bearer_auth(API_KEY)
            .header("accept", "application/json, text/event-stream")
            .json(&message);
        if let Some(header) = header {
            request = request.header("x-visitor-token", header);
        }
        Outcome::of_mcp(&request.send().await.unwrap().json().await.unwrap())
    }

    /// Checks that this token counts, with each key.
    async fn counts(&self, name: &str, sent: Sent) {
        for (way, outcome) in self.outcomes(&sent).await {
            assert!(outcome.shows_the_visitor(), "{name}, {way}: {}", outcome.text);
        }
    }

    fn hostile(&self) -> Vec<Hostile> {
        let forge = &self.forge;
        [
            forged::of_no_form(forge),
            forged::of_algorithms(forge),
            forged::of_confused_keys(forge),
            forged::of_other_keys(forge, &self.server.uri()),
            forged::of_signatures(forge),
            wrong::of_others(forge),
            wrong::of_times(forge),
            wrong::of_nobody(forge),
            wrong::of_places(forge),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_token_counts_and_good_ones_do() {
    let world = World::start().await;
    let hostile = world.hostile();
    assert!(hostile.len() >= 60, "{}", hostile.len());
    let (mut accepted, mut odd) = (Vec::new(), Vec::new());
    for Hostile { name, sent } in &hostile {
        for (way, outcome) in world.outcomes(sent).await {
            let line = || format!("{name}, {way}: {} {}", outcome.code, outcome.text);
            if outcome.is_answer() {
                accepted.push(line());
            } else if !outcome.is_refusal() {
                odd.push(line());
            }
        }
    }
    assert!(accepted.is_empty(), "{} of {}: {accepted:#?}", accepted.len(), hostile.len());
    assert!(odd.is_empty(), "{odd:#?}");

    // Nobody went where a token pointed, and keys that are not there are not asked for again and again.
    let asked = world.server.received_requests().await.unwrap();
    let asked: Vec<_> = asked.iter().map(|request| request.url.path()).collect();
    assert!(asked.iter().all(|path| *path == "/keys") && asked.len() <= 2, "{asked:?}");

    let forge = &world.forge;
    for pair in [&forge.rsa, &forge.ec, &forge.ed] {
        let name = format!("{:?}", pair.algorithm);
        world.counts(&name, Sent::Once(pair.token(&forge.claims(CHAT)))).await;
    }
    world.counts("RS256 alone", Sent::Once(forge.rsa.token(&forge.claims(RSA_ONLY)))).await;
    world.counts("a secret", Sent::Once(forge.desk(&forge.desk_claims()))).await;
    world.counts("the other connection", Sent::Elsewhere(forge.emea("emea"))).await;
}

/// The address is right as a text, and nobody has it. Each may stand for others in a query.
#[tokio::test]
async fn who_is_nobody_by_a_good_token_sees_nothing() {
    let world = World::start().await;
    for address in [
        "%@northwind.example",
        "%@%",
        "_aren.quist@northwind.example",
        "maren.quist@northwind.exampl_",
        "maren.quist@northwind.example%",
        "maren.quist@northwind.example.",
        "maren.quist+chat@northwind.example",
        "maren.quist@xn--nrthwind-n4a.example",
        "maren.quist@northwind.example'or'1'eq'1",
        "maren.quist@northwind.example*",
        "*@*",
    ] {
        let token = world.forge.rsa.token(&world.forge.with("email", address));
        for (way, outcome) in world.outcomes(&Sent::Once(token)).await {
            assert!(!outcome.is_answer(), "{address}, {way}: {}", outcome.text);
            let is_nobody = outcome.code.ends_with("visitor_unverified");
            assert!(is_nobody, "{address}, {way}: {} {}", outcome.code, outcome.text);
        }
    }
}

/// None of these says anything else than what its issuer has signed.
#[tokio::test]
async fn what_is_unusual_in_a_signed_token_changes_nothing() {
    let world = World::start().await;
    let forge = &world.forge;
    let claims = forge.claims(CHAT);
    let headed = |name: &str, value: Value| {
        forge.rsa.headed(&keys::with(&forge.rsa.header(), name, value), &claims)
    };
    let elsewhere = format!("{}/forged", world.server.uri());
    for (name, token) in [
        ("email_verified as text", forge.rsa.token(&forge.with("email_verified", "true"))),
        ("the other form of ES256", forged::other_form(&forge.ec.token(&claims))),
        ("another typ", headed("typ", json!("at+jwt"))),
        ("a forged jwk beside the right key", headed("jwk", forge.forged_rsa.published.clone())),
        ("a forged jku beside the right key", headed("jku", json!(elsewhere))),
        ("the address in capitals", forge.rsa.token(&forge.with("email", MAREN.to_uppercase()))),
        ("several audiences", forge.rsa.token(&forge.with("aud", json!(["emea", "default"])))),
    ] {
        world.counts(name, Sent::Once(token)).await;
    }
}
