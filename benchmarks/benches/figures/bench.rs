//! Runs the local stack in threads of its own, and the functions in this thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth::{ConnectionId, Connections, Environment};
use dataverse::HttpClients;
use http::HeaderMap;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, service_fn};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use stack::{API_KEY, Options, STATE_TABLE, Stack};
use state::State;
use tokio::runtime::Runtime;
use toolkit::{Front as _, Journal, KeyStore, Routes, Service, Tools, Verification};
use tower::Service as _;
use url::Url;

/// A contact of the sample organization.
pub(crate) const MAREN: &str = "maren.quist@northwind.example";

/// The stack, with a client for its control calls.
pub(crate) struct Bench {
    // The stack must be dropped before its runtime.
    pub(crate) stack: Stack,
    http: reqwest::Client,
    _runtime: Runtime,
}

/// The runtime of the stack.
fn runtime() -> Runtime {
    let threads = &mut tokio::runtime::Builder::new_multi_thread();
    threads.worker_threads(2).enable_all().build().unwrap()
}

impl Bench {
    /// Starts a stack whose emulator does not throttle.
    pub(crate) fn start() -> (Bench, Runtime) {
        let runtime = runtime();
        let stack = runtime.block_on(stack::start(Options::default())).unwrap();
        // As in Lambda, there is one thread, and one call at a time.
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bench = Bench { stack, http: reqwest::Client::new(), _runtime: runtime };
        client.block_on(bench.control("PUT", "limits", Some(json!({"enabled": false}))));
        (bench, client)
    }

    /// Makes a control call of the emulator.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/_emulator/{path}", self.stack.emulator().url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default()
    }

    /// Makes a call of the stack's own API, which must succeed.
    pub(crate) async fn api(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Value {
        let url = format!("{}{path}", self.stack.url());
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.json(&body).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {answer:#}");
        answer
    }

    /// How many requests the emulator has seen since its log was last emptied.
    pub(crate) async fn seen(&self, is_counted: impl Fn(&Value) -> bool) -> usize {
        let log = self.control("GET", "requests", None).await;
        log["value"].as_array().unwrap().iter().filter(|request| is_counted(request)).count()
    }

    /// Makes the emulator delay every answer.
    pub(crate) async fn latency(&self, latency: Duration) {
        let ms = latency.as_millis() as u64;
        self.control("PUT", "latency", Some(json!({"ms": ms}))).await;
    }

    /// A function with these tools, which talks to the stack over this client.
    pub(crate) fn function(&self, tools: Routes<Tools>, http: impl Into<HttpClients>) -> Function {
        self.function_over(|home| home, tools, http.into())
    }

    fn function_over(
        &self,
        complete: impl FnOnce(Tools) -> Tools,
        tools: Routes<Tools>,
        http: HttpClients,
    ) -> Function {
        let secrets = self.stack.secrets();
        let emulator = Url::parse(&self.stack.emulator().url()).unwrap();
        let connections = Connections::new(http, secrets.clone(), Environment::local(emulator));
        let keys = Arc::new(KeyStore::new(secrets, None));
        let home = complete(Tools::new(connections));
        let tools = toolkit::Function::new(home, tools).unwrap();
        Function { service: Service::of(tools).with_keys(keys) }
    }

    /// The same, but with an activity log, which [`Function::flush`] writes.
    pub(crate) fn function_with_log(
        &self,
        tools: Routes<Tools>,
        http: impl Into<HttpClients>,
    ) -> Function {
        let Function { service } = self.function(tools, http);
        Function { service: service.with_journal(Journal::new(self.state(), None)) }
    }

    /// The same, but creates are announced in the table.
    pub(crate) fn function_with_table(
        &self,
        tools: Routes<Tools>,
        http: impl Into<HttpClients>,
    ) -> Function {
        let complete = |home: Tools| home.with_state(Some(self.state()));
        let Function { service } = self.function_over(complete, tools, http.into());
        Function { service: service.with_journal(Journal::new(self.state(), None)) }
    }

    /// The same, but it knows visitors who have entered a code, too.
    pub(crate) fn function_for_visitors(
        &self,
        tools: Routes<Tools>,
        http: impl Into<HttpClients>,
    ) -> Function {
        let journal = Journal::new(self.state(), None);
        let verification = Verification::new(self.stack.secrets(), None);
        let complete = |home: Tools| {
            let home = home.with_state(Some(self.state())).with_verification(verification);
            home.with_journal(Some(journal.clone()))
        };
        let Function { service } = self.function_over(complete, tools, http.into());
        Function { service: service.with_journal(journal) }
    }

    fn state(&self) -> State {
        State::at_endpoint(&self.stack.aws_url(), STATE_TABLE)
    }
}

/// A stack whose connection leads to its emulator over TLS.
pub(crate) struct OverTls {
    pub(crate) bench: Bench,
    /// The address of the emulator.
    pub(crate) address: String,
    /// The file of the root certificate.
    pub(crate) certificate: PathBuf,
}

impl OverTls {
    pub(crate) fn start() -> OverTls {
        let runtime = runtime();
        let process = std::process::id();
        let certificate = std::env::temp_dir().join(format!("benchmarks-{process}.pem"));
        let options = Options {
            emulator_tls_port: Some(0),
            emulator_ca: Some(certificate.clone()),
            ..Options::default()
        };
        let stack = runtime.block_on(stack::start(options)).unwrap();
        let address = stack.emulator().tls_url().unwrap();
        let credentials = json!({
            "tenant_id": dataverse_emulator::TENANT_ID, "client_id": dataverse_emulator::CLIENT_ID,
            "client_secret": dataverse_emulator::CLIENT_SECRET, "instance_url": address,
        });
        let secrets = stack.secrets();
        let name = secrets.names().connection(&ConnectionId::fallback());
        runtime.block_on(secrets.store(&name, credentials.to_string())).unwrap();
        let bench = Bench { stack, http: reqwest::Client::new(), _runtime: runtime };
        OverTls { bench, address, certificate }
    }
}

impl Drop for OverTls {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.certificate);
    }
}

/// A function as Lambda's runtime calls it: it takes an event, and gives the bytes of the answer.
#[derive(Clone)]
pub(crate) struct Function {
    service: Service,
}

impl Function {
    /// Answers an event of API Gateway. This includes decoding the event and encoding the answer.
    pub(crate) async fn answer(&self, event: &str) -> Vec<u8> {
        let request: LambdaRequest = serde_json::from_str(event).unwrap();
        let service = &self.service;
        let mut adapter = Adapter::from(service_fn(async |request| {
            Ok::<_, toolkit::lambda::Error>(toolkit::lambda::answer(service, request).await)
        }));
        let response = adapter.call(LambdaEvent::new(request, Context::default())).await.unwrap();
        serde_json::to_vec(&response).unwrap()
    }

    /// Writes the activity log, as the extension does after an answer.
    pub(crate) async fn flush(&self) {
        if let Some(journal) = self.service.journal() {
            journal.flush().await;
        }
    }

    /// Answers a call, which must succeed.
    pub(crate) async fn result(&self, event: &str) -> Value {
        let answer: Value = serde_json::from_slice(&self.answer(event).await).unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer:#}");
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }
}

/// API Gateway's event of a call.
pub(crate) fn event(tool: &str, arguments: &Value) -> String {
    let path = format!("/v1/tools/dynamics365_{tool}");
    let body = arguments.to_string();
    json!({
        "version": "2.0",
        "routeKey": format!("POST {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "authorization": format!("Bearer {API_KEY}"),
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "chat-platform/1.0",
            "x-amzn-trace-id": "Root=1-6924a3c0-000000000000000000000001",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"lambda": {
                "client": "local", "connections": "*", "for": "staff",
                "scopes": "read write admin",
            }},
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "POST", "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "chat-platform/1.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": format!("POST {path}"),
            "stage": "$default",
            "time": "24/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1_795_510_800_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// A recorded request to Dataverse, to be sent without the function.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    pub(crate) method: http::Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A request for a token.
pub(crate) fn is_for_token(request: &Value) -> bool {
    request["path"].as_str().unwrap().contains("/oauth2/")
}

/// A trip to Dataverse.
pub(crate) fn is_trip(request: &Value) -> bool {
    request["path"].as_str().unwrap().contains("/api/data/")
}

impl Bare {
    /// Sends the request, and receives the whole answer.
    pub(crate) async fn send(self, http: &reqwest::Client) {
        let request = http.request(self.method, &self.url).headers(self.headers).body(self.body);
        let response = request.send().await.unwrap();
        let status = response.status();
        let body = response.bytes().await.unwrap();
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
    }

    /// The same request with other words in it.
    pub(crate) fn replace(&self, from: &str, to: &str) -> Bare {
        Bare { url: self.url.replace(from, to), body: self.body.replace(from, to), ..self.clone() }
    }
}
