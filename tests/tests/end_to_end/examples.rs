//! The examples in the OpenAPI document are true.

use std::time::Duration;

use serde_json::{Map, Value, json};
use stack::{API_KEY, Options, VISITOR_KEY};
use toolkit::Declaration;

use crate::catalog::{operations, validator};
use crate::harness::{Answer, Bench, MAREN};
use crate::operations::{example, is_uuid};
use crate::visitors::mailed;

/// The answers that the document has.
const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/catalog/src/openapi/answers.json");

/// Numbers that are others on another day or another machine.
const PASSING: [&str; 2] = ["age_days", "duration_ms"];

/// Sends a request of a chat with Maren, over the key for visitors.
async fn send(
    bench: &Bench,
    (method, path): (&str, &str),
    body: Option<Value>,
    more: &[(&str, &str)],
) -> Answer {
    let mut headers = vec![
        ("authorization", format!("Bearer {VISITOR_KEY}")),
        ("x-conversation-id", "chat-1".to_owned()),
    ];
    headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    bench.request_with((method, path), body, &headers).await
}

/// Lets the connection treat visitors like this.
async fn set_up(bench: &Bench, settings: Value) {
    let path = "/v1/connections/default/visitors";
    let stored = bench.request("PUT", path, Some(settings)).await;
    assert_eq!(stored.status, 200, "{:#}", stored.body);
}

/// A call that waits for a yes: its id, and the button's value.
async fn waiting(bench: &Bench, headers: &[(&str, &str)]) -> (String, String) {
    set_up(bench, json!({"confirm": "consequences", "message_is_enough": true})).await;
    let close = json!({
        "case": "CAS-01001-Q7W2E9", "status": "Problem Solved", "resolution": "It works again.",
    });
    let path = "/v1/tools/dynamics365_update_case";
    let answer = send(bench, ("POST", path), Some(close), headers).await;
    let problem = answer.problem("confirmation_required");
    let id = problem["confirmation_id"].as_str().unwrap().to_owned();
    (id, answer.button.clone().unwrap())
}

/// Makes the call of an operation's example. What a visitor does takes what comes before it.
async fn called(bench: &Bench, operation: &Declaration) -> Answer {
    let visitor = ("x-visitor-email", MAREN);
    let asked = [visitor, ("x-message-id", "m-1")];
    let post = ("POST", &*operation.path);
    match operation.id {
        "press_button" => {
            let (id, button) = waiting(bench, &asked).await;
            let path = operation.path.replace("{id}", &id);
            let headers = [visitor, ("x-message-id", "m-1"), ("x-confirmation", button.as_str())];
            send(bench, ("POST", &path), None, &headers).await
        }
        "dynamics365_confirm" => {
            let (id, _) = waiting(bench, &asked).await;
            // The visitor reads what is asked.
            tokio::time::sleep(Duration::from_millis(3100)).await;
            let headers = [visitor, ("x-message-id", "m-2")];
            send(bench, post, Some(json!({"confirmation_id": id})), &headers).await
        }
        "dynamics365_send_visitor_code" | "dynamics365_verify_visitor" => {
            set_up(bench, json!({"codes": {"company": "Contoso"}})).await;
            let path = "/v1/tools/dynamics365_send_visitor_code";
            let sent = send(bench, ("POST", path), Some(json!({"email": MAREN})), &[]).await;
            if operation.path == path {
                return sent;
            }
            let mails = mailed(bench, 1).await;
            send(bench, post, Some(json!({"code": mails[0].1})), &[]).await
        }
        _ => example(bench, operation).await,
    }
}

/// The answer to that call, with the address that the emulator has by default.
async fn answered(bench: &Bench, operation: &Declaration) -> Value {
    let answer = called(bench, operation).await;
    let is_well = operation.answers.iter().any(|(status, _)| *status == answer.status);
    assert!(is_well, "{}: {} {:#}", operation.id, answer.status, answer.body);
    let text = answer.body.to_string();
    let text = text.replace(&bench.stack.emulator().url(), "http://127.0.0.1:3001");
    serde_json::from_str(&text).unwrap()
}

/// Where an answer is not as in the example, if it is not: it has all that the example has, lists and
/// texts as far as they go there.
fn fault(example: &Value, answer: &Value, place: &str) -> Option<String> {
    match (example, answer) {
        (Value::Object(example), Value::Object(answer)) => {
            example.iter().find_map(|(name, one)| {
                let place = format!("{place}.{name}");
                match answer.get(name) {
                    Some(Value::Number(_)) if PASSING.contains(&name.as_str()) => None,
                    Some(other) => fault(one, other, &place),
                    None => Some(place),
                }
            })
        }
        (Value::Array(example), Value::Array(answer)) if example.len() <= answer.len() => example
            .iter()
            .zip(answer)
            .find_map(|(one, other)| fault(one, other, &format!("{place}[]"))),
        (Value::String(example), Value::String(answer)) => {
            let start = example.strip_suffix('…');
            let is_start = start.is_some_and(|start| answer.starts_with(start));
            (!is_start && settled(example) != settled(answer)).then(|| place.to_owned())
        }
        (example, answer) => (example != answer).then(|| place.to_owned()),
    }
}

/// The words of a text without what differs from run to run: ids, numbers, times.
fn settled(text: &str) -> String {
    let pieces = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(|piece| {
        if is_uuid(piece) {
            return "#".to_owned();
        }
        let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
        let words = piece.split('-').map(|word| if has_digit(word) { "#" } else { word });
        words.collect::<Vec<_>>().join("-")
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// An answer as short as an example may be.
fn shortened(answer: &Value, most: usize) -> Value {
    match answer {
        Value::Object(object) => {
            let most = |name: &str| if name == "tools" { 1 } else { 2 };
            let short =
                |(name, value): (&String, &Value)| (name.clone(), shortened(value, most(name)));
            object.iter().map(short).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().take(most).map(|item| shortened(item, 2)).collect(),
        Value::String(text) if text.chars().count() > 500 => {
            let start: String = text.chars().take(400).collect();
            format!("{}…", start.trim_end()).into()
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn the_document_has_what_is_answered() {
    let kept: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let (mut now, mut faults) = (Map::new(), Vec::new());
    for operation in stack::declarations() {
        let options = Options { check_at_start: true, ..Options::default() };
        let bench = Bench::start_with(options).await;
        let example = kept.get(operation.id).cloned().unwrap_or_default();
        let mut answer = answered(&bench, &operation).await;
        let mut place = fault(&example, &answer, operation.id);
        for _ in 0..100 {
            if place.is_none() || operation.effect.writes() {
                break;
            }
            // The check at the start may not have ended.
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer = answered(&bench, &operation).await;
            place = fault(&example, &answer, operation.id);
        }
        let example = if place.is_none() { example } else { shortened(&answer, 2) };
        now.insert(operation.id.to_owned(), example);
        faults.extend(place);
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(FILE, format!("{:#}\n", Value::Object(now))).unwrap();
    } else {
        assert!(faults.is_empty(), "INSTA_UPDATE=always writes these anew: {faults:#?}");
    }
}

#[test]
fn an_answer_that_is_another_is_seen() {
    let example = json!({"id": "d61abde7-181e-5f77-b59e-84c544c5040b", "at": "2026-11-30T19:50:12Z",
        "names": ["Maren"], "text": "It begins…", "age_days": 3, "more": true});
    let answer = |change: fn(&mut Value)| {
        let mut answer = json!({"id": "e0a81d5c-9b7f-4f6c-9d7e-0c2f5b1a7e43",
            "at": "2027-01-02T03:04:05Z", "names": ["Maren", "Dario"],
            "text": "It begins and goes on.", "age_days": 40, "more": true, "other": 1});
        change(&mut answer);
        answer
    };
    assert_eq!(fault(&example, &answer(|_| ()), ""), None);
    type Spoil = fn(&mut Value);
    let changes: [(Spoil, &str); 5] = [
        (|it| it["names"] = json!(["Dario"]), ".names[]"),
        (|it| it["names"] = json!([]), ".names"),
        (|it| it["text"] = json!("It ends."), ".text"),
        (|it| it["more"] = json!(false), ".more"),
        (|it| drop(it.as_object_mut().unwrap().shift_remove("at")), ".at"),
    ];
    for (change, place) in changes {
        assert_eq!(fault(&example, &answer(change), "").as_deref(), Some(place));
    }
}

#[tokio::test]
async fn the_examples_are_as_their_schemas_say() {
    let bench = Bench::start().await;
    for key in [API_KEY, VISITOR_KEY] {
        let document = bench.request_with_key(key, "GET", "/v1/openapi.json", None).await.body;
        let mut count = 0;
        for (method, path, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap().values();
            for one in responses.chain(operation.get("requestBody")) {
                let media = &one["content"]["application/json"];
                let Some(example) = media.get("example") else { continue };
                let validator = validator(&document, &media["schema"]);
                let errors: Vec<_> =
                    validator.iter_errors(example).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{method} {path}: {errors:?} {example:#}");
                count += 1;
            }
        }
        assert!(count >= operations(&document).len(), "{count}");
    }
}
