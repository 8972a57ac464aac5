//! Entra ID, Dataverse and Secrets Manager on one port.

use std::time::Duration;

use auth::{ConnectionId, Connections, Environment, Secrets};
use serde_json::{Value, json};
use tokio::time::Instant;
use wiremock::matchers::{body_string_contains, header, method, path_regex};
use wiremock::{Mock, MockBuilder, MockServer, Request, ResponseTemplate};

pub(crate) const SECRET: &str = "ETx8Q~the-secret";
pub(crate) const ROTATED: &str = "ETx8Q~another";

pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) connections: Connections,
}

impl World {
    pub(crate) async fn start() -> World {
        // One of its own: what an earlier world left to be read must not reach this one's address,
        // and `MockServer::start` gives addresses again.
        let server = MockServer::builder().start().await;
        let connections = Connections::new(
            reqwest::Client::new(),
            Secrets::at_endpoint(&server.uri()),
            Environment::local(server.uri().parse().unwrap()),
        );
        World { server, connections }
    }

    /// What a connection's secret holds.
    pub(crate) fn credentials(&self, client_secret: &str) -> Value {
        json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "client_secret": client_secret,
            "instance_url": self.server.uri(),
        })
    }

    /// Secrets Manager's answer, until it has been given so often.
    pub(crate) async fn secrets_manager(&self, answer: ResponseTemplate, times: u64) {
        reading().respond_with(answer).up_to_n_times(times).mount(&self.server).await;
    }

    /// The secret holds this client secret, until it is read `times` times.
    pub(crate) async fn secret(&self, client_secret: &str, times: u64) {
        self.secrets_manager(holds(&self.credentials(client_secret)), times).await;
    }

    /// Entra ID's answer to this client secret.
    pub(crate) async fn entra(&self, client_secret: &str, answer: ResponseTemplate, times: u64) {
        let encoded = client_secret.replace('~', "%7E");
        Mock::given(method("POST"))
            .and(path_regex("/oauth2/v2.0/token$"))
            .and(body_string_contains(encoded))
            .respond_with(answer)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    async fn seen(&self, is_counted: impl Fn(&Request) -> bool) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| is_counted(request)).count()
    }

    /// How often Entra ID was asked.
    pub(crate) async fn asked(&self) -> usize {
        self.seen(|request| request.url.path().ends_with("/token")).await
    }

    /// How often Secrets Manager was asked.
    pub(crate) async fn read(&self) -> usize {
        self.seen(|request| request.headers.contains_key("x-amz-target")).await
    }

    /// The connection `default`.
    pub(crate) async fn open(&self) -> auth::Connection {
        self.connections.open(&ConnectionId::fallback()).await.unwrap()
    }
}

pub(crate) fn reading() -> MockBuilder {
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
}

pub(crate) fn holds(credentials: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"SecretString": credentials.to_string()}))
}

/// Secrets Manager's own error.
pub(crate) fn aws_error(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"__type": code, "Message": "no"}))
}

pub(crate) fn granted(token: &str, seconds: impl Into<Value>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "token_type": "Bearer", "expires_in": seconds.into(), "access_token": token,
    }))
}

pub(crate) fn refused(code: u32) -> ResponseTemplate {
    let body: Value = json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{code}: no. {SECRET}"),
        "error_codes": [code], "trace_id": "03da4b8e-5ffe-48ca-9754-aff4276f0100",
    });
    ResponseTemplate::new(401).set_body_json(body)
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// So much time passes, while nothing is under way.
pub(crate) async fn pass(seconds: u64) {
    // What a task left to be done is done first, and sockets are served in real time.
    tokio::time::sleep(Duration::from_millis(20)).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// What came of it, and how long it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = std::time::Instant::now();
    (work.await, started.elapsed())
}
