//! Several messages in one request, which one version of the protocol has.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Client, Reply, call, message};
use crate::harness::{Bench, MAREN};

/// A case of the sample organization.
const CASE: &str = "CAS-01001-Q7W2E9";

fn notification() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

fn create(id: u32, subject: &str) -> Value {
    call(id, "create_case", json!({"contact": MAREN, "subject": subject, "description": "d"}))
}

/// The same message with something in its `_meta`.
fn with_meta(mut message: Value, meta: Value) -> Value {
    message["params"]["_meta"] = meta;
    message
}

impl Client<'_> {
    async fn send_all(&self, messages: &[Value]) -> Reply {
        self.send("POST", json!(messages).to_string()).await
    }
}

impl Reply {
    /// The answers to a batch that was carried out.
    #[track_caller]
    fn answers(&self) -> &[Value] {
        assert_eq!((self.status, self.content_type.as_str()), (200, "application/json"));
        self.body.as_array().unwrap_or_else(|| panic!("no array: {:#}", self.body))
    }

    /// The batch must have been refused as a whole, for this reason.
    #[track_caller]
    fn refused(&self, reason: &str) {
        assert_eq!((self.status, self.content_type.as_str()), (400, "application/json"));
        self.fault(-32600);
        assert_eq!(self.body["id"], Value::Null);
        let message = self.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
}

#[tokio::test]
async fn several_messages_have_their_answers_in_one_array() {
    let bench = Bench::start().await;
    let named = json!({"jsonrpc": "2.0", "id": "b", "method": "tools/list"});
    let messages = [
        message(1, "ping", json!({})),
        notification(),
        named,
        call(3, "get_contact_by_email", json!({"email": MAREN})),
        call(4, "get_case", json!({"case": "CAS-99"})),
        call(5, "no_such_tool", json!({})),
        message(6, "no/such/method", json!({})),
        message(7, "prompts/list", json!({})),
    ];
    let plain = Client::of(&bench);
    let agreed = Client::of(&bench).with("mcp-protocol-version", "2025-03-26");
    for client in [plain, agreed] {
        let reply = client.send_all(&messages).await;
        let answers = reply.answers();
        let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
        assert_eq!(json!(ids), json!([1, "b", 3, 4, 5, 6, 7]));
        assert_eq!(answers[0]["result"], json!({}));
        let tools = answers[1]["result"]["tools"].as_array().unwrap();
        assert_eq!(tools.len(), crate::harness::staffs_tools().len());
        let contact = &answers[2]["result"]["structuredContent"]["result"]["contact"];
        assert_eq!(contact["email"], MAREN);
        assert_eq!(answers[3]["result"]["isError"], true);
        assert_eq!(answers[4]["error"]["code"], -32602);
        assert_eq!(answers[5]["error"]["code"], -32601);
        assert_eq!(answers[6]["result"]["prompts"].as_array().unwrap().len(), 4);
    }
    // One message in an array has its answer in an array, too.
    let reply = Client::of(&bench).send_all(&messages[..1]).await;
    assert_eq!(*reply.answers(), [json!({"jsonrpc": "2.0", "id": 1, "result": {}})]);
}

#[tokio::test]
async fn only_one_version_has_batches() {
    let bench = Bench::start().await;
    for version in ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"] {
        let client = Client::of(&bench).with("mcp-protocol-version", version);
        for messages in [&[create(1, "Refused"), create(2, "Refused")][..], &[notification()], &[]]
        {
            client.send_all(messages).await.refused("version 2025-03-26");
        }
    }
    assert_eq!(bench.count("incidents", "title", "Refused").await, 0);
}

#[tokio::test]
async fn a_batch_that_is_refused_does_nothing() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    client.send_all(&[]).await.refused("must have a message");
    let mut messages = vec![create(1, "Refused")];
    messages.extend((2..=10).map(|id| message(id, "ping", json!({}))));
    assert_eq!(client.send_all(&messages[1..]).await.answers().len(), 9);
    messages.push(notification());
    client.send_all(&messages).await.refused("at most 10 messages");
    let params = json!({
        "protocolVersion": "2025-03-26", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let hello = message(2, "initialize", params);
    client.send_all(&[create(1, "Refused"), hello]).await.refused("initialize must not");

    // What is wrong with the request is told once.
    let client = Client::of(&bench).with("content-type", "text/plain");
    let reply = client.send_all(&[create(1, "Refused"), create(2, "Refused")]).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (415, "application/json"));
    reply.fault(-32600);
    let client = Client::of(&bench).with("authorization", "Bearer nobody");
    let reply = client.send_all(&[create(1, "Refused"), create(2, "Refused")]).await;
    assert_eq!((reply.status, &reply.body["code"]), (401, &json!("unauthenticated")));
    let client = Client::of(&bench).with("origin", "https://evil.example");
    let reply = client.send_all(&[create(1, "Refused"), create(2, "Refused")]).await;
    assert_eq!(reply.status, 403);
    assert_eq!(bench.count("incidents", "title", "Refused").await, 0);
}

#[tokio::test]
async fn a_wrong_message_has_an_error_and_a_notification_has_nothing() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let reply = client.send_all(&[notification(), notification()]).await;
    assert_eq!((reply.status, &reply.body), (202, &Value::Null));

    // The server asks nothing, so there is nothing to answer.
    let answer_to_nothing = json!({"jsonrpc": "2.0", "id": 9, "result": {}});
    let wrong = [json!(7), json!({"id": 2, "method": "ping"}), answer_to_nothing];
    let mut messages = vec![create(1, "Beside")];
    messages.extend(wrong.clone());
    messages.push(message(3, "ping", json!({})));
    let reply = client.send_all(&messages).await;
    let answers = reply.answers();
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(json!(ids), json!([1, null, null, null, 3]));
    for fault in &answers[1..4] {
        assert_eq!(fault["error"]["code"], -32600, "{fault}");
    }
    assert_eq!(bench.count("incidents", "title", "Beside").await, 1);

    // If nothing in it can be done, it is a bad request.
    let mut messages = vec![notification()];
    messages.extend(wrong);
    let reply = client.send_all(&messages).await;
    assert_eq!((reply.status, reply.body.as_array().map(Vec::len)), (400, Some(3)));
}

#[tokio::test]
async fn a_call_sees_what_the_one_before_it_did() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let job = json!({"contact": MAREN, "job_title": "Chief of Care"});
    let reply = client
        .send_all(&[
            call(1, "get_contact_by_email", json!({"email": MAREN})),
            call(2, "update_contact", job),
            call(3, "get_contact_by_email", json!({"email": MAREN})),
        ])
        .await;
    let answers = reply.answers();
    let title = |place: usize| {
        answers[place]["result"]["structuredContent"]["result"]["contact"]["job_title"].clone()
    };
    assert_eq!((title(0), title(2)), (json!("Purchasing Manager"), json!("Chief of Care")));

    // Each has its own chat and its own key. The same call is the same one, also in one request.
    let chat = |message: Value, chat: &str| with_meta(message, json!({"x-conversation-id": chat}));
    let key = |message: Value, key: &str| with_meta(message, json!({"idempotency-key": key}));
    let reply = client
        .send_all(&[
            chat(create(1, "In a batch"), "chat-1"),
            chat(create(2, "In a batch"), "chat-1"),
            key(create(3, "By key"), "one"),
            key(create(4, "By key"), "one"),
            key(create(5, "By key two"), "two"),
            with_meta(create(6, "By no key"), json!({"idempotency-key": 7})),
        ])
        .await;
    let answers = reply.answers();
    let created: Vec<_> = answers[..5]
        .iter()
        .map(|answer| answer["result"]["structuredContent"]["result"]["created"].clone())
        .collect();
    assert_eq!(json!(created), json!([true, false, true, false, true]), "{:#}", reply.body);
    assert_eq!(answers[5]["error"]["code"], -32602);
    for (subject, count) in [("In a batch", 1), ("By key", 1), ("By key two", 1), ("By no key", 0)]
    {
        assert_eq!(bench.count("incidents", "title", subject).await, count, "{subject}");
    }
}

#[tokio::test]
async fn each_call_of_a_batch_is_an_entry_of_the_activity_log() {
    let bench = Bench::start().await;
    let reply = Client::of(&bench)
        .send_all(&[
            message(1, "ping", json!({})),
            with_meta(create(2, "Noted"), json!({"x-conversation-id": "chat-2"})),
            call(3, "get_case", json!({"case": "CAS-99"})),
        ])
        .await;
    assert_eq!(reply.answers().len(), 3);
    // The problem names the request, as its own answer would.
    let problem = &reply.answers()[2]["result"]["_meta"]["problem"];
    assert_eq!(problem["request_id"], reply.request_id);
    let path = format!("/v1/connections/default/activity?request_id={}", reply.request_id);
    let mut entries = Vec::new();
    for _ in 0..50 {
        let log = bench.request("GET", &path, None).await.body;
        let of_log = log["entries"].as_array().unwrap().iter();
        entries = of_log
            .map(|entry| json!([entry["tool"], entry["outcome"], entry["conversation"]]))
            .collect();
        if entries.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The latest is the first.
    let expected = json!([
        ["dynamics365_get_case", "not_found", null],
        ["dynamics365_create_case", "ok", "chat-2"],
    ]);
    assert_eq!(json!(entries), expected);
}

#[tokio::test]
async fn all_messages_share_the_time_of_the_request() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let look = |id: u32| call(id, "get_contact_by_email", json!({"email": MAREN}));
    // With a token, only Dataverse is asked.
    assert_eq!(client.send_all(&[look(1)]).await.answers().len(), 1);
    bench.control("DELETE", "requests", None).await;
    bench.control("PUT", "latency", Some(json!({"ms": 3000}))).await;
    let started = Instant::now();
    let client = Client::of(&bench).with("x-deadline-ms", "500");
    let messages = [look(1), create(2, "Late"), notification(), message(3, "ping", json!({}))];
    let reply = client.send_all(&messages).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let answers = reply.answers();
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["result"]["_meta"]["problem"]["code"], "deadline_exceeded");
    for (answer, id) in answers[1..].iter().zip([2, 3]) {
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32001)));
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("nothing was done"), "{message}");
    }
    // Dataverse has at most seen the first.
    assert!(bench.requests().await.len() <= 1);
    // A wrong deadline is told by each call that has one.
    let client = Client::of(&bench).with("x-deadline-ms", "soon");
    let reply = client.send_all(&[look(1), message(2, "ping", json!({})), look(3)]).await;
    let answers = reply.answers();
    assert_eq!(answers[1]["result"], json!({}));
    for answer in [&answers[0], &answers[2]] {
        assert_eq!(answer["result"]["_meta"]["problem"]["code"], "invalid_arguments");
    }
}

#[tokio::test]
async fn each_call_of_a_batch_waits_for_its_own_yes() {
    let bench = Bench::start().await;
    let form = json!({
        "client": "desk", "connections": ["default"], "scopes": ["read", "write"],
        "for": "staff", "confirm": "consequences", "message_is_enough": true,
    });
    let made = bench.request("POST", "/v1/keys", Some(form)).await.body;
    let authorization = format!("Bearer {}", made["key"].as_str().unwrap());
    let client =
        Client::of(&bench).with("authorization", &authorization).with("x-message-id", "m-1");
    let close = json!({"case": CASE, "status": "Problem Solved", "resolution": "It works again."});
    let job = json!({"contact": MAREN, "job_title": "Chief of Care"});
    let reply =
        client.send_all(&[call(1, "update_case", close), call(2, "update_contact", job)]).await;
    let waits: Vec<_> = reply
        .answers()
        .iter()
        .map(|answer| {
            let meta = &answer["result"]["_meta"];
            assert_eq!(meta["problem"]["code"], "confirmation_required", "{answer:#}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&meta["problem"]["confirmation_id"]), text(&meta["x-confirmation"]))
        })
        .collect();
    assert_eq!(waits.len(), 2);
    assert_ne!(waits[0], waits[1]);
    // What a model sends while the visitor has written nothing is no yes, however often it says so.
    let yes = |id: u32| call(id, "confirm", json!({"confirmation_id": waits[0].0}));
    let reply = client.send_all(&[yes(1), yes(2)]).await;
    for answer in reply.answers() {
        let problem = &answer["result"]["_meta"]["problem"];
        assert_eq!(problem["code"], "confirmation_required", "{answer:#}");
    }
    let head_of_support = async || bench.count("contacts", "jobtitle", "Chief of Care").await;
    let solved = async || {
        let cases = bench.rows("incidents").await;
        cases.iter().any(|case| case["ticketnumber"] == CASE && case["statecode"] == 1)
    };
    assert_eq!((solved().await, head_of_support().await), (false, 0));
    for ((id, button), (is_solved, heads)) in waits.into_iter().zip([(true, 0), (true, 1)]) {
        let headers = [("authorization", authorization.clone()), ("x-confirmation", button)];
        let path = format!("/v1/confirmations/{id}");
        bench.request_with(("POST", &path), None, &headers).await.result();
        assert_eq!((solved().await, head_of_support().await), (is_solved, heads));
    }
}
