//! Tokens and secrets: asked for once, renewed in time, never shown.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{ConnectionError, ConnectionId, Connections, Environment, SecretError, Secrets};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::{body_string_contains, header, method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRET: &str = "ETx8Q~the-secret";
const ROTATED: &str = "ETx8Q~another";

/// Entra ID, Dataverse and Secrets Manager on one port.
struct World {
    server: MockServer,
    connections: Connections,
}

impl World {
    async fn start() -> World {
        let server = MockServer::start().await;
        let connections = Connections::new(
            reqwest::Client::new(),
            Secrets::at_endpoint(&server.uri()),
            Environment::local(server.uri().parse().unwrap()),
        );
        World { server, connections }
    }

    /// The secret holds this client secret, until it is read `times` times.
    async fn secret(&self, client_secret: &str, times: u64) {
        let credentials = json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "client_secret": client_secret,
            "instance_url": self.server.uri(),
        });
        Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(json!({"SecretString": credentials.to_string()})),
            )
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    /// Entra ID's answer to this client secret.
    async fn entra(&self, client_secret: &str, answer: ResponseTemplate, times: u64) {
        let encoded = client_secret.replace('~', "%7E");
        Mock::given(method("POST"))
            .and(path_regex("/oauth2/v2.0/token$"))
            .and(body_string_contains(encoded))
            .respond_with(answer)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    async fn asked(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path().ends_with("/token")).count()
    }
}

fn granted(token: &str, seconds: u64) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "token_type": "Bearer", "expires_in": seconds, "access_token": token,
    }))
}

fn refused(code: u32) -> ResponseTemplate {
    let body: Value = json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{code}: no. {SECRET}"),
        "error_codes": [code], "trace_id": "03da4b8e-5ffe-48ca-9754-aff4276f0100",
    });
    ResponseTemplate::new(401).set_body_json(body)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn one_request_however_many_callers() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    let slow = granted("token-1", 3599).set_delay(Duration::from_millis(200));
    world.entra(SECRET, slow, 9).await;
    let id = ConnectionId::fallback();
    let connection = world.connections.open(&id).await.unwrap();
    let tokens = connection.tokens();
    let all = futures::future::join_all((0..50).map(|_| tokens.token(soon()))).await;
    assert!(all.iter().all(|token| token.as_ref().unwrap().expose() == "token-1"));
    assert_eq!(world.asked().await, 1);

    // Refused by Dataverse, it is not given again.
    tokens.rejected(all[0].as_ref().unwrap());
    tokens.token(soon()).await.unwrap();
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn one_refusal_however_many_callers() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, refused(7_000_215).set_delay(Duration::from_millis(200)), 99).await;
    let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
    let tokens = connection.tokens();
    let all = futures::future::join_all((0..20).map(|_| tokens.token(soon()))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(world.asked().await, 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    // So short-lived that it is due for renewal after half a second.
    world.entra(SECRET, granted("token-1", 1), 1).await;
    world.entra(SECRET, granted("token-2", 3599), 9).await;
    let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
    let tokens = connection.tokens();
    assert_eq!(tokens.token(soon()).await.unwrap().expose(), "token-1");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(tokens.token(soon()).await.unwrap().expose(), "token-2");
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_by_itself() {
    let world = World::start().await;
    world.secret(SECRET, 1).await;
    world.secret(ROTATED, 9).await;
    world.entra(SECRET, refused(7_000_222), 9).await;
    world.entra(ROTATED, granted("token-1", 3599), 9).await;
    let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
    assert_eq!(connection.tokens().token(soon()).await.unwrap().expose(), "token-1");
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn a_busy_entra_is_asked_again() {
    let world = World::start().await;
    world.secret(SECRET, 9).await;
    world.entra(SECRET, ResponseTemplate::new(503), 2).await;
    world.entra(SECRET, granted("token-1", 3599), 9).await;
    let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
    assert!(connection.tokens().token(soon()).await.is_ok());
}

#[tokio::test]
async fn a_missing_secret_is_no_connection() {
    let world = World::start().await;
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({
            "__type": "ResourceNotFoundException", "Message": "no such secret",
        })))
        .mount(&world.server)
        .await;
    let id: ConnectionId = "emea".parse().unwrap();
    let error = world.connections.open(&id).await.unwrap_err();
    let name = "dynamics365/connections/emea".to_owned();
    assert_eq!(error, ConnectionError::Secret(SecretError::NotFound { name }));
}

/// Log lines, kept for reading.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

#[test]
fn no_secret_in_any_debug_or_log_line() {
    let lines = Lines::default();
    // Everything that this workspace says, at its most talkative; the AWS SDK's own wire log is
    // switched off in production by the level INFO.
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_env_filter(
            "info,auth=trace,dataverse=trace,reqwest=trace,hyper=trace,hyper_util=trace",
        )
        .finish();
    let mut shown = String::new();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            world.secret(SECRET, 1).await;
            world.secret(ROTATED, 9).await;
            world.entra(SECRET, refused(7_000_215), 9).await;
            world.entra(ROTATED, granted("token-secret", 3599), 1).await;
            world.entra(ROTATED, refused(7_000_222), 9).await;
            let connection = world.connections.open(&ConnectionId::fallback()).await.unwrap();
            let token = connection.tokens().token(soon()).await.unwrap();
            let refusal = connection
                .client()
                .session(soon())
                .function(&dataverse::Function::who_am_i())
                .await;
            connection.tokens().rejected(&token);
            let error = connection.tokens().token(soon()).await.unwrap_err();
            shown = format!(
                "{:?} {connection:?} {:?} {token:?} {refusal:?} {error} {error:?} {:?}",
                world.connections,
                connection.client(),
                connection.credentials(),
            );
        });
    });
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("Entra ID answered"), "{logged}");
    for text in [&shown, &logged] {
        for secret in [SECRET, ROTATED, "token-secret", "another", "the-secret"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
