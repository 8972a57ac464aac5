//! Each fault of a connection has its own cause and its own cure, and none shows a secret.

use std::time::Duration;

use auth::{Connections, Environment};
use dataverse_emulator::Emulator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use stack::Options;
use toolkit::{Caller, Front as _, Grants, Incoming, Scope, Tools};

use crate::harness::{Bench, MAREN};
use crate::health::{check, events, of};

async fn problem(bench: &Bench) -> Value {
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_ne!(answer.status, 200, "{:#}", answer.body);
    let shown = answer.body.to_string();
    assert!(!shown.contains(dataverse_emulator::CLIENT_SECRET), "{shown}");
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
        ("client_secrt", "x", "docs/connections.md", "must be called client_secret"),
    ] {
        let bench = Bench::start().await;
        bench.change_credentials(field, value).await;
        says(&problem(&bench).await, "connection_broken", step, word);
    }
    let bench = Bench::start().await;
    bench.store("dynamics365/connections/default", "{\"tenant_id\": \"emulator-secret\"}").await;
    says(
        &problem(&bench).await,
        "connection_broken",
        "docs/connections.md",
        "client_id is missing",
    );
    bench.store("dynamics365/connections/default", "emulator-secret").await;
    bench.until_secrets_are_read_again().await;
    says(&problem(&bench).await, "connection_broken", "docs/connections.md", "JSON object");
}

#[tokio::test]
async fn the_instance_url_is_that_of_another_organization() {
    // This address reaches the emulator, but the emulator does not accept that name.
    let emulator = Emulator::start(dataverse_emulator::Options {
        host: "0.0.0.0".to_owned(),
        ..dataverse_emulator::Options::default()
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
    let response = stack::service(Tools::new(connections))
        .unwrap()
        .answer(Incoming {
            method: "POST".parse().unwrap(),
            path: "/v1/tools/dynamics365_get_contact_by_email".to_owned(),
            address: None,
            query: String::new(),
            headers: HeaderMap::new(),
            body: toolkit::Body::Value(json!({"email": MAREN})),
            caller: Some(Caller {
                client: "test".to_owned(),
                connections: Grants::All,
                scopes: [Scope::Read].into(),
                key: None,
                serves: toolkit::Serves::Staff,
                tools: None,
                vouches: false,
                confirm: auth::Confirm::None,
                message_is_enough: false,
                conversation_in_header: false,
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

    // Once a new secret is stored, the connection works without a restart.
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    bench.change_credentials("client_secret", dataverse_emulator::ROTATED_CLIENT_SECRET).await;
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
    // What the user may read is still shown. The rest is absent: an empty list would read as "none".
    let answer = bench.call("get_contact", json!({"contact": MAREN})).await;
    assert!(answer.result().get("open_cases").is_none());
    assert!(answer.result()["latest_activities"].is_array());
    assert!(answer.body["hints"][0].as_str().unwrap().contains("cannot read them"));
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

/// Makes the environment answer every request in this way.
async fn all_answered(bench: &Bench, answer: Value) {
    bench.control("DELETE", "faults", None).await;
    let mut fault = json!({"path": "/api/data", "kind": "answer", "times": 1_000_000});
    fault.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
    bench.fault(fault).await;
}

fn form(instance_url: &str) -> Option<Value> {
    Some(json!({
        "tenant_id": dataverse_emulator::TENANT_ID,
        "client_id": dataverse_emulator::CLIENT_ID,
        "client_secret": dataverse_emulator::CLIENT_SECRET,
        "instance_url": instance_url,
    }))
}

#[tokio::test]
async fn what_keeps_requests_out_has_its_own_cause_everywhere() {
    let bench = Bench::start().await;
    let firewall = json!({"code": "0x80095ffe", "message": "The request you are trying to make is \
        rejected as access to your ip is blocked. Contact your administrator for more information."});
    let disabled = json!({"code": "0x8004a104", "message": "The Dynamics 365 organization you are \
        attempting to access is currently disabled.  Please contact your system administrator"});
    let page = json!({"content-type": "text/html"});
    let login = json!({"location": "https://login.example/"});
    for (answer, cause, step, action) in [
        (json!({"status": 403, "error": firewall}), "address_blocked", Value::Null, "IP firewall"),
        (
            json!({"status": 503, "error": disabled}),
            "environment_disabled",
            Value::Null,
            "administration mode",
        ),
        (
            json!({"status": 404, "headers": page, "body": "<html>Not found</html>"}),
            "instance_missing",
            json!(5),
            "step 5",
        ),
        (json!({"status": 302, "headers": login}), "instance_redirected", json!(5), "step 5"),
        (json!({"status": 407}), "proxy_refused", Value::Null, "HTTPS_PROXY"),
    ] {
        all_answered(&bench, answer).await;
        bench.control("DELETE", "requests", None).await;
        let problem = problem(&bench).await;
        says(&problem, "connection_broken", action, action);
        assert_eq!((&problem["cause"], &problem["set_up_step"]), (&json!(cause), &step));
        assert_eq!(bench.requests().await.len(), 1, "trying again does not help");
        // A write says that it did not happen.
        let case = json!({"contact": MAREN, "subject": "Broken", "description": "It broke."});
        let write = bench.call("create_case", case).await;
        assert_eq!(write.problem("connection_broken")["write"], "not_happened");

        let url = bench.stack.emulator().url();
        let set_up = bench.request("PUT", "/v1/connections/emea", form(&url)).await;
        let problem = set_up.problem("connection_broken");
        assert_eq!((&problem["cause"], &problem["set_up_step"]), (&json!(cause), &step));
        assert_eq!(problem["write"], "not_happened");

        let report = check(&bench).await;
        assert_eq!(of(&report, "default")["state"], "broken", "{report:#}");
        assert_eq!(events(&report), ["connection_broken"], "{cause}");
        let alert = &report["alerts"][0];
        assert_eq!(alert["attributes"]["cause"], cause);
        assert!(alert["message"].as_str().unwrap().contains(action), "{alert:#}");
    }
    bench.control("DELETE", "faults", None).await;
    assert_eq!(events(&check(&bench).await), ["connection_recovered"]);
}

#[tokio::test]
async fn a_refusal_that_is_not_known_is_no_matter_of_roles() {
    let bench = Bench::start().await;
    let call = || bench.call("get_contact_by_email", json!({"email": MAREN}));
    let unknown = json!({"code": "0x80071234", "message": "Not here."});
    all_answered(&bench, json!({"status": 403, "error": unknown})).await;
    let answer = call().await;
    let problem = answer.problem("permission_denied");
    assert!(problem["detail"].as_str().unwrap().contains("0x80071234"), "{problem:#}");
    assert!(problem.get("admin_action").is_none(), "{problem:#}");
    // The check says what is known, and that no tool works.
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_broken"]);
    assert_eq!(report["alerts"][0]["attributes"]["cause"], "permission_denied");
    let path = "/v1/connections/default/test";
    let view = bench.request("POST", path, None).await.body;
    assert_eq!(view["problem"]["code"], "permission_denied", "{view:#}");

    let no_access = json!({"code": "0x80040220", "message": "SecLib::AccessCheckEx failed."});
    all_answered(&bench, json!({"status": 403, "error": no_access})).await;
    let answer = call().await;
    says(answer.problem("permission_denied"), "permission_denied", "step 6", "whole organization");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_said_so() {
    let emulator = Emulator::start(dataverse_emulator::Options {
        tls_port: Some(0),
        ..dataverse_emulator::Options::default()
    })
    .await
    .unwrap();
    let url = emulator.tls_url().unwrap();
    let options = Options { other_instances: vec![url.clone()], ..Options::default() };
    let bench = Bench::start_with(options).await;
    let set_up = bench.request("PUT", "/v1/connections/emea", form(&url)).await;
    let problem = set_up.problem("connection_broken");
    says(problem, "connection_broken", "connect directly", "certificate");
    assert_eq!(problem["cause"], "certificate_untrusted");

    bench.change_credentials("instance_url", &url).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_broken"]);
    assert_eq!(report["alerts"][0]["attributes"]["cause"], "certificate_untrusted");
}
