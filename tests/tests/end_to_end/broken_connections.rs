//! Each fault of a connection has its own cause and its own cure; and no secret is in any of it.

use std::time::Duration;

use auth::{Connections, Environment};
use emulator::Emulator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use toolkit::{Caller, Grants, Incoming, Scope, Service};

use crate::harness::{Bench, MAREN};

async fn problem(bench: &Bench) -> Value {
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_ne!(answer.status, 200, "{:#}", answer.body);
    let shown = answer.body.to_string();
    assert!(!shown.contains(emulator::CLIENT_SECRET), "{shown}");
    answer.body
}

fn says(problem: &Value, code: &str, step: &str, word: &str) {
    assert_eq!(problem["code"], code, "{problem:#}");
    let action = problem["admin_action"].as_str().unwrap_or_default();
    assert!(action.contains(step), "{problem:#}");
    assert!(problem.to_string().contains(word), "{problem:#}");
}

#[tokio::test]
async fn the_credentials_are_at_fault() {
    let unknown = "99999999-9999-4999-9999-999999999999";
    for (field, value, step, word) in [
        ("client_secret", "not-the-secret", "step 3", "does not accept the client secret"),
        ("client_secret", unknown, "step 3", "not its value"),
        ("tenant_id", unknown, "step 1", "no tenant"),
        ("client_id", unknown, "step 2", "no application"),
        ("client_id", "my app", "step 2", "client_id"),
        (
            "instance_url",
            "https://contoso.crm.dynamics.com.evil.example",
            "step 5",
            "not a Dynamics",
        ),
        ("client_secrt", "x", "set-up", "not known"),
    ] {
        let bench = Bench::start().await;
        bench.change_credentials(field, value).await;
        says(&problem(&bench).await, "connection_broken", step, word);
    }
    let bench = Bench::start().await;
    bench.store("dynamics365/connections/default", "{\"tenant_id\": \"emulator-secret\"}").await;
    says(&problem(&bench).await, "connection_broken", "set-up", "client_id is missing");
    bench.store("dynamics365/connections/default", "emulator-secret").await;
    bench.until_secrets_are_read_again().await;
    says(&problem(&bench).await, "connection_broken", "set-up", "JSON object");
}

#[tokio::test]
async fn the_instance_url_is_that_of_another_organization() {
    // An address that reaches the emulator, and that it does not answer for.
    let emulator = Emulator::start(emulator::Options {
        host: "0.0.0.0".to_owned(),
        ..emulator::Options::default()
    })
    .await
    .unwrap();
    let other = format!("http://127.0.0.2:{}", emulator.port());
    let bench = Bench::start().await;
    bench.change_credentials("instance_url", &other).await;
    let connections = Connections::new(
        toolkit::lambda::http_client().unwrap(),
        bench.stack.secrets(),
        Environment::local(other.parse().unwrap()),
    );
    let response = Service::new(stack::tools(), connections)
        .answer(Incoming {
            method: "POST".parse().unwrap(),
            path: "/v1/tools/dynamics365_get_contact_by_email".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: json!({"email": MAREN}).to_string().into(),
            caller: Some(Caller {
                client: "test".to_owned(),
                connections: Grants::All,
                scopes: [Scope::Read].into(),
            }),
            request_id: "r".to_owned(),
            deadline: tokio::time::Instant::now() + Duration::from_secs(10),
        })
        .await;
    let problem: Value = serde_json::from_slice(response.body()).unwrap();
    says(&problem, "connection_broken", "step 5", "instance URL");
}

#[tokio::test]
async fn the_client_secret_expires_and_is_rotated() {
    let bench = Bench::start().await;
    let works = json!({"email": MAREN});
    bench.call("get_contact_by_email", works.clone()).await.result();

    bench.control("PUT", "client-secret", Some(json!({"state": "expired"}))).await;
    // Two hours later every token has ended.
    bench.control("POST", "clock", Some(json!({"advance_seconds": 7200}))).await;
    says(&problem(&bench).await, "connection_broken", "step 3", "expired");

    // A new secret: stored, it works without a restart.
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    bench.change_credentials("client_secret", emulator::ROTATED_CLIENT_SECRET).await;
    bench.until_secrets_are_read_again().await;
    bench.call("get_contact_by_email", works).await.result();
}

#[tokio::test]
async fn the_application_user_is_at_fault() {
    let bench = Bench::start().await;
    let user = |state: &str, roles: Value| Some(json!({"state": state, "roles": roles}));
    bench.control("PUT", "application-user", user("missing", json!(["Salesperson"]))).await;
    says(&problem(&bench).await, "connection_broken", "step 6", "no application user");
    bench.control("PUT", "application-user", user("disabled", json!(["Salesperson"]))).await;
    says(&problem(&bench).await, "connection_broken", "step 6", "disabled");

    bench.control("PUT", "application-user", user("enabled", json!(["Salesperson"]))).await;
    bench.call("get_contact_by_email", json!({"email": MAREN})).await.result();
    let answer = bench.call("get_case", json!({"case": "CAS-01001-Q7W2E9"})).await;
    let problem = answer.problem("permission_denied");
    says(problem, "permission_denied", "step 6", "prvReadIncident");
    says(problem, "permission_denied", "Customer Service Representative", "incident");
    // What may be read is shown all the same.
    let answer = bench.call("get_contact", json!({"contact": MAREN})).await;
    assert!(answer.result()["open_cases"].as_array().unwrap().is_empty());
    assert!(answer.body["hints"][0].as_str().unwrap().contains("prvReadIncident"));
}

#[tokio::test]
async fn dataverse_is_down() {
    let bench = Bench::start().await;
    bench
        .fault(json!({
            "method": "GET", "path": "/contacts", "kind": "unavailable", "times": 100,
            "retry_after": 0, "after_commit": false,
        }))
        .await;
    let down = problem(&bench).await;
    assert_eq!(down["code"], "dynamics_unavailable");
    assert_eq!(down["retryable"], true);
}

#[tokio::test]
async fn there_is_no_such_connection() {
    let bench = Bench::start().await;
    let answer = bench
        .call_with("get_contact_by_email", json!({"email": MAREN}), &[("x-connection-id", "emea")])
        .await;
    let problem = answer.problem("connection_not_found");
    says(problem, "connection_not_found", "dynamics365/connections/emea", "emea");
}
