use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::future::{join_all, ready};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::testing::{keys, now, published, tls};

const ALL: [PublishedAlgorithm; 3] =
    [PublishedAlgorithm::RS256, PublishedAlgorithm::ES256, PublishedAlgorithm::EdDSA];

fn key_sets(allow_local: bool) -> KeySets {
    KeySets::new(tls(RootCertStore::empty()), allow_local).unwrap()
}

/// What a server answers, and how often it was asked.
struct Issuer {
    server: MockServer,
    url: Url,
}

impl Issuer {
    async fn new(answer: ResponseTemplate) -> Issuer {
        let server = MockServer::start().await;
        let url = Url::parse(&format!("{}/keys", server.uri())).unwrap();
        let issuer = Issuer { server, url };
        issuer.answers(answer).await;
        issuer
    }

    async fn answers(&self, answer: ResponseTemplate) {
        let asked = self.asked().await;
        self.server.reset().await;
        Mock::given(method("GET"))
            .and(path("/keys"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
        // What was asked before, is forgotten with the old answer.
        assert!(asked <= 1, "{asked}");
    }

    /// How often it was asked since it answers as it does.
    async fn asked(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(body.to_string())
}

fn none() -> ResponseTemplate {
    ok(&json!({ "keys": [] }))
}

impl KeySets {
    /// Whether there is such a key, so many seconds after the first one was asked for.
    async fn has(&self, url: &Url, kid: &str, seconds: i64) -> Result<bool, KeysError> {
        let then = now() + SignedDuration::from_secs(seconds);
        Ok(self.key(url, kid, &ALL, then).await?.is_some())
    }
}

#[tokio::test]
async fn keys_are_kept_for_a_quarter_of_an_hour() {
    let issuer = Issuer::new(ok(&published())).await;
    let sets = key_sets(true);
    for seconds in [0, 1, 899, -899] {
        for kid in ["rsa", "ec", "ed"] {
            assert_eq!(sets.has(&issuer.url, kid, seconds).await, Ok(true), "{kid} {seconds}");
        }
    }
    assert_eq!(issuer.asked().await, 1);
    issuer.answers(ok(&json!({ "keys": [keys().ec.published] }))).await;
    assert_eq!(sets.has(&issuer.url, "rsa", 900).await, Ok(false));
    assert_eq!(sets.has(&issuer.url, "ec", 900).await, Ok(true));
    assert_eq!(issuer.asked().await, 1);
    // The clock was set back.
    assert_eq!(sets.has(&issuer.url, "ec", 0).await, Ok(true));
    assert_eq!(issuer.asked().await, 2);
}

#[tokio::test]
async fn a_key_counts_for_the_algorithms_of_its_issuer_only() {
    let issuer = Issuer::new(ok(&published())).await;
    let sets = key_sets(true);
    let find = |kid, algorithms| {
        let (sets, url) = (sets.clone(), issuer.url.clone());
        async move { sets.key(&url, kid, algorithms, now()).await.unwrap().map(|it| it.algorithm) }
    };
    let rsa = Some(PublishedAlgorithm::RS256);
    assert_eq!(find("rsa", &ALL[..1]).await, rsa);
    assert_eq!(find("rsa", &ALL).await, rsa);
    assert_eq!(find("rsa", &ALL[1..]).await, None);
    assert_eq!(find("ec", &ALL[..1]).await, None);
    assert_eq!(issuer.asked().await, 1);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_a_minute() {
    let issuer = Issuer::new(none()).await;
    let sets = key_sets(true);
    for seconds in [0, 1, 30, 59] {
        assert_eq!(sets.has(&issuer.url, "rsa", seconds).await, Ok(false));
    }
    assert_eq!(issuer.asked().await, 1);
    issuer.answers(ok(&published())).await;
    assert_eq!(sets.has(&issuer.url, "rsa", 59).await, Ok(false));
    assert_eq!(issuer.asked().await, 0);
    assert_eq!(sets.has(&issuer.url, "rsa", 60).await, Ok(true));
    assert_eq!(issuer.asked().await, 1);
    // Nor does each other name that somebody makes up lead to a fetch.
    for kid in 0..50 {
        assert_eq!(sets.has(&issuer.url, &kid.to_string(), 119).await, Ok(false));
    }
    assert_eq!(issuer.asked().await, 1);
}

#[tokio::test]
async fn keys_outlive_what_may_pass_for_a_day() {
    let issuer = Issuer::new(ok(&published())).await;
    let sets = key_sets(true);
    assert_eq!(sets.has(&issuer.url, "rsa", 0).await, Ok(true));
    issuer.answers(ResponseTemplate::new(503)).await;
    let (hour, failed) = (3600, Err(KeysError::Status(503)));
    assert_eq!(sets.has(&issuer.url, "rsa", hour).await, Ok(true));
    assert_eq!(issuer.asked().await, 1);
    // While the server fails, it is asked once a minute, and nobody knows which keys are new.
    assert_eq!(sets.has(&issuer.url, "rsa", hour + 59).await, Ok(true));
    assert_eq!(sets.has(&issuer.url, "new", hour + 59).await, failed);
    assert_eq!(issuer.asked().await, 1);
    assert_eq!(sets.has(&issuer.url, "new", hour + 60).await, failed);
    assert_eq!(sets.has(&issuer.url, "rsa", 24 * hour - 1).await, Ok(true));
    assert_eq!(sets.has(&issuer.url, "rsa", 24 * hour).await, failed);
}

#[tokio::test]
async fn without_any_keys_the_server_is_asked_every_five_seconds() {
    let issuer = Issuer::new(ResponseTemplate::new(500)).await;
    let sets = key_sets(true);
    for seconds in [0, 1, 4] {
        let failed = sets.has(&issuer.url, "rsa", seconds).await;
        assert_eq!(failed, Err(KeysError::Status(500)));
    }
    assert_eq!(issuer.asked().await, 1);
    issuer.answers(ok(&published())).await;
    assert_eq!(sets.has(&issuer.url, "rsa", 5).await, Ok(true));
}

#[tokio::test]
async fn keys_are_fetched_once_however_many_wait() {
    let issuer = Issuer::new(ok(&published()).set_delay(Duration::from_millis(200))).await;
    let sets = key_sets(true);
    let kids = ["rsa", "ec", "ed", "unknown"];
    let all = join_all((0..100).map(|index| sets.has(&issuer.url, kids[index % 4], 0))).await;
    assert_eq!(all.iter().filter(|has| **has == Ok(true)).count(), 75);
    assert_eq!(issuer.asked().await, 1);
    // When one fails, it has failed for all.
    issuer.answers(ResponseTemplate::new(404).set_delay(Duration::from_millis(200))).await;
    let all = join_all((0..100).map(|_| sets.has(&issuer.url, "unknown", 60))).await;
    assert!(all.iter().all(|has| *has == Err(KeysError::Status(404))));
    assert_eq!(issuer.asked().await, 1);
}

#[tokio::test]
async fn a_fetch_goes_on_when_nobody_waits_any_more() {
    let issuer = Issuer::new(ok(&published()).set_delay(Duration::from_millis(200))).await;
    let sets = key_sets(true);
    let has = sets.has(&issuer.url, "rsa", 0);
    assert!(tokio::time::timeout(Duration::from_millis(50), has).await.is_err());
    assert_eq!(sets.has(&issuer.url, "rsa", 0).await, Ok(true));
    assert_eq!(issuer.asked().await, 1);
}

#[test]
fn a_runtime_that_ends_holds_up_nobody() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime();
    let issuer =
        server.block_on(Issuer::new(ok(&published()).set_delay(Duration::from_millis(200))));
    let sets = key_sets(true);
    runtime().block_on(async {
        let has = sets.has(&issuer.url, "rsa", 0);
        assert!(tokio::time::timeout(Duration::from_millis(50), has).await.is_err());
    });
    let then = server.block_on(async {
        let first = sets.has(&issuer.url, "rsa", 1).await;
        let second = sets.has(&issuer.url, "rsa", 2).await;
        (first, second, sets.has(&issuer.url, "rsa", 5).await)
    });
    let interrupted = Err(KeysError::Interrupted);
    assert_eq!(then, (interrupted, interrupted, Ok(true)));
}

#[tokio::test]
async fn what_is_no_set_of_keys() {
    let long = |length: usize| {
        let mut body = published().to_string();
        body.push_str(&" ".repeat(length - body.len()));
        ResponseTemplate::new(200).set_body_string(body)
    };
    for (answer, expected) in [
        (long(64 * 1024), Ok(true)),
        (long(64 * 1024 + 1), Err(KeysError::TooLong)),
        (long(65 * 1024), Err(KeysError::TooLong)),
        (ResponseTemplate::new(200).set_body_string("<html>"), Err(KeysError::Unreadable)),
        (ResponseTemplate::new(200), Err(KeysError::Unreadable)),
        (ok(&json!({})), Err(KeysError::Unreadable)),
        (ok(&published()).insert_header("content-encoding", "gzip"), Ok(true)),
        (ResponseTemplate::new(201).set_body_json(published()), Err(KeysError::Status(201))),
        (ResponseTemplate::new(404).set_body_json(published()), Err(KeysError::Status(404))),
    ] {
        let issuer = Issuer::new(answer).await;
        assert_eq!(key_sets(true).has(&issuer.url, "rsa", 0).await, expected);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let keys = Issuer::new(ok(&published())).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("location", keys.url.as_str());
        let issuer = Issuer::new(answer).await;
        let found = key_sets(true).has(&issuer.url, "rsa", 0).await;
        assert_eq!(found, Err(KeysError::Status(status)));
    }
    assert_eq!(keys.asked().await, 0);
}

#[tokio::test]
async fn a_slow_server_is_given_up_after_two_seconds() {
    let slow = Issuer::new(ok(&published()).set_delay(Duration::from_secs(10))).await;
    // It goes on sending, a little at a time.
    let trickle = raw_server(|mut stream| async move {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        loop {
            stream.write_all(b"1\r\n \r\n").await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let sets = key_sets(true);
    let started = Instant::now();
    let both = tokio::join!(sets.has(&slow.url, "rsa", 0), sets.has(&trickle, "rsa", 0));
    assert_eq!(both, (Err(KeysError::TooSlow), Err(KeysError::TooSlow)));
    let took = started.elapsed();
    assert!((LONGEST_FETCH..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_the_limit() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let endless = raw_server(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
            loop {
                stream.write_all(chunk.as_bytes()).await?;
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let started = Instant::now();
    assert_eq!(key_sets(true).has(&endless, "rsa", 0).await, Err(KeysError::TooLong));
    assert!(started.elapsed() < LONGEST_FETCH);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // What lies in the sockets' buffers has been sent, too.
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 20_000, "{sent} KiB");
}

/// A server on this machine that does what it wants with each connection after a request.
async fn raw_server<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static) -> Url
where
    F: Future<Output = std::io::Result<()>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = serve(stream).await;
        }
    });
    Url::parse(&url).unwrap()
}

#[tokio::test]
async fn only_public_addresses_are_connected_to() {
    let issuer = Issuer::new(ok(&published())).await;
    let port = issuer.url.port().unwrap();
    let sets = key_sets(false);
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "[::]",
        // Other ways to write 127.0.0.1 and 169.254.169.254.
        "127.1",
        "0x7f.0.0.1",
        "017700000001",
        "2130706433",
        "127.0.0.1.",
        "2852039166",
        "1２7.0.0.1",
    ] {
        let url = Url::parse(&format!("https://{host}:{port}/keys")).unwrap();
        let started = Instant::now();
        assert_eq!(sets.has(&url, "rsa", 0).await, Err(KeysError::NotPublic), "{host}");
        assert!(started.elapsed() < LONGEST_FETCH, "{host}");
    }
    // Without TLS, nothing is, and with it nothing that a setting should not have.
    assert_eq!(sets.has(&issuer.url, "rsa", 0).await, Err(KeysError::NotHttps));
    let public = Url::parse("http://1.1.1.1/keys").unwrap();
    assert_eq!(sets.has(&public, "rsa", 0).await, Err(KeysError::NotHttps));
    assert_eq!(key_sets(true).has(&public, "rsa", 0).await, Err(KeysError::NotHttps));
    assert_eq!(issuer.asked().await, 0);
    // The same server, where it is allowed.
    assert_eq!(key_sets(true).has(&issuer.url, "rsa", 0).await, Ok(true));
}

/// Resolves these names, and counts how often it was asked.
fn resolver(allow_local: bool, names: &[(&str, &[&str])]) -> (Resolver, Arc<AtomicUsize>) {
    let parse = |address: &&str| address.parse::<IpAddr>().unwrap();
    let names: HashMap<String, Vec<IpAddr>> = names
        .iter()
        .map(|(name, addresses)| ((*name).to_owned(), addresses.iter().map(parse).collect()))
        .collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let resolver = Resolver::new(allow_local, move |name| {
        counter.fetch_add(1, Ordering::SeqCst);
        let found = names.get(&name).cloned();
        ready(found.ok_or_else(|| std::io::Error::other("no such name"))).boxed()
    });
    (resolver, asked)
}

#[tokio::test]
async fn a_name_must_lead_to_public_addresses_only() {
    let names: &[(&str, &[&str])] = &[
        ("loopback.example", &["127.0.0.1"]),
        ("v6.example", &["::1"]),
        ("mapped.example", &["::ffff:10.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        // The first one is public.
        ("both.example", &["1.1.1.1", "127.0.0.1"]),
        ("other.example", &["1.1.1.1", "fd00::1"]),
    ];
    let (resolver, _) = resolver(false, names);
    let sets = KeySets::with_resolver(tls(RootCertStore::empty()), false, resolver).unwrap();
    for (name, _) in names {
        let url = Url::parse(&format!("https://{name}/keys")).unwrap();
        assert_eq!(sets.has(&url, "rsa", 0).await, Err(KeysError::NotPublic), "{name}");
    }
    let url = Url::parse("https://nobody.example/keys").unwrap();
    assert_eq!(sets.has(&url, "rsa", 0).await, Err(KeysError::Unreachable));
}

/// A server with TLS for this name, and what trusts it.
async fn tls_server(name: &str) -> (u16, RootCertStore) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = published().to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (port, roots)
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let (port, roots) = tls_server("keys.example").await;
    // Nothing else resolves this name, so the connection can only go to what came from here.
    let (resolver, asked) = resolver(true, &[("keys.example", &["127.0.0.1"])]);
    let sets = KeySets::with_resolver(tls(roots), true, resolver.clone()).unwrap();
    let url = Url::parse(&format!("https://keys.example:{port}/keys")).unwrap();
    assert_eq!(sets.has(&url, "rsa", 0).await, Ok(true));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // A certificate that nobody trusts.
    let sets = KeySets::with_resolver(tls(RootCertStore::empty()), true, resolver).unwrap();
    assert_eq!(sets.has(&url, "rsa", 0).await, Err(KeysError::Unreachable));
}

#[tokio::test]
async fn a_thousand_urls_are_known() {
    let sets = key_sets(false);
    for index in 0..1100 {
        let url = Url::parse(&format!("https://127.0.0.1/{index}")).unwrap();
        assert!(sets.has(&url, "rsa", 0).await.is_err());
    }
    assert_eq!(sets.inner.urls.lock().len(), 1000);
}

#[test]
fn errors_and_debug_show_no_address() {
    let sets = key_sets(true);
    assert_eq!(format!("{sets:?}"), "KeySets { .. }");
}
