//! What the operations declare is true.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::harness::Bench;

/// Makes the call that an operation declares as its example.
async fn example(bench: &Bench, declaration: &toolkit::Declaration) -> crate::harness::Answer {
    let example = declaration.example;
    let mut path = declaration.path.to_string();
    for (name, value) in example.path {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if !example.query.is_empty() {
        path = format!("{path}?{}", example.query);
    }
    // This stack listens on other ports than `cargo run`.
    let body = example.body.replace("http://127.0.0.1:3001", &bench.stack.emulator().url());
    let body = (!body.is_empty()).then(|| serde_json::from_str(&body).unwrap());
    bench.request(declaration.method.as_str(), &path, body).await
}

#[tokio::test]
async fn every_example_is_answered_well() {
    for declaration in stack::declarations() {
        let bench = Bench::start().await;
        let answer = example(&bench, &declaration).await;
        let statuses: Vec<_> = declaration.answers.iter().map(|(status, _)| *status).collect();
        assert!(
            statuses.iter().any(|status| *status == answer.status),
            "{}: {} {:#}",
            declaration.id,
            answer.status,
            answer.body
        );
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// The ids of the records in an answer, each once.
fn ids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let id = object.get("id").and_then(Value::as_str);
            let id = id.filter(|id| is_uuid(id)).map(str::to_owned);
            found.extend(id.filter(|id| !found.contains(id)));
            object.values().for_each(|value| ids(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| ids(value, found)),
        _ => {}
    }
}

/// The activity log names the records that a tool says its answer is about.
#[tokio::test]
async fn the_activity_log_names_the_records_of_every_answer() {
    const MOST: usize = 10;
    let bench = Bench::start().await;
    let mut named = 0;
    for tool in stack::tools() {
        let short = tool.name.trim_start_matches("dynamics365_");
        for arguments in crate::schemas::thorough(short) {
            bench.control("POST", "reset", None).await;
            let answer = bench.call(short, arguments).await;
            assert_eq!(answer.status, 200, "{}: {:#}", tool.name, answer.body);
            let mut shown = Vec::new();
            ids(&answer.body["result"], &mut shown);
            let path = format!("/v1/connections/default/activity?limit=1&tool={}", tool.name);
            // The log is written after the answer.
            let mut entry = Value::Null;
            for _ in 0..100 {
                let log = bench.request("GET", &path, None).await.body;
                entry = log["entries"][0].clone();
                if entry["request_id"].as_str() == answer.request_id.as_deref() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            let records: Vec<String> = entry["records"]
                .as_array()
                .map(|all| all.iter().map(|id| id.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default();
            assert_eq!(records.len(), shown.len().min(MOST), "{}: {:#}", tool.name, answer.body);
            assert!(records.iter().all(|id| shown.contains(id)), "{}", tool.name);
            named += records.len();
        }
    }
    assert!(named > stack::tools().len(), "{named}");
}

/// The sample events, which people invoke a function with, are the same calls.
#[test]
fn every_operation_has_its_sample_event() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut events: BTreeMap<String, Value> = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        if let Some(route) = event["routeKey"].as_str() {
            events.insert(route.to_owned(), event);
        }
    }
    for declaration in stack::declarations() {
        let route = declaration.route();
        let event = events.remove(&route).unwrap_or_else(|| panic!("events/ has none for {route}"));
        let example = declaration.example;
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert_eq!(json(event["body"].as_str().unwrap_or_default()), json(example.body), "{route}");
        assert_eq!(event["rawQueryString"].as_str().unwrap_or_default(), example.query, "{route}");
        for (name, value) in example.path {
            assert_eq!(event["pathParameters"][name], *value, "{route}");
        }
    }
    // The Model Context Protocol describes itself.
    assert!(events.keys().all(|route| route.ends_with("/mcp")), "{:?}", events.keys());
}

#[test]
fn what_writes_is_no_get_and_needs_a_scope_for_it() {
    for declaration in stack::declarations() {
        let writes = declaration.effect.writes();
        assert!(!writes || declaration.method != "GET", "{}", declaration.id);
        assert!(!writes || declaration.scope != toolkit::Scope::Read, "{}", declaration.id);
    }
}
