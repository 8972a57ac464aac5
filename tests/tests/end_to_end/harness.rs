//! A local stack for each test.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use auth::ConnectionId;
use catalog::answer_schema;
use jsonschema::Validator;
use serde_json::{Value, json};
use stack::{API_KEY, Options, Stack, VISITOR_KEY};
use toolkit::{Audience, Caller, Definition, Grants, Scope, Serves};

/// How many there are in a test of many: the whole number in `.ci/run tests`, which sets
/// `TESTS=whole`; few in `cargo test`, which shall end soon.
pub(crate) fn sized(whole: usize, few: usize) -> usize {
    let is_whole = std::env::var("TESTS").is_ok_and(|size| size == "whole");
    if is_whole { whole } else { few }
}

/// The tools that a key for staff has.
pub(crate) fn staffs_tools() -> Vec<Definition> {
    stack::tools().into_iter().filter(|tool| tool.is_for_staff).collect()
}

/// A contact of the sample organization, whose account has an open case.
pub(crate) const MAREN: &str = "maren.quist@northwind.example";

/// A running stack, and a client of it.
pub(crate) struct Bench {
    pub(crate) stack: Stack,
    http: reqwest::Client,
    /// The API key that calls tools.
    key: String,
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) allow: Option<String>,
    pub(crate) request_id: Option<String>,
    /// What the platform sends to say yes.
    pub(crate) button: Option<String>,
    pub(crate) body: Value,
    pub(crate) took: Duration,
}

impl Answer {
    /// The result of a call that must have succeeded.
    #[track_caller]
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{:#}", self.body);
        &self.body["result"]
    }

    /// The problem of a call that must have failed with this code.
    #[track_caller]
    pub(crate) fn problem(&self, code: &str) -> &Value {
        assert_eq!(self.body["code"], code, "{:#}", self.body);
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(self.body["status"], self.status);
        &self.body
    }
}

impl Bench {
    pub(crate) async fn start() -> Bench {
        Bench::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Bench {
        let stack = stack::start(options).await.unwrap();
        // It speaks plain HTTP; to read certificates takes longer than to start all of the stack.
        let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        Bench { stack, http, key: API_KEY.to_owned() }
    }

    /// A stack in which nothing waits for a yes, and one whose calls with consequences do. There, each call
    /// of a test is followed by a yes, by the platform's button.
    pub(crate) async fn start_both() -> [Bench; 2] {
        let (plain, mut asking) = tokio::join!(Box::pin(Bench::start()), Box::pin(Bench::start()));
        let key = json!({
            "client": "asking", "connections": ["default"], "scopes": ["read", "write"],
            "for": "staff", "confirm": "consequences",
        });
        let made = asking.request("POST", "/v1/keys", Some(key)).await;
        assert_eq!(made.status, 201, "{:#}", made.body);
        asking.key = made.body["key"].as_str().unwrap().to_owned();
        [plain, asking]
    }

    /// Whether calls wait for a yes, which follows.
    pub(crate) fn asks(&self) -> bool {
        self.key != API_KEY
    }

    /// Waits until secrets are read again, which is at most every five seconds.
    pub(crate) async fn until_secrets_are_read_again(&self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }

    /// Sends a request that is not a tool call.
    pub(crate) async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.request_with_key(API_KEY, method, path, body).await
    }

    /// The same with another API key.
    pub(crate) async fn request_with_key(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}{path}", self.stack.url());
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(key);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        answer(request).await
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.call_with(tool, arguments, &[]).await
    }

    /// Calls a tool with further headers.
    pub(crate) async fn call_with(
        &self,
        tool: &str,
        arguments: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut all = vec![("authorization", format!("Bearer {}", self.key))];
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let answer = self.send(tool, arguments.to_string(), &all).await;
        let Some(button) = answer.button.clone().filter(|_| self.asks()) else {
            return answer;
        };
        let id = answer.problem("confirmation_required")["confirmation_id"].as_str().unwrap();
        all.push(("x-confirmation", button));
        self.request_with(("POST", &format!("/v1/confirmations/{id}")), None, &all).await
    }

    /// Sends a request.
    pub(crate) async fn send(
        &self,
        tool: &str,
        body: impl Into<reqwest::Body>,
        headers: &[(&str, String)],
    ) -> Answer {
        let answer = self.send_unchecked(tool, body, headers).await;
        if answer.status == 200 {
            let is_visitors = |(_, value): &(&str, String)| value.ends_with(VISITOR_KEY);
            check_answer(tool, &answer.body, headers.iter().any(is_visitors));
        }
        answer
    }

    /// The same, whatever the schema of the answer.
    pub(crate) async fn send_unchecked(
        &self,
        tool: &str,
        body: impl Into<reqwest::Body>,
        headers: &[(&str, String)],
    ) -> Answer {
        let url = format!("{}/v1/tools/dynamics365_{tool}", self.stack.url());
        let mut request = self.http.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        answer(request).await
    }

    /// Sends a request with these headers and no others.
    pub(crate) async fn request_with(
        &self,
        (method, path): (&str, &str),
        body: Option<Value>,
        headers: &[(&str, String)],
    ) -> Answer {
        let url = format!("{}{path}", self.stack.url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        answer(request).await
    }

    /// Calls a tool, and counts the requests to Dataverse.
    pub(crate) async fn counted(&self, tool: &str, arguments: Value) -> (Answer, usize) {
        // This reads the secret and gets the token, because budgets are for a warm connection.
        self.call("get_contact_by_email", json!({"email": "nobody@nowhere.example"})).await;
        self.control("DELETE", "requests", None).await;
        let answer = self.call(tool, arguments).await;
        (answer, self.requests().await.len())
    }

    /// The requests to Dataverse, without those to Entra ID.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let log = self.control("GET", "requests", None).await;
        let requests = log["value"].as_array().unwrap().iter();
        requests
            .filter(|request| request["path"].as_str().unwrap().contains("/api/data/"))
            .cloned()
            .collect()
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
        let text = response.text().await.unwrap();
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Makes the next matching requests fail.
    pub(crate) async fn fault(&self, fault: Value) {
        self.control("POST", "faults", Some(fault)).await;
    }

    /// The rows of a table.
    pub(crate) async fn rows(&self, set: &str) -> Vec<Value> {
        let answer = self.control("GET", &format!("rows/{set}"), None).await;
        let rows = answer.get("value").unwrap_or(&answer);
        rows.as_array().unwrap().clone()
    }

    /// How many rows have this value in this column.
    pub(crate) async fn count(&self, set: &str, column: &str, value: &str) -> usize {
        self.rows(set).await.iter().filter(|row| row[column] == value).count()
    }

    /// The credentials that an administrator enters for the emulator.
    pub(crate) fn credentials(&self) -> Value {
        json!({
            "tenant_id": dataverse_emulator::TENANT_ID,
            "client_id": dataverse_emulator::CLIENT_ID,
            "client_secret": dataverse_emulator::CLIENT_SECRET,
            "instance_url": self.stack.emulator().url(),
        })
    }

    /// Changes one field of the connection's credentials.
    pub(crate) async fn change_credentials(&self, field: &str, value: &str) {
        let mut credentials = self.credentials();
        credentials[field] = value.into();
        self.store("dynamics365/connections/default", &credentials.to_string()).await;
    }

    /// The name of the secret that holds a connection's credentials.
    pub(crate) fn secret_name(&self, id: &ConnectionId) -> String {
        self.stack.secrets().names().connection(id)
    }

    /// Stores a secret.
    pub(crate) async fn store(&self, name: &str, text: &str) {
        self.stack.secrets().store(name, text).await.unwrap();
    }
}

/// A bot that talks to visitors.
pub(crate) fn bot_for_visitors() -> Caller {
    Caller {
        client: "bot".to_owned(),
        connections: Grants::All,
        scopes: [Scope::Read, Scope::Write].into(),
        key: None,
        serves: Serves::Visitors,
        tools: None,
        vouches: true,
        confirm: auth::Confirm::None,
        message_is_enough: false,
        conversation_in_header: false,
    }
}

/// Checks each answer of a tool against the tool's schema, as visitors or staff have it.
#[track_caller]
pub(crate) fn check_answer(tool: &str, body: &Value, for_visitors: bool) {
    static VALIDATORS: LazyLock<[HashMap<&str, Validator>; 2]> = LazyLock::new(|| {
        let definitions = stack::tools();
        let visitors = bot_for_visitors();
        [Audience::EVERYBODY, Audience::of(&visitors)].map(|audience| {
            let validator = |definition: &Definition| {
                let schema = answer_schema(&definition.for_audience(audience));
                (definition.name, jsonschema::validator_for(&schema).unwrap())
            };
            definitions.iter().map(validator).collect()
        })
    });
    let validators = &VALIDATORS[usize::from(for_visitors)];
    let validator = &validators[format!("dynamics365_{tool}").as_str()];
    let errors: Vec<_> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{tool}: {errors:?} {body:#}");
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let started = Instant::now();
    let response = request.send().await.unwrap();
    let took = started.elapsed();
    let header = |name| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    Answer {
        status: response.status().as_u16(),
        content_type: header("content-type").unwrap_or_default(),
        retry_after: header("retry-after"),
        allow: header("allow"),
        request_id: header("x-request-id"),
        button: header("x-confirmation"),
        took,
        body: response.json().await.unwrap(),
    }
}
