//! Who may call, and which errors callers get.

use serde_json::{Value, json};
use toolkit::sha256_hex;

use crate::harness::{Bench, MAREN};

async fn with_key(bench: &Bench, key: &str, tool: &str, connection: Option<&str>) -> String {
    let mut headers = vec![("authorization", format!("Bearer {key}"))];
    headers.extend(connection.map(|id| ("x-connection-id", id.to_owned())));
    let arguments = json!({"contact": MAREN, "phone": "1"});
    let arguments = if tool == "update_contact" { arguments } else { json!({"contact": MAREN}) };
    let answer = bench.send(tool, arguments.to_string(), &headers).await;
    match answer.status {
        200 => "ok".to_owned(),
        _ => answer.body["code"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn a_key_opens_what_it_is_bound_to() {
    let bench = Bench::start().await;
    let key = |name: &str, connections: &[&str], scopes: &[&str]| {
        json!({
            "client": name, "sha256": sha256_hex(name), "connections": connections,
            "scopes": scopes, "for": "staff",
        })
    };
    let keys = json!({"keys": [
        key("reader", &["default"], &["read"]),
        key("elsewhere", &["other"], &["read", "write"]),
        key("two", &["other", "third"], &["read"]),
        key("administrator", &["*"], &["admin"]),
    ]});
    bench.store("dynamics365/api-keys", &keys.to_string()).await;

    for (name, tool, connection, expected) in [
        ("reader", "get_contact", None, "ok"),
        ("reader", "get_contact", Some("default"), "ok"),
        ("reader", "update_contact", None, "forbidden"),
        ("reader", "get_contact", Some("other"), "forbidden"),
        ("reader", "get_contact", Some("Not An Id"), "invalid_arguments"),
        ("elsewhere", "get_contact", None, "connection_not_found"),
        ("elsewhere", "get_contact", Some("default"), "forbidden"),
        ("two", "get_contact", None, "invalid_arguments"),
        ("administrator", "get_contact", None, "forbidden"),
        ("stranger", "get_contact", None, "unauthenticated"),
    ] {
        let code = with_key(&bench, name, tool, connection).await;
        assert_eq!(code, expected, "{name} {tool} {connection:?}");
    }
    let answer = bench.send("get_contact", "{}", &[]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn bad_requests_are_explained() {
    let bench = Bench::start().await;
    let key = [("authorization", format!("Bearer {}", stack::API_KEY))];
    for body in ["[]", "\"x\"", "{", "{\"contact\":\"a\",}", "\u{feff}{}", "nul\0"] {
        let answer = bench.send("get_contact", body, &key).await;
        answer.problem("invalid_arguments");
    }
    let answer = bench.send("get_contact", vec![b'{', 0xff, b'}'], &key).await;
    answer.problem("invalid_arguments");
    let answer = bench.send("get_contact", "", &key).await;
    let problem = answer.problem("invalid_arguments");
    assert!(problem["detail"].as_str().unwrap().contains("contact"), "{problem:#}");

    let answer = bench.send("no_such_tool", "{}", &key).await;
    let problem = answer.problem("unknown_tool");
    assert!(problem["next_step"].as_str().unwrap().contains("dynamics365_get_contact"));
    let long = "k".repeat(300);
    let answer = bench
        .call_with("get_contact", json!({"contact": MAREN}), &[("idempotency-key", &long)])
        .await;
    answer.problem("invalid_arguments");
}

#[tokio::test]
async fn the_wrong_argument_is_named() {
    let bench = Bench::start().await;
    let case = |field: &str, value: Value| {
        let mut arguments = json!({"contact": MAREN, "subject": "s", "description": "d"});
        arguments[field] = value;
        arguments
    };
    for (arguments, expected) in [
        (case("priority", json!("Critical")), "priority: must be one of: High, Normal, Low"),
        (case("priority", json!(1)), "priority: "),
        (case("subject", json!({})), "subject: must be a text"),
        (case("subject", json!("")), "subject: must not be empty"),
        (case("subject", json!("s".repeat(201))), "subject: must have at most 200"),
        (case("subject", json!("two\nlines")), "subject: must not contain line breaks"),
        (case("subject", Value::Null), "subject: "),
        (case("description", json!("\u{8}")), "description: must not be empty"),
        (case("allow_duplicate", json!("yes")), "allow_duplicate: must be true or false"),
        (case("Subject", json!("x")), "unknown field Subject"),
        (json!({"contact": MAREN, "description": "d"}), "subject"),
    ] {
        let answer = bench.call("create_case", arguments.clone()).await;
        let problem = answer.problem("invalid_arguments");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{arguments}: {detail}");
    }
    assert_eq!(bench.requests().await.len(), 0, "nothing of this reached Dataverse");
}

#[tokio::test]
async fn an_environment_without_customer_service_shows_what_it_has() {
    let bench = Bench::start().await;
    bench.control("PUT", "apps", Some(json!({"sales": true, "service": false}))).await;
    let answer = bench.call("get_contact", json!({"contact": MAREN})).await;
    let found = answer.result();
    assert!(found.get("open_cases").is_none());
    assert!(!found["open_opportunities"].as_array().unwrap().is_empty());
    assert!(answer.body["hints"][0].as_str().unwrap().contains("cannot read them"));

    let answer = bench.call("get_case", json!({"case": "CAS-01001-Q7W2E9"})).await;
    let problem = answer.problem("connection_broken");
    assert!(problem["admin_action"].as_str().unwrap().contains("Customer Service"));
}

#[tokio::test]
async fn what_a_plug_in_objects_to_is_passed_on() {
    let bench = Bench::start().await;
    bench
        .fault(json!({
            "method": "POST", "path": "/incidents", "kind": "plugin",
            "message": "A case needs a product.",
        }))
        .await;
    let arguments = json!({"contact": MAREN, "subject": "s", "description": "d"});
    let answer = bench.call("create_case", arguments).await;
    let problem = answer.problem("rejected_by_dynamics");
    assert_eq!(problem["detail"], "A case needs a product.");
    assert_eq!(problem["write"], "not_happened");
}
