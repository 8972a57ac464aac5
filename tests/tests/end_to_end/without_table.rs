//! What still works while DynamoDB is down.

use std::time::Duration;

use serde_json::json;
use stack::STATE_TABLE;
use state::State;

use crate::harness::{Answer, Bench, MAREN};

/// How late an answer may be. An operation waits one second for the table; the client of the table
/// alone would try for three.
const LATE: Duration = Duration::from_millis(2500);

async fn table_is(bench: &Bench, state: &str) {
    let url = format!("{}/_local/dynamodb", bench.stack.aws_url());
    let request = reqwest::Client::new().put(url).json(&json!({ "state": state }));
    assert_eq!(request.send().await.unwrap().status(), 204);
}

fn hints(answer: &Answer) -> Vec<&str> {
    assert!((200..300).contains(&answer.status), "{:#}", answer.body);
    assert!(answer.took < LATE, "{:?}", answer.took);
    let hints = answer.body["hints"].as_array();
    hints.into_iter().flatten().map(|hint| hint.as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_sidebar_shows_what_needs_no_table() {
    let bench = Bench::start().await;
    let chosen = json!({"fields": [{"table": "contact", "column": "new_loyaltytier"}]});
    let path = "/v1/connections/default/sidebar-fields";
    assert_eq!(bench.request("PUT", path, Some(chosen)).await.status, 200);
    let path = format!("/v1/connections/default/sidebar?contact={MAREN}");
    let whole = bench.request("GET", &path, None).await;
    assert_eq!(hints(&whole), [""; 0]);
    assert_eq!(whole.body["fields"].as_array().unwrap().len(), 5);
    for state in ["down", "hangs", "denied"] {
        table_is(&bench, state).await;
        let answer = bench.request("GET", &path, None).await;
        assert!(hints(&answer)[0].contains("cannot be shown right now"), "{state}");
        assert_eq!(
            answer.body["fields"].as_array().unwrap(),
            &whole.body["fields"].as_array().unwrap()[..4]
        );
    }
    table_is(&bench, "up").await;
    assert_eq!(bench.request("GET", &path, None).await.body, whole.body);
}

#[tokio::test]
async fn tools_do_not_wait_for_the_table() {
    let bench = Bench::start().await;
    table_is(&bench, "hangs").await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    answer.result();
    assert!(answer.took < Duration::from_secs(1), "{:?}", answer.took);
}

#[tokio::test]
async fn a_connection_is_looked_at_tested_and_set_up_without_the_table() {
    let bench = Bench::start().await;
    let state = State::at_endpoint(&bench.stack.aws_url(), STATE_TABLE);
    let fallback = auth::ConnectionId::fallback();
    let before = state.connection(&fallback).await.unwrap().unwrap();
    for trouble in ["down", "hangs", "denied"] {
        table_is(&bench, trouble).await;
        for (method, path) in [("GET", ""), ("POST", "/test")] {
            let path = format!("/v1/connections/default{path}");
            let answer = bench.request(method, &path, None).await;
            assert!(hints(&answer)[0].contains("did not take this down"), "{trouble} {method}");
            assert_eq!(answer.body["state"], "healthy");
        }
    }
    // Changing a secret must not wait for the table.
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    let mut entered = bench.credentials();
    entered["client_secret"] = dataverse_emulator::ROTATED_CLIENT_SECRET.into();
    let answer = bench.request("PUT", "/v1/connections/default", Some(entered)).await;
    assert!(hints(&answer)[0].contains("did not take this down"));
    bench.call("get_contact_by_email", json!({"email": MAREN})).await.result();
    bench.control("PUT", "client-secret", Some(json!({"state": "wrong"}))).await;
    let answer = bench.request("POST", "/v1/connections/default/test", None).await;
    assert!(hints(&answer)[0].contains("did not take this down"));
    assert_eq!(answer.body["state"], "broken");

    // The list shows again what it knew before, and an inspection brings it up to date.
    table_is(&bench, "up").await;
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    assert_eq!(state.connection(&fallback).await.unwrap().unwrap(), before);
    // Only a test sends the secret again that was refused a moment ago.
    let answer = bench.request("POST", "/v1/connections/default/test", None).await;
    assert_eq!(hints(&answer), [""; 0]);
    let after = state.connection(&fallback).await.unwrap().unwrap();
    assert_eq!(after.registered_at, before.registered_at);
    assert!(after.organization.is_some());
}

#[tokio::test]
async fn what_the_table_alone_knows_is_unavailable() {
    let bench = Bench::start().await;
    table_is(&bench, "down").await;
    let none = json!({"fields": []});
    for (method, path, body) in [
        ("GET", "", None),
        ("GET", "/default/activity", None),
        ("GET", "/default/sidebar-fields", None),
        ("PUT", "/default/sidebar-fields", Some(none)),
        ("DELETE", "/default", None),
    ] {
        let answer = bench.request(method, &format!("/v1/connections{path}"), body).await;
        let problem = answer.problem("service_unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("DynamoDB"), "{problem:#}");
    }
    // Nothing was removed.
    table_is(&bench, "up").await;
    bench.call("get_contact_by_email", json!({"email": MAREN})).await.result();
}
