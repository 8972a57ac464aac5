//! Compares the call of a visitor with that of staff, for each way in which visitors are known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{Json, Router};
use dataverse::HttpClients;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use stack::{ADMIN_KEY, VISITOR_KEY};
use toolkit::Routes;

use crate::Form;
use crate::bench::{Bare, Bench, Function, MAREN, event, is_for_token, is_trip};
use crate::overhead::{ROUNDS_TOGETHER, WARM_UP, timed};
use crate::recorder::{record_event, serve};
use crate::report::Limit::{AtMost, Exactly};
use crate::report::Report;

const GROUP: &str = "A warm call of get_contact, by how its visitor is known";

/// The tool that is called. Staff name the contact; a visitor is the contact.
const TOOL: &str = "get_contact";

/// The chat in which a code has shown who the visitor is.
const CHAT: &str = "4d1c8f0e-5f0b-4f2c-9a55-6f6b2f3f8f10";

/// Who signs with keys that are published, and who with a secret.
const PUBLISHES: &str = "https://login.example";
const SHARES: &str = "https://chat.example";
const SECRET: &str = "a shared secret of more than 32 bytes";

/// How long a mail may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that a word or a token may add to the work of a call, in milliseconds.
const GOAL: f64 = 0.05;

/// A way in which it is known for whom a call is.
struct Way {
    name: &'static str,
    /// The events of its calls, in turn.
    events: Vec<String>,
    /// What the call asks Dataverse, to be sent without the function.
    bare: Vec<Bare>,
    /// How often it may read the table before it answers.
    may_read: usize,
    /// Whether its work is held against that of staff.
    is_judged: bool,
    asked: Asked,
    /// How much more than its bare requests each call took, in milliseconds of processor time.
    work: Vec<f64>,
    /// The same, in milliseconds.
    took: Vec<f64>,
}

/// What a call asks of others.
#[derive(Default)]
struct Asked {
    /// Trips to Dataverse.
    trips: usize,
    /// Reads of the table.
    reads: usize,
    /// All else before the answer: of Entra ID, of Secrets Manager, of the table.
    others: usize,
    /// What the table is asked after the answer: to take an entry of the activity log.
    after: usize,
}

impl Way {
    async fn new(bench: &Bench, name: &'static str, events: Vec<String>) -> Way {
        let function = |http| bench.function_for_visitors(tools::all(Routes::default()), http);
        let (exchanges, answer) = record_event(function, &events[0]).await;
        assert_eq!(answer["result"]["contact"]["email"], MAREN, "{name}: {answer:#}");
        let bare = exchanges.into_iter().map(|(bare, _)| bare).collect();
        let (asked, work, took) = (Asked::default(), Vec::new(), Vec::new());
        Way { name, events, bare, may_read: 0, is_judged: false, asked, work, took }
    }

    fn judged(self) -> Way {
        Way { is_judged: true, ..self }
    }
}

/// Who signs tokens, the server with the public keys, and how often that was asked.
struct Signer {
    rsa: EncodingKey,
    ec: EncodingKey,
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Signer {
    fn start() -> Signer {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        // The library wants the key (PKCS #1) without what PKCS #8 puts around it.
        let rsa = EncodingKey::from_rsa_der(&pair.serialize_der()[26..]);
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let ec = EncodingKey::from_ec_der(&pair.serialize_der());
        let published = [(&rsa, Algorithm::RS256), (&ec, Algorithm::ES256)].map(|(key, with)| {
            let mut key = json!(Jwk::from_encoding_key(key, with).unwrap());
            key["kid"] = kid(with).into();
            key
        });
        let keys = json!({ "keys": published });
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let url = serve(Router::new().fallback(async move || {
            counter.fetch_add(1, Ordering::Relaxed);
            Json(keys)
        }));
        Signer { rsa, ec, url, asked }
    }

    /// What the connection has to know.
    fn settings(&self) -> Value {
        json!({"issuers": [
            {"issuer": PUBLISHES, "algorithms": ["RS256", "ES256"], "jwks": self.url},
            {"issuer": SHARES, "algorithm": "HS256",
             "keys": [{"kid": kid(Algorithm::HS256), "secret": SECRET}]},
        ]})
    }

    /// The event of a call with a token that says who the visitor is. Each number makes another token.
    fn event(&self, with: Algorithm, number: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (issuer, key) = match with {
            Algorithm::RS256 => (PUBLISHES, &self.rsa),
            Algorithm::ES256 => (PUBLISHES, &self.ec),
            _ => (SHARES, &EncodingKey::from_secret(SECRET.as_bytes())),
        };
        let claims = json!({
            "iss": issuer, "aud": "default", "iat": now, "exp": now + 3600, "email": MAREN,
            "email_verified": true, "jti": number,
        });
        let header = Header { alg: with, kid: Some(kid(with)), ..Header::default() };
        let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
        visitors_event(("x-visitor-token", &token))
    }
}

/// The name of the key for this algorithm.
fn kid(with: Algorithm) -> String {
    format!("{with:?}")
}

/// API Gateway's event of a visitor's call with the key for visitors and this header.
fn visitors_event((header, value): (&str, &str)) -> String {
    let mut event: Value = serde_json::from_str(&event(TOOL, &json!({}))).unwrap();
    event["headers"]["authorization"] = format!("Bearer {VISITOR_KEY}").into();
    event["headers"][header] = value.into();
    // What the authorizer says of this key.
    event["requestContext"]["authorizer"]["lambda"] = json!({
        "client": "local bot", "connections": "*", "for": "visitors", "scopes": "read write",
        "vouches": true,
    });
    event.to_string()
}

/// Shows who the visitor of the chat is, by a code in a mail.
async fn sign_in(bench: &Bench) {
    let tool = async |name: &str, arguments: Value| {
        let path = format!("/v1/tools/dynamics365_{name}");
        bench.api("POST", &path, VISITOR_KEY, &[("x-conversation-id", CHAT)], arguments).await
    };
    tool("send_visitor_code", json!({"email": MAREN})).await;
    let mail = async {
        loop {
            if let Some(mail) = bench.stack.mails().pop() {
                break mail;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mail = tokio::time::timeout(PATIENCE, mail).await.unwrap();
    let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() >= 6);
    tool("verify_visitor", json!({"code": code.unwrap()})).await;
}

/// Counts what a call on a warm connection asks of others.
async fn count(bench: &Bench, function: &Function, event: &str) -> Asked {
    function.result(event).await;
    function.flush().await;
    bench.control("DELETE", "requests", None).await;
    let before = bench.stack.aws_requests();
    function.result(event).await;
    let answered = bench.stack.aws_requests();
    function.flush().await;
    let after = bench.stack.aws_requests();
    let of_aws = grown(&before, &answered, |operation| operation != "GetItem");
    Asked {
        trips: bench.seen(is_trip).await,
        reads: grown(&before, &answered, |operation| operation == "GetItem"),
        others: bench.seen(is_for_token).await + of_aws,
        after: grown(&answered, &after, |_| true),
    }
}

/// How often these operations of AWS were called in between.
fn grown(
    before: &BTreeMap<String, usize>,
    after: &BTreeMap<String, usize>,
    is_counted: impl Fn(&str) -> bool,
) -> usize {
    let counted = after.iter().filter(|(operation, _)| is_counted(operation));
    counted.map(|(operation, count)| count - before.get(operation).unwrap_or(&0)).sum()
}

/// Makes all calls so many times, each with its bare requests. They take turns at being first, so
/// that none finds more in the processor's caches, and other work of the machine affects them all.
async fn compare(function: &Function, http: &HttpClients, ways: &mut [Way], times: usize) {
    let count = ways.len();
    for round in 0..times + WARM_UP {
        if round % ROUNDS_TOGETHER == 0 {
            function.flush().await;
        }
        for turn in 0..count {
            let way = &mut ways[(round + turn) % count];
            let mut bare = None;
            if round / count % 2 == 1 {
                bare = Some(timed(send(http, way.bare.clone())).await.1);
            }
            let (answer, of_function) =
                timed(function.answer(&way.events[round % way.events.len()])).await;
            let of_bare = match bare {
                Some(bare) => bare,
                None => timed(send(http, way.bare.clone())).await.1,
            };
            assert!(answer.windows(16).any(|part| part == br#""statusCode":200"#));
            if round >= WARM_UP {
                way.took.push(more(of_function.0, of_bare.0));
                way.work.push(more(of_function.1, of_bare.1));
            }
        }
    }
    function.flush().await;
}

/// Sends requests over the client that the function uses.
async fn send(http: &HttpClients, requests: Vec<Bare>) {
    for request in requests {
        let (origin, _) = request.url.split_once("/api/data/").unwrap();
        let client = http.of(origin);
        request.send(&client).await;
    }
}

/// How much more the one is than the other, in milliseconds.
fn more(one: Duration, other: Duration) -> f64 {
    (one.as_secs_f64() - other.as_secs_f64()) * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn measure(form: Form, report: &mut Report) {
    // A stack of its own, because its connection has settings for visitors.
    let (bench, client) = Bench::start();
    let signer = Signer::start();
    client.block_on(async {
        let settings = json!({"codes": {"company": "Contoso"}, "tokens": signer.settings()});
        let path = "/v1/connections/default/visitors";
        bench.api("PUT", path, ADMIN_KEY, &[], settings).await;
        sign_in(&bench).await;

        let as_staff = event(TOOL, &json!({"contact": MAREN}));
        let by_word = visitors_event(("x-visitor-email", MAREN));
        let by_code = visitors_event(("x-conversation-id", CHAT));
        let times = form.choose(1000, 100);
        // The token of a chat's first call is new, and that of the next ones is the same.
        let again = |algorithm| vec![signer.event(algorithm, 0)];
        let new =
            |algorithm| (1..=times + WARM_UP).map(|one| signer.event(algorithm, one)).collect();
        let [rsa, ec, shared] = [Algorithm::RS256, Algorithm::ES256, Algorithm::HS256];
        let mut ways = vec![
            Way::new(&bench, "staff", vec![as_staff]).await,
            Way::new(&bench, "platform's word", vec![by_word]).await.judged(),
            Way::new(&bench, "token, RS256", again(rsa)).await.judged(),
            Way::new(&bench, "token, ES256", again(ec)).await.judged(),
            Way::new(&bench, "token, HS256", again(shared)).await.judged(),
            // To check a signature takes as long as the goal allows, or longer.
            Way::new(&bench, "new token, RS256", new(rsa)).await,
            Way::new(&bench, "new token, ES256", new(ec)).await,
            Way::new(&bench, "new token, HS256", new(shared)).await,
            // It is one strongly consistent read. Once a minute, a call is written down as the last.
            Way { may_read: 1, ..Way::new(&bench, "code", vec![by_code]).await },
        ];
        signer.asked.store(0, Ordering::Relaxed);
        let http = toolkit::lambda::http_client().unwrap();
        let function = bench.function_for_visitors(tools::all(Routes::default()), http.clone());
        for way in &mut ways {
            way.asked = count(&bench, &function, &way.events[0]).await;
        }
        compare(&function, &http, &mut ways, times).await;

        let asked = signer.asked.load(Ordering::Relaxed) as f64;
        report.judged(GROUP, "requests for published keys, in all", asked, "", Exactly(1.0));
        show(&ways, form, report);
    });
}

fn show(ways: &[Way], form: Form, report: &mut Report) {
    let staff = &ways[0];
    for (place, way) in ways.iter().enumerate() {
        let name = |what: &str| format!("{}: {what}", way.name);
        let work = median(way.work.clone());
        report.shown(GROUP, name("p50, added"), median(way.took.clone()), "ms");
        report.shown(GROUP, name("p50, processor time, added"), work, "ms");
        if place > 0 {
            // Without optimization, times say little, but no call has twice the work of another.
            let most = (form == Form::Quick && way.is_judged).then_some(AtMost(2.0));
            let ratio = work / median(staff.work.clone());
            report.judged(GROUP, name("  against staff, ratio"), ratio, "", most);
            // Of the calls of a round, because the machine's speed changes.
            let rounds = way.work.iter().zip(&staff.work).map(|(way, staff)| way - staff);
            let most = form.at_leisure(AtMost(GOAL)).filter(|_| way.is_judged);
            let more = median(rounds.collect());
            report.judged(GROUP, name("  against staff, difference"), more, "ms", most);
        }
        let Asked { trips, reads, others, after } = way.asked;
        for (what, count, goal) in [
            ("trips to Dataverse", trips, 1),
            ("reads of the table", reads, way.may_read),
            ("other requests before the answer", others, 0),
            ("requests to the table after the answer", after, 1),
        ] {
            report.judged(GROUP, name(what), count as f64, "", Exactly(goal as f64));
        }
    }
}
