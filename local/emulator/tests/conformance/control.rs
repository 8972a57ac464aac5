//! The control calls: faults, the log, the reset.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Emulated, send};

async fn arm(emulated: &Emulated, fault: Value) {
    emulated.control(Method::POST, "faults", fault).await;
}

#[tokio::test]
async fn a_dropped_request_has_no_answer_and_is_done_only_after_commit() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    for (after_commit, more) in [(false, 0), (true, 1)] {
        arm(
            &emulated,
            json!({"method": "POST", "path": "/contacts", "kind": "drop",
                   "after_commit": after_commit}),
        )
        .await;
        let request = emulated.request(Method::POST, "contacts");
        let answer = send(request.json(&json!({"lastname": "Lost"}))).await;
        assert!(answer.unwrap_err().is_request());
        assert_eq!(emulated.count("contacts").await, before + more, "{after_commit}");
    }
    let statuses: Vec<_> =
        emulated.requests().await.iter().map(|entry| entry["status"].clone()).collect();
    assert_eq!(statuses, [Value::Null, Value::Null]);
}

#[tokio::test]
async fn unavailable_before_and_after_commit() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    for (after_commit, more) in [(false, 0), (true, 1)] {
        arm(
            &emulated,
            json!({"path": "/contacts", "kind": "unavailable", "after_commit": after_commit,
                   "retry_after": 3}),
        )
        .await;
        let answer = emulated.post("contacts", json!({"lastname": "Somewhere"})).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), "3");
        assert_eq!(emulated.count("contacts").await, before + more, "{after_commit}");
    }
}

#[tokio::test]
async fn slow_unauthorized_and_plugin() {
    let emulated = Emulated::start().await;
    arm(&emulated, json!({"kind": "slow", "delay_ms": 120})).await;
    let started = Instant::now();
    emulated.get("WhoAmI").await.expect(200);
    assert!(started.elapsed() >= Duration::from_millis(120));
    arm(&emulated, json!({"kind": "unauthorized"})).await;
    let answer = emulated.get("WhoAmI").await;
    assert_eq!(answer.status, 401);
    answer.header("www-authenticate");
    arm(&emulated, json!({"kind": "plugin", "message": "Not on a Sunday."})).await;
    emulated.get("WhoAmI").await.refused(400, "0x80040265", "Not on a Sunday.");
    emulated.get("WhoAmI").await.expect(200);
}

#[tokio::test]
async fn faults_are_listed_cleared_and_checked() {
    let emulated = Emulated::start().await;
    arm(&emulated, json!({"kind": "drop", "times": 3})).await;
    let armed = emulated.control(Method::GET, "faults", Value::Null).await;
    assert_eq!(armed.body["value"][0]["times"], 3);
    emulated.control(Method::DELETE, "faults", Value::Null).await;
    emulated.get("WhoAmI").await.expect(200);
    for (call, nonsense) in [
        ("faults", json!({"kind": "explode"})),
        ("faults", json!({"kind": "drop", "times": 0})),
        ("faults", json!({"kind": "drop", "afterCommit": true})),
        ("seed", json!({"table": "nonsense", "rows": 1})),
        ("clock", json!({"advance_seconds": i64::MAX})),
    ] {
        let answer = emulated.try_control(Method::POST, call, nonsense.clone()).await;
        assert_eq!(answer.status, 400, "{nonsense}");
        assert!(answer.body["error"].is_string());
    }
    let columns = json!([["emailaddress1", "nothing"]]);
    for rule in [
        json!({"table": "lead", "matching": "contact", "columns": columns}),
        json!({"table": "lead", "matching": "nonsense", "columns": []}),
        json!({"table": "lead", "matching": "contact", "columns": []}),
        json!({"table": "lead", "columns": [["emailaddress1", "emailaddress1"]]}),
    ] {
        let rules = json!({"rules": [rule]});
        let answer = emulated.try_control(Method::PUT, "duplicate-rules", rules.clone()).await;
        assert_eq!(answer.status, 400, "{rules}");
        assert!(answer.body["error"].is_string());
    }
    let change = json!({"roles": ["Boss"]});
    let answer = emulated.try_control(Method::PUT, "application-user", change).await;
    let error = answer.expect(400)["error"].as_str().unwrap();
    assert!(error.contains("Salesperson"), "{error}");
    assert_eq!(emulated.try_control(Method::GET, "nonsense", Value::Null).await.status, 404);
    let answer = emulated.try_control(Method::GET, "rows/nonsense", Value::Null).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn the_log_tells_what_was_asked_and_over_which_connection() {
    let emulated = Emulated::start().await;
    emulated.get("contacts?$top=1&$select=fullname").await.expect(200);
    emulated.get("nonsense").await.expect(404);
    let log = emulated.requests().await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[0]["method"], "GET");
    assert_eq!(log[0]["path"], "/api/data/v9.2/contacts");
    assert_eq!(log[0]["query"], "$top=1&$select=fullname");
    assert_eq!((&log[0]["status"], &log[1]["status"]), (&json!(200), &json!(404)));
    assert!(log[0]["duration_ms"].is_number() && log[0]["started_at"].is_string());
    assert_eq!(log[0]["connection"], log[1]["connection"], "the client keeps its connection");
    emulated.control(Method::DELETE, "requests", Value::Null).await;
    assert!(emulated.requests().await.is_empty());
}

#[tokio::test]
async fn reset_brings_everything_back() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    emulated.post("contacts", json!({"lastname": "Gone soon"})).await.created();
    emulated.control(Method::PUT, "apps", json!({"sales": false, "service": true})).await;
    let answer = emulated.get("opportunities?$top=1").await;
    answer.refused(404, "0x80060888", "Resource not found for the segment 'opportunities'.");
    emulated.get("incidents?$top=1").await.expect(200);
    let rule =
        json!({"table": "contact", "matching": "account", "columns": [["lastname", "name"]]});
    emulated.control(Method::PUT, "duplicate-rules", json!({"rules": [rule]})).await;
    arm(&emulated, json!({"kind": "drop"})).await;
    emulated.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(emulated.count("contacts").await, before);
    let token = emulated.new_token().await;
    let request = emulated.bare(Method::GET, "/api/data/v9.2/opportunities?$top=1");
    send(request.bearer_auth(&token)).await.unwrap().expect(200);
    let request = emulated
        .bare(Method::POST, "/api/data/v9.2/contacts")
        .header("mscrm.suppressduplicatedetection", "false")
        .json(&json!({"lastname": "Litware, Inc."}));
    send(request.bearer_auth(token)).await.unwrap().expect(204);
}

#[tokio::test]
async fn latency_holds_every_answer_back() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "latency", json!({"ms": 80})).await;
    let started = Instant::now();
    emulated.get("WhoAmI").await.expect(200);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_table_can_be_filled_for_load_tests() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    emulated.control(Method::POST, "seed", json!({"table": "contact", "rows": 1_000})).await;
    assert_eq!(emulated.count("contacts").await, before + 1_000);
    emulated.post("contacts", json!({"lastname": "One more"})).await.created();
}
