//! Conversations with Dataverse in which something goes wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::error::Error as StdError;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dataverse::{
    AccessToken, Action, Client, Code, Create, Created, Error, Filter, InstanceUrl, Obstacle,
    Query, Session, Table, TokenSource, Update, WriteOutcome,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CONTACT: Table = Table { logical_name: "contact", entity_set: "contacts", key: "contactid" };
const ID: Uuid = Uuid::from_u128(7);

/// Gives `token-1` until it is rejected, then `token-2`, and so on.
#[derive(Debug, Default)]
struct Tokens(AtomicUsize);

impl TokenSource for Tokens {
    fn token(
        &self,
        _: Instant,
    ) -> BoxFuture<'_, Result<AccessToken, Arc<dyn StdError + Send + Sync>>> {
        let number = self.0.load(Ordering::SeqCst) + 1;
        async move { Ok(AccessToken::new(&format!("token-{number}")).unwrap()) }.boxed()
    }

    fn rejected(&self, _: &AccessToken) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn session(server: &MockServer, seconds: u64) -> Session {
    session_at(&server.uri(), seconds)
}

fn session_at(url: &str, seconds: u64) -> Session {
    let instance = InstanceUrl::parse_or_local(url, &url.parse().unwrap()).unwrap();
    Client::new(reqwest::Client::new(), instance, Arc::new(Tokens::default()))
        .session(Instant::now() + Duration::from_secs(seconds))
}

fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"code": code, "message": "m"}}))
}

fn row() -> Value {
    json!({"@odata.etag": "W/\"1\"", "contactid": ID, "fullname": "Maren"})
}

async fn answer(server: &MockServer, verb: &str, answer: ResponseTemplate, times: u64) {
    Mock::given(method(verb)).respond_with(answer).up_to_n_times(times).mount(server).await;
}

async fn seen(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.method.to_string()).collect()
}

fn contacts() -> Query {
    Query::rows(CONTACT).select(["fullname"]).filter(Filter::equals("fullname", "O'Brien"))
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer token-2"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": [row()]})))
        .mount(&server)
        .await;
    answer(&server, "GET", ResponseTemplate::new(401), 9).await;
    let session = session(&server, 5);
    assert_eq!(session.list(&contacts()).await.unwrap().records.len(), 1);
    assert_eq!(session.trips(), 2);

    let server = MockServer::start().await;
    answer(&server, "GET", ResponseTemplate::new(401), 9).await;
    let session = self::session(&server, 5);
    let error = session.list(&contacts()).await.unwrap_err();
    assert_eq!(error.api().unwrap().status.as_u16(), 401);
    assert_eq!(session.trips(), 2);
}

#[tokio::test]
async fn throttling_is_waited_out_as_long_as_the_deadline_allows() {
    let server = MockServer::start().await;
    let busy = |seconds: &str| refusal(429, "0x80072322").insert_header("retry-after", seconds);
    answer(&server, "GET", busy("1"), 2).await;
    let found = ResponseTemplate::new(200).set_body_json(json!({"value": []}));
    answer(&server, "GET", found, 1).await;
    let started = Instant::now();
    assert!(session(&server, 10).list(&contacts()).await.is_ok());
    assert!(started.elapsed() >= Duration::from_secs(2));

    answer(&server, "GET", busy("60"), 1).await;
    let started = Instant::now();
    let error = session(&server, 10).list(&contacts()).await.unwrap_err();
    assert_eq!(error.api().unwrap().retry_after, Some(Duration::from_secs(60)));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn who_reads_does_not_wait_longer_than_told() {
    let server = MockServer::start().await;
    let busy = |seconds: &str| refusal(429, "0x80072322").insert_header("retry-after", seconds);
    answer(&server, "GET", busy("1"), 9).await;
    let started = Instant::now();
    let session = session(&server, 20).with_patience(Duration::from_millis(2500));
    let error = session.list(&contacts()).await.unwrap_err();
    // The waits may last two seconds in all, so a third second is too much.
    assert_eq!(error.api().unwrap().retry_after, Some(Duration::from_secs(1)));
    assert_eq!(session.trips(), 3);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_reads_does_not_wait_longer_for_a_dataverse_that_is_down_either() {
    let server = MockServer::start().await;
    let down = |seconds: &str| refusal(503, "").insert_header("retry-after", seconds);
    answer(&server, "GET", down("3"), 9).await;
    let started = Instant::now();
    let session = session(&server, 20).with_patience(Duration::from_millis(2500));
    let error = session.list(&contacts()).await.unwrap_err();
    assert_eq!(error.api().unwrap().retry_after, Some(Duration::from_secs(3)));
    assert_eq!(session.trips(), 1);
    assert!(!session.has_sent_write());
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Was {
    Now,
    Before,
    Unclear,
    Refused,
}

fn was(created: &Result<Created, Error>) -> Was {
    match created {
        Ok(Created::Now(_)) => Was::Now,
        Ok(Created::Before(_)) => Was::Before,
        Ok(Created::Unclear(_)) => Was::Unclear,
        Err(_) => Was::Refused,
    }
}

fn create() -> Create {
    Create::new(CONTACT, ID).set("lastname", Some("Quist")).select(["fullname"])
}

#[tokio::test]
async fn a_create_that_was_there_before_is_told_from_one_that_may_be_our_own() {
    for (before, expected) in [
        (None, Was::Before),
        (Some(503), Was::Unclear),
        // A refused change was not made.
        (Some(429), Was::Before),
        (Some(401), Was::Before),
        // A request is not sent again after 500.
        (Some(500), Was::Refused),
    ] {
        for code in [Code::KeyExists, Code::Duplicate] {
            let server = MockServer::start().await;
            if let Some(status) = before {
                let first = refusal(status, "").insert_header("retry-after", "0");
                answer(&server, "POST", first, 1).await;
            }
            answer(&server, "POST", refusal(412, code.as_str()), 1).await;
            Mock::given(method("GET"))
                .and(path(format!("/api/data/v9.2/contacts({ID})")))
                .respond_with(ResponseTemplate::new(200).set_body_json(row()))
                .mount(&server)
                .await;
            let created = session(&server, 10).create(&create()).await;
            assert_eq!(was(&created), expected, "{before:?} {code:?}");
        }
    }
    // It is a duplicate by the organization's rules, and there is no row under our key.
    let server = MockServer::start().await;
    answer(&server, "POST", refusal(412, Code::Duplicate.as_str()), 1).await;
    answer(&server, "GET", refusal(404, Code::NotFound.as_str()), 1).await;
    assert!(session(&server, 5).create(&create()).await.unwrap_err().is(Code::Duplicate));
}

#[tokio::test]
async fn a_create_whose_answer_says_nothing_is_settled_by_reading() {
    let json = |text: &str| ResponseTemplate::new(201).set_body_raw(text, "application/json");
    let large = format!(r#"{{"contactid":"{ID}","fullname":"{}"}}"#, "x".repeat(17 << 20));
    for (first, expected) in [
        (ResponseTemplate::new(204), Was::Now),
        (json("{}"), Was::Now),
        (json("<html>"), Was::Now),
        (json(&large), Was::Unclear),
    ] {
        let server = MockServer::start().await;
        answer(&server, "POST", first, 1).await;
        answer(&server, "GET", ResponseTemplate::new(200).set_body_json(row()), 1).await;
        let created = session(&server, 10).create(&create()).await;
        assert_eq!(was(&created), expected);
        assert_eq!(created.unwrap().record().text("fullname"), Some("Maren"));
        assert_eq!(seen(&server).await, ["POST", "GET"]);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_never_nothing_found() {
    let json = |text: &str| ResponseTemplate::new(200).set_body_raw(text, "application/json");
    for odd in [
        ResponseTemplate::new(204),
        json(""),
        json("{}"),
        json(r#"{"value":[{"fullname":"Maren"}]}"#),
        json(r#"{"value":[{"contactid":"7","fullname":"Maren"}]}"#),
        json("<html>Sign in</html>"),
        refusal(404, "0x80060888"),
        refusal(404, "0x8006088a"),
        refusal(404, Code::NotFound.as_str()),
    ] {
        let server = MockServer::start().await;
        answer(&server, "GET", odd, 1).await;
        let found = session(&server, 5).list(&contacts()).await;
        assert!(found.is_err(), "{found:?}");
    }
    let row = Query::row(CONTACT, ID).select(["fullname"]);
    for (odd, is_nothing) in [
        (ResponseTemplate::new(204), false),
        (json("{}"), false),
        (json(r#"{"value":[]}"#), false),
        (json(r#"{"fullname":"Maren"}"#), false),
        (refusal(404, "0x8006088a"), false),
        (refusal(404, Code::NotFound.as_str()), true),
    ] {
        let server = MockServer::start().await;
        answer(&server, "GET", odd, 1).await;
        let found = session(&server, 5).first(&row).await;
        assert_eq!(matches!(found, Ok(None)), is_nothing, "{found:?}");
        assert_eq!(found.is_err(), !is_nothing);
    }
}

/// A text that takes a kilobyte per megabyte when it is compressed.
fn bomb(megabytes: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(br#"{"value":[{"fullname":""#).unwrap();
    for _ in 0..megabytes {
        packed.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    packed.write_all(br#""}]}"#).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn an_answer_has_an_end_however_it_is_packed() {
    let server = MockServer::start().await;
    let packed = ResponseTemplate::new(200)
        .set_body_raw(bomb(300), "application/json")
        .insert_header("content-encoding", "gzip");
    answer(&server, "GET", packed, 9).await;
    let error = session(&server, 10).list(&contacts()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    // Nothing can be left out, so asking again would not help.
    assert_eq!(seen(&server).await, ["GET"]);
}

#[tokio::test]
async fn a_list_that_is_too_large_is_asked_for_without_its_long_columns() {
    let long = "x".repeat(6 << 20);
    let with_texts: Vec<Value> = (0..3)
        .map(|number: u128| {
            let id = Uuid::from_u128(number);
            json!({"contactid": id, "fullname": "Maren", "description": long})
        })
        .collect();
    let server = MockServer::start().await;
    let query = Query::rows(CONTACT).select(["fullname", "description"]).top(26);
    answer(
        &server,
        "GET",
        ResponseTemplate::new(200).set_body_json(json!({"value": with_texts})),
        1,
    )
    .await;
    let found = ResponseTemplate::new(200).set_body_json(json!({"value": [row()]}));
    answer(&server, "GET", found, 1).await;
    let page = session(&server, 10).list(&query).await.unwrap();
    assert_eq!(page.records[0].text("fullname"), Some("Maren"));
    assert!(page.records[0].is_left_out("description"));
    let urls: Vec<_> = server.received_requests().await.unwrap();
    assert_eq!(urls[1].url.query(), Some("$select=fullname&$top=26"));
}

#[tokio::test]
async fn an_action_is_never_repeated_once_it_may_have_happened() {
    let server = MockServer::start().await;
    answer(&server, "POST", refusal(503, ""), 9).await;
    let error = session(&server, 5).invoke(&Action::unbound("CloseIncident")).await.unwrap_err();
    assert_eq!(error.write_outcome(), WriteOutcome::Unknown);
    assert_eq!(seen(&server).await, ["POST"]);
    // If it was throttled, it certainly did not happen.
    let server = MockServer::start().await;
    answer(&server, "POST", refusal(429, "").insert_header("retry-after", "0"), 1).await;
    answer(&server, "POST", ResponseTemplate::new(204), 1).await;
    assert!(session(&server, 5).invoke(&Action::unbound("CloseIncident")).await.is_ok());
}

#[tokio::test]
async fn an_update_of_unknown_outcome_is_settled_by_reading() {
    let update = Update::new(CONTACT, ID, "W/\"1\"").set("jobtitle", "CEO").set("revenue", 5.0);
    let now = |etag: &str, title: &str| {
        ResponseTemplate::new(200).set_body_json(json!({
            "@odata.etag": etag, "contactid": ID, "jobtitle": title, "revenue": 5.0000,
        }))
    };
    for (found, methods, succeeds) in [
        (now("W/\"2\"", "CEO"), vec!["PATCH", "GET"], true),
        (now("W/\"1\"", "CTO"), vec!["PATCH", "GET", "PATCH"], true),
        (now("W/\"2\"", "CTO"), vec!["PATCH", "GET"], false),
    ] {
        let server = MockServer::start().await;
        answer(&server, "PATCH", refusal(503, ""), 1).await;
        answer(&server, "PATCH", ResponseTemplate::new(204), 1).await;
        answer(&server, "GET", found, 9).await;
        let result = session(&server, 10).update(&update).await;
        assert_eq!(result.is_ok(), succeeds);
        assert_eq!(seen(&server).await, methods);
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests[0].headers["if-match"], "W/\"1\"");
    }
}

#[tokio::test]
async fn no_answer_at_all() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    answer(&server, "POST", slow, 9).await;
    let error = session(&server, 1).invoke(&Action::unbound("X")).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { write: WriteOutcome::Unknown }), "{error:?}");

    // Nobody listens on this port any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = session_at(&format!("http://127.0.0.1:{port}"), 3);
    let error = nobody.list(&contacts()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.write_outcome(), WriteOutcome::NotHappened);
    assert!(!format!("{error:?}").contains("Brien"), "{error:?}");
}

/// A client that does not follow redirects, like that of the functions.
fn straight() -> reqwest::ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
}

async fn obstacle(http: reqwest::Client, url: &str) -> Option<Obstacle> {
    let instance = InstanceUrl::parse_or_local(url, &url.parse().unwrap()).unwrap();
    let session = Client::new(http, instance, Arc::new(Tokens::default()))
        .session(Instant::now() + Duration::from_secs(10));
    let started = Instant::now();
    let error = session.list(&Query::rows(CONTACT)).await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "it was tried again");
    match error {
        Error::Api(error) => error.obstacle,
        Error::NoAnswer { source, .. } => Obstacle::of_transport(&source),
        _ => None,
    }
}

#[tokio::test]
async fn who_answers_in_dataverses_place_is_not_asked_again() {
    for (status, expected) in
        [(302, Obstacle::Redirect), (407, Obstacle::Proxy), (404, Obstacle::NothingThere)]
    {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).insert_header("location", "https://a.example/");
        Mock::given(method("GET")).respond_with(answer).expect(1).mount(&server).await;
        assert_eq!(obstacle(straight().build().unwrap(), &server.uri()).await, Some(expected));
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_the_way_is_known() {
    for (refusal, expected) in [
        ("407 Proxy Authentication Required", Some(Obstacle::Proxy)),
        ("403 Forbidden", Some(Obstacle::Proxy)),
    ] {
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}", proxy.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = proxy.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        });
        let http = straight().proxy(reqwest::Proxy::all(at).unwrap()).build().unwrap();
        assert_eq!(obstacle(http, "https://contoso.crm4.dynamics.com").await, expected);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_known() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = acceptor.accept(stream).await;
        }
    });
    let http = straight().build().unwrap();
    assert_eq!(obstacle(http, &url).await, Some(Obstacle::Certificate));
}
