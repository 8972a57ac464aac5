//! What the operations declare is true.

use serde_json::Value;

use crate::harness::Bench;

/// The path and the query of the call that an operation declares as its example.
pub(crate) fn url(declaration: &toolkit::Declaration) -> String {
    let example = declaration.example;
    let mut path = declaration.path.to_string();
    for (name, value) in example.path {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if example.query.is_empty() { path } else { format!("{path}?{}", example.query) }
}

/// Makes that call.
pub(crate) async fn example(
    bench: &Bench,
    declaration: &toolkit::Declaration,
) -> crate::harness::Answer {
    let (example, path) = (declaration.example, url(declaration));
    // This stack listens on other ports than `cargo run`.
    let body = example.body.replace("http://127.0.0.1:3001", &bench.stack.emulator().url());
    let body = (!body.is_empty()).then(|| serde_json::from_str(&body).unwrap());
    bench.request(declaration.method.as_str(), &path, body).await
}

#[tokio::test]
async fn every_example_is_answered_well() {
    let mut bench = Bench::start().await;
    for declaration in stack::declarations() {
        let is_for_visitors =
            declaration.definition.as_ref().is_some_and(|tool| !tool.is_for_staff);
        // Nothing waits for a yes straight after the start.
        if is_for_visitors || declaration.id == "press_button" {
            continue;
        }
        let answer = example(&bench, &declaration).await;
        let statuses: Vec<_> = declaration.answers.iter().map(|(status, _)| *status).collect();
        assert!(
            statuses.iter().any(|status| *status == answer.status),
            "{}: {} {:#}",
            declaration.id,
            answer.status,
            answer.body
        );
        // Each finds everything as it is straight after the start.
        if declaration.is_below_connection && declaration.effect.writes() {
            bench = Bench::start().await;
        } else if declaration.effect.writes() {
            bench.control("POST", "reset", None).await;
        }
    }
}

pub(crate) fn is_uuid(text: &str) -> bool {
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
    for tool in crate::harness::staffs_tools() {
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
    assert!(named > crate::harness::staffs_tools().len(), "{named}");
}

#[test]
fn what_writes_is_no_get_and_needs_a_scope_for_it() {
    for declaration in stack::declarations() {
        let writes = declaration.effect.writes();
        assert!(!writes || declaration.method != "GET", "{}", declaration.id);
        assert!(
            !writes || declaration.scope.is_some_and(|scope| scope != toolkit::Scope::Read),
            "{}",
            declaration.id
        );
    }
}
