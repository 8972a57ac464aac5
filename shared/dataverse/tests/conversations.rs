//! Conversations with Dataverse that go wrong on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::error::Error as StdError;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dataverse::{
    AccessToken, Action, Client, Create, Created, Error, Filter, InstanceUrl, Query, Session,
    Table, TokenSource, Update, WriteOutcome, codes,
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
async fn a_create_that_was_there_before_is_told_from_one_of_our_own() {
    let create = Create::new(CONTACT, ID).set("lastname", Some("Quist")).select(["fullname"]);
    for (before, is_ours) in [(None, false), (Some(503), true), (Some(500), false)] {
        for code in [codes::KEY_EXISTS, codes::DUPLICATE] {
            let server = MockServer::start().await;
            if let Some(status) = before {
                answer(&server, "POST", refusal(status, ""), 1).await;
            }
            answer(&server, "POST", refusal(412, code), 1).await;
            Mock::given(method("GET"))
                .and(path(format!("/api/data/v9.2/contacts({ID})")))
                .respond_with(ResponseTemplate::new(200).set_body_json(row()))
                .mount(&server)
                .await;
            let created = session(&server, 10).create(&create).await;
            match (before, created) {
                // 500 is no answer to try again after.
                (Some(500), created) => assert!(created.is_err()),
                (_, Ok(Created::Now(_))) => assert!(is_ours, "{code}"),
                (_, Ok(Created::Before(_))) => assert!(!is_ours, "{code}"),
                (_, Err(error)) => panic!("{error}"),
            }
        }
    }
    // A duplicate by the organization's rules, and no row of ours.
    let server = MockServer::start().await;
    answer(&server, "POST", refusal(412, codes::DUPLICATE), 1).await;
    answer(&server, "GET", refusal(404, codes::NOT_FOUND), 1).await;
    assert!(session(&server, 5).create(&create).await.unwrap_err().is(codes::DUPLICATE));
}

#[tokio::test]
async fn an_action_is_never_repeated_once_it_may_have_happened() {
    let server = MockServer::start().await;
    answer(&server, "POST", refusal(503, ""), 9).await;
    let error = session(&server, 5).invoke(&Action::unbound("CloseIncident")).await.unwrap_err();
    assert_eq!(error.write_outcome(), WriteOutcome::Unknown);
    assert_eq!(seen(&server).await, ["POST"]);
    // But throttled, it certainly did not happen.
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

    // A port that nobody listens on any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = session_at(&format!("http://127.0.0.1:{port}"), 3);
    let error = nobody.list(&contacts()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.write_outcome(), WriteOutcome::NotHappened);
    assert!(!format!("{error:?}").contains("Brien"), "{error:?}");
}
