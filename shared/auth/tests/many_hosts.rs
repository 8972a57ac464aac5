//! More hosts than descriptors. In a process of its own, whose limit it lowers, and with the other
//! side in a second one.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::error::Error as StdError;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use auth::{
    ConnectionError, ConnectionId, Connections, EntraProblem, Environment, SecretError, Secrets,
    TokenError,
};
use dataverse::{Error, Function, HttpClients, Idle};
use futures::stream::{self, StreamExt as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::matchers::{header_exists, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const DESCRIPTORS: u64 = 256;

/// Many more than there are descriptors; in the whole form, as many as the one that was seen to fail.
fn hosts() -> usize {
    if std::env::var("TESTS").is_ok_and(|size| size == "whole") { 1_300 } else { 400 }
}

fn id(number: usize) -> ConnectionId {
    format!("customer-{number}").parse().unwrap()
}

/// All of it reaches this machine.
fn host(number: usize, port: u16) -> String {
    format!("http://127.0.{}.{}:{port}", 1 + number / 250, 1 + number % 250)
}

/// The other side, where it says something, and its port. It ends with this process.
fn other_side() -> (Child, impl Sized, u16) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "serve", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| line.unwrap().strip_prefix("port ")?.parse().ok());
    (child, lines, port.unwrap())
}

/// No test, but the other side of one: it ends when nobody writes to it any more.
#[tokio::test]
#[ignore = "it is started by the test below"]
async fn serve() {
    let (_server, port) = server().await;
    println!("\nport {port}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
}

async fn server() -> (MockServer, u16) {
    let listener = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
    let secret = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let number = body["SecretId"].as_str().unwrap().rsplit('-').next().unwrap();
        let credentials = json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "client_secret": "ETx8Q~the-secret",
            "instance_url": host(number.parse().unwrap(), port),
        });
        ResponseTemplate::new(200).set_body_json(json!({"SecretString": credentials.to_string()}))
    };
    Mock::given(header_exists("x-amz-target")).respond_with(secret).mount(&server).await;
    let token = json!({"expires_in": 3599, "access_token": "token"});
    Mock::given(path_regex("/token$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(token))
        .mount(&server)
        .await;
    Mock::given(path_regex("/WhoAmI"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"UserId": "u"})))
        .mount(&server)
        .await;
    (server, port)
}

async fn look(connections: &Connections, number: usize) -> Result<(), Box<dyn StdError>> {
    let connection = connections.open(&id(number)).await?;
    let session = connection.client().session(Instant::now() + Duration::from_secs(10));
    session.function(&Function::who_am_i()).await?;
    Ok(())
}

/// So many files that nothing else can be opened.
fn all_that_is_left() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[tokio::test]
async fn more_hosts_than_descriptors() {
    let (mut other_side, _lines, port) = other_side();
    let limit = Rlimit { current: Some(DESCRIPTORS), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let local = (0..hosts()).map(|number| host(number, port).parse().unwrap()).collect();
    let http = HttpClients::new(Idle::ONE_CALLER).unwrap();
    let secrets = Secrets::at_endpoint(&format!("http://127.0.0.1:{port}"));
    let connections = Connections::new(http, secrets, Environment { local });

    for connections in [connections.clone(), connections.short_lived()] {
        let looks = stream::iter(0..hosts()).map(|number| look(&connections, number));
        let mut looks = looks.buffer_unordered(16);
        while let Some(looked) = looks.next().await {
            looked.unwrap();
        }
    }

    // Certificates are read from files: while that can be done.
    let nothing_open = Connections::new(
        HttpClients::new(Idle::ONE_CALLER).unwrap(),
        Secrets::at_endpoint(&format!("http://127.0.0.1:{port}")),
        connections.environment().clone(),
    );
    let other = HttpClients::new(Idle::ONE_CALLER).unwrap();
    let connection = connections.open(&id(7)).await.unwrap();
    let trial = nothing_open.trial(&id(7), (*connection.credentials()).clone());
    let other = dataverse::Client::new(other, trial.instance().clone(), Arc::new(AtHand));

    // All descriptors are taken: idle sockets make room.
    let taken = all_that_is_left();
    assert!(!taken.is_empty());
    look(&connections, 0).await.unwrap();

    // There is not one left: it is our own defect, and no customer hears of an outage.
    let more = all_that_is_left();
    let session = trial.client().session(Instant::now() + Duration::from_secs(5));
    let Err(Error::Token(error)) = session.function(&Function::who_am_i()).await else {
        panic!("no token without a socket")
    };
    let Some(TokenError::Entra(error)) = error.downcast_ref() else { panic!("{error}") };
    assert_eq!(error.problem, EntraProblem::NoDescriptor);
    let unread = nothing_open.open(&id(8)).await.unwrap_err();
    assert_eq!(unread, ConnectionError::Secret(SecretError::NoDescriptor));

    // Dataverse itself: a token is at hand.
    let session = other.session(Instant::now() + Duration::from_secs(5));
    let error = session.function(&Function::who_am_i()).await.unwrap_err();
    assert!(matches!(error, Error::NoDescriptor), "{error:?}");
    drop((taken, more));
    session_works(&other).await;
    other_side.kill().unwrap();
    other_side.wait().unwrap();
}

async fn session_works(client: &dataverse::Client) {
    let session = client.session(Instant::now() + Duration::from_secs(5));
    session.function(&Function::who_am_i()).await.unwrap();
}

#[derive(Debug)]
struct AtHand;

impl dataverse::TokenSource for AtHand {
    fn token(
        &self,
        _: Instant,
    ) -> futures::future::BoxFuture<
        '_,
        Result<dataverse::AccessToken, Arc<dyn StdError + Send + Sync>>,
    > {
        Box::pin(async { Ok(dataverse::AccessToken::new("token").unwrap()) })
    }

    fn rejected(&self, _: &dataverse::AccessToken) {}
}
