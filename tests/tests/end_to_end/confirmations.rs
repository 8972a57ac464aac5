//! Calls that wait until somebody says yes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stack::VISITOR_KEY;

use crate::harness::{Answer, Bench, MAREN};

/// A case of Maren's, whose account it belongs to as well.
const CASE: &str = "CAS-01001-Q7W2E9";

/// Who calls, in which chat, and which message is answered.
#[derive(Clone, Copy)]
struct Chat<'a> {
    id: Option<&'a str>,
    message: Option<&'a str>,
    visitor: &'a str,
    key: &'a str,
}

const CHAT: Chat<'static> =
    Chat { id: Some("chat-1"), message: Some("m-1"), visitor: MAREN, key: VISITOR_KEY };

impl Chat<'_> {
    fn headers(self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut headers = vec![("authorization", format!("Bearer {}", self.key))];
        if self.key != stack::API_KEY {
            headers.push(("x-visitor-email", self.visitor.to_owned()));
        }
        headers.extend(self.id.map(|id| ("x-conversation-id", id.to_owned())));
        headers.extend(self.message.map(|id| ("x-message-id", id.to_owned())));
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        headers
    }

    async fn call(self, bench: &Bench, tool: &str, arguments: Value) -> Answer {
        bench.send(tool, arguments.to_string(), &self.headers(&[])).await
    }

    /// Says yes as a model does.
    async fn confirm(self, bench: &Bench, id: &str) -> Answer {
        let arguments = json!({ "confirmation_id": id });
        bench.send_unchecked("confirm", arguments.to_string(), &self.headers(&[])).await
    }

    /// Says yes as a platform's button does.
    async fn press(self, bench: &Bench, id: &str, button: &str) -> Answer {
        let headers = self.headers(&[("x-confirmation", button)]);
        let path = format!("/v1/confirmations/{id}");
        bench.request_with(("POST", &path), None, &headers).await
    }
}

/// A call that waits: its id, and the button's value.
#[track_caller]
fn waits(answer: &Answer) -> (String, String) {
    let problem = answer.problem("confirmation_required");
    assert_eq!(problem["write"], "not_happened");
    (problem["confirmation_id"].as_str().unwrap().to_owned(), answer.button.clone().unwrap())
}

/// A stack whose visitors must say yes.
async fn asking(settings: Value) -> Bench {
    let bench = Bench::start().await;
    let mut all = json!({
        "confirm": "consequences", "allows": ["appointments"],
        "organizer": "2de92443-cdf9-511f-a2ad-4db3cb4f861d",
    });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let stored = bench.request("PUT", "/v1/connections/default/visitors", Some(all)).await;
    assert_eq!(stored.status, 200, "{:#}", stored.body);
    bench
}

fn close() -> Value {
    json!({"case": CASE, "status": "Problem Solved", "resolution": "It works again."})
}

async fn state_of(bench: &Bench, number: &str) -> Value {
    let cases = bench.rows("incidents").await;
    cases.iter().find(|case| case["ticketnumber"] == number).unwrap()["statecode"].clone()
}

#[tokio::test]
async fn closing_waits_for_the_button() {
    let bench = asking(json!({})).await;
    let asked = CHAT.call(&bench, "update_case", close()).await;
    let (id, button) = waits(&asked);
    let preview = &asked.body["preview"];
    assert_eq!(preview["changes"][0]["field"], "status");
    assert_eq!(preview["changes"][0]["to"], "Problem Solved");
    assert!(preview["sentence"].as_str().unwrap().contains(CASE));
    // No body has what the platform sends.
    assert!(!asked.body.to_string().contains(&button));
    assert_eq!(state_of(&bench, CASE).await, 0);

    // A model cannot press it, whatever was said in between.
    let later = Chat { message: Some("m-2"), ..CHAT };
    later.confirm(&bench, &id).await.problem("confirmation_required");
    assert_eq!(state_of(&bench, CASE).await, 0);
    CHAT.press(&bench, &id, &"0".repeat(32)).await.problem("confirmation_required");

    let done = CHAT.press(&bench, &id, &button).await;
    assert_eq!(done.result()["changes"], preview["changes"]);
    assert_eq!(state_of(&bench, CASE).await, 1);

    // The same again gives the same.
    bench.control("DELETE", "requests", None).await;
    assert_eq!(CHAT.press(&bench, &id, &button).await.body, done.body);
    assert_eq!(bench.requests().await.len(), 0);
    let again = CHAT.call(&bench, "update_case", close()).await;
    assert_eq!(again.result()["changes"].as_array().map_or(0, Vec::len), 0);

    // With the chat, what came of it ends, too.
    let path = format!("/v1/conversations/{}", CHAT.id.unwrap());
    let ended = bench.request_with_key(CHAT.key, "DELETE", &path, None).await;
    assert_eq!(ended.body, json!({"ended": true}));
    CHAT.press(&bench, &id, &button).await.problem("not_found");
}

#[tokio::test]
async fn nobody_else_says_yes() {
    let bench = asking(json!({})).await;
    let (id, button) = waits(&CHAT.call(&bench, "update_case", close()).await);
    for other in [
        Chat { id: Some("chat-2"), ..CHAT },
        Chat { id: None, ..CHAT },
        Chat { visitor: "zoe.brandt@litware.example", ..CHAT },
        Chat { key: stack::API_KEY, ..CHAT },
    ] {
        other.press(&bench, &id, &button).await.problem("not_found");
        other.confirm(&bench, &id).await.problem("not_found");
    }
    // Nor with another key of the same client.
    let key = json!({
        "client": "local bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
        "vouches": true,
    });
    let made = bench.request("POST", "/v1/keys", Some(key)).await;
    let other = Chat { key: made.body["key"].as_str().unwrap(), ..CHAT };
    other.call(&bench, "get_contact", json!({})).await.result();
    other.press(&bench, &id, &button).await.problem("not_found");
    for id in ["00000000", "x", &"y".repeat(200), "../visit", "%23"] {
        let answer = CHAT.press(&bench, id, &button).await;
        assert_eq!(answer.status, 404, "{id}: {:#}", answer.body);
    }
    assert_eq!(state_of(&bench, CASE).await, 0);

    // A newer call takes its place, and so does the end of the chat.
    let job = json!({"job_title": "Head of Support"});
    let (newer, button_of_newer) = waits(&CHAT.call(&bench, "update_contact", job).await);
    CHAT.press(&bench, &id, &button).await.problem("not_found");
    let end = ("DELETE", "/v1/conversations/chat-1");
    let ended = bench.request_with(end, None, &CHAT.headers(&[])).await;
    assert_eq!(ended.status, 200, "{:#}", ended.body);
    CHAT.press(&bench, &newer, &button_of_newer).await.problem("not_found");
    assert_eq!(state_of(&bench, CASE).await, 0);
}

#[tokio::test]
async fn a_further_message_is_enough_for_what_can_be_undone() {
    let bench = asking(json!({})).await;
    let job = json!({"job_title": "Head of Support"});
    let (id, _) = waits(&CHAT.call(&bench, "update_contact", job).await);
    // In the same answer, or before anybody can have read it, it is the model alone.
    CHAT.confirm(&bench, &id).await.problem("confirmation_required");
    let later = Chat { message: Some("m-2"), ..CHAT };
    later.confirm(&bench, &id).await.problem("confirmation_required");
    tokio::time::sleep(Duration::from_secs(3)).await;
    CHAT.confirm(&bench, &id).await.problem("confirmation_required");
    let done = later.confirm(&bench, &id).await;
    assert_eq!(done.result()["changes"][0]["to"], "Head of Support");
    assert_eq!(later.confirm(&bench, &id).await.body, done.body);

    // An address or a number says who somebody is.
    let phone = json!({"phone": "+1 206 555 0177"});
    let (id, button) = waits(&later.call(&bench, "update_contact", phone).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    Chat { message: Some("m-3"), ..CHAT }
        .confirm(&bench, &id)
        .await
        .problem("confirmation_required");
    CHAT.press(&bench, &id, &button).await.result();
}

#[tokio::test]
async fn a_message_is_enough_where_the_connection_says_so() {
    let bench = asking(json!({"message_is_enough": true})).await;
    let (id, _) = waits(&CHAT.call(&bench, "update_case", close()).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    Chat { message: None, ..CHAT }.confirm(&bench, &id).await.problem("confirmation_required");
    Chat { message: Some("m-2"), ..CHAT }.confirm(&bench, &id).await.result();
    assert_eq!(state_of(&bench, CASE).await, 1);

    // Without the id of a message, only the button counts.
    let reopen = json!({"job_title": "Lead"});
    let silent = Chat { message: None, ..CHAT };
    let (id, button) = waits(&silent.call(&bench, "update_contact", reopen).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    CHAT.confirm(&bench, &id).await.problem("confirmation_required");
    silent.press(&bench, &id, &button).await.result();
}

#[tokio::test]
async fn what_has_changed_since_is_shown_again() {
    let bench = asking(json!({})).await;
    let (id, button) = waits(&CHAT.call(&bench, "update_case", close()).await);
    let other = json!({"case": CASE, "status": "On Hold"});
    bench.call("update_case", other).await.result();
    let asked = CHAT.press(&bench, &id, &button).await;
    let (newer, button_of_newer) = waits(&asked);
    assert_eq!(asked.body["preview"]["changes"][0]["from"], "On Hold");
    CHAT.press(&bench, &id, &button).await.problem("not_found");
    assert_eq!(state_of(&bench, CASE).await, 0);

    // What does not touch what was shown is no change of mind.
    bench.call("update_case", json!({"case": CASE, "priority": "High"})).await.result();
    CHAT.press(&bench, &newer, &button_of_newer).await.result();
    assert_eq!(state_of(&bench, CASE).await, 1);
}

#[tokio::test]
async fn two_at_once_do_it_once() {
    let bench = asking(json!({})).await;
    for (chat, count) in [(CHAT, 1), (Chat { id: None, ..CHAT }, 2)] {
        let start = Timestamp::now() + SignedDuration::from_hours(24 * (20 + count as i64));
        let start = start.strftime("%Y-%m-%dT10:00Z").to_string();
        let meeting = json!({"subject": "Renewal", "start": start, "duration_minutes": 30});
        let (id, button) = waits(&chat.call(&bench, "schedule_appointment", meeting).await);
        assert_eq!(bench.count("appointments", "subject", "Renewal").await, count - 1);
        let presses = (0..8).map(|_| chat.press(&bench, &id, &button));
        let answers = futures::future::join_all(presses).await;
        for answer in &answers {
            assert_eq!(answer.result(), answers[0].result());
            assert_eq!(answer.result()["created"], true);
        }
        assert_eq!(bench.count("appointments", "subject", "Renewal").await, count);
    }
}

#[tokio::test]
async fn a_call_that_failed_can_be_confirmed_again() {
    let bench = asking(json!({})).await;
    let (id, button) = waits(&CHAT.call(&bench, "update_case", close()).await);
    let fault =
        json!({"method": "POST", "path": "/CloseIncident", "kind": "unavailable", "times": 50});
    bench.fault(fault).await;
    let failed = CHAT.press(&bench, &id, &button).await;
    assert!(failed.status >= 500, "{:#}", failed.body);
    bench.control("DELETE", "faults", None).await;
    CHAT.press(&bench, &id, &button).await.result();
    assert_eq!(state_of(&bench, CASE).await, 1);
}

#[tokio::test]
async fn staff_are_asked_where_their_key_says_so() {
    let bench = Bench::start().await;
    let form = json!({
        "client": "sales desk", "connections": ["default"], "scopes": ["read", "write"],
        "for": "staff", "confirm": "consequences", "message_is_enough": true,
    });
    let made = bench.request("POST", "/v1/keys", Some(form)).await;
    let key = made.body["key"].as_str().unwrap().to_owned();
    let listed = bench.request_with_key(&key, "GET", "/v1/tools", None).await;
    let usual = bench.request("GET", "/v1/tools", None).await;
    let description = |list: &Answer, name: &str| {
        let tools = list.body["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == format!("dynamics365_{name}"));
        tool.map(|tool| tool["description"].as_str().unwrap().to_owned())
    };
    assert!(description(&listed, "confirm").is_some() && description(&usual, "confirm").is_none());
    // Nobody is asked twice.
    for tool in ["update_contact", "update_case", "update_opportunity", "create_quote"] {
        assert!(!description(&listed, tool).unwrap().contains("Confirm"), "{tool}");
        assert!(description(&usual, tool).unwrap().contains("Confirm"), "{tool}");
    }

    let headers = |message: &str| {
        vec![
            ("authorization", format!("Bearer {key}")),
            ("x-conversation-id", "desk".to_owned()),
            ("x-message-id", message.to_owned()),
        ]
    };
    let quote = json!({
        "opportunity": "Northwind – support desk licences",
        "lines": [{"product": "CHAT-PRO", "quantity": 20}],
    });
    let before = bench.rows("quotes").await.len();
    let asked = bench.send("create_quote", quote.to_string(), &headers("m-1")).await;
    let (id, _) = waits(&asked);
    assert!(asked.body["preview"]["record"]["lines"][0]["price"].is_number(), "{:#}", asked.body);
    assert_eq!(bench.rows("quotes").await.len(), before);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let yes = json!({ "confirmation_id": id }).to_string();
    let done = bench.send_unchecked("confirm", yes, &headers("m-2")).await;
    assert_eq!(done.result()["created"], true);
    // The tool itself finds the quote that was made.
    let again = bench.send("create_quote", quote.to_string(), &headers("m-3")).await;
    assert_eq!(again.result()["created"], false);
    assert_eq!(again.result()["quote"]["id"], done.result()["quote"]["id"]);
    assert_eq!(bench.rows("quotes").await.len(), before + 1);
}

#[tokio::test]
async fn over_mcp_the_button_is_where_no_model_reads() {
    let bench = asking(json!({})).await;
    let call = |name: &str, arguments: Value, meta: Value| {
        json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": name, "arguments": arguments, "_meta": meta},
        })
    };
    let headers = [
        ("authorization", format!("Bearer {VISITOR_KEY}")),
        ("x-visitor-email", MAREN.to_owned()),
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
    ];
    let meta = json!({"x-conversation-id": "chat-1"});
    let message = call("dynamics365_update_case", close(), meta);
    let asked = bench.request_with(("POST", "/mcp"), Some(message), &headers).await;
    let result = &asked.body["result"];
    let button = result["_meta"]["x-confirmation"].as_str().unwrap().to_owned();
    let text = result["content"].to_string();
    assert!(text.contains("confirmation_id") && !text.contains(&button), "{text}");
    let id = result["_meta"]["problem"]["confirmation_id"].as_str().unwrap().to_owned();

    // What a client or a model puts into `_meta` is no button.
    let meta = json!({"x-conversation-id": "chat-1", "x-confirmation": button});
    let yes = call("dynamics365_confirm", json!({"confirmation_id": id}), meta);
    let refused = bench.request_with(("POST", "/mcp"), Some(yes), &headers).await;
    assert_eq!(refused.body["result"]["isError"], true, "{:#}", refused.body);
    assert_eq!(state_of(&bench, CASE).await, 0);
    Chat { message: None, ..CHAT }.press(&bench, &id, &button).await.result();
    assert_eq!(state_of(&bench, CASE).await, 1);
}

/// Their rows are read anew once it is known who they are; that is no other visitor.
#[tokio::test]
async fn who_has_a_lookalike_or_was_merged_says_yes_as_well() {
    let bench = asking(json!({})).await;
    let contacts = bench.rows("contacts").await;
    let maren = contacts.iter().find(|contact| contact["emailaddress1"] == MAREN).unwrap();
    let alike = json!([{"lastname": "Quist", "emailaddress1": "maren.quist@nörthwind.example"}]);
    bench.control("POST", "rows/contacts", Some(alike)).await;
    let merged = json!([{
        "lastname": "Quist", "emailaddress1": "maren.old@northwind.example", "merged": true,
        "statecode": 1, "statuscode": 2,
        "masterid@odata.bind": format!("/contacts({})", maren["contactid"].as_str().unwrap()),
    }]);
    bench.control("POST", "rows/contacts", Some(merged)).await;
    for (visitor, title) in [(MAREN, "One"), ("maren.old@northwind.example", "Two")] {
        let chat = Chat { visitor, ..CHAT };
        let asked = chat.call(&bench, "update_contact", json!({"job_title": title})).await;
        let (id, button) = waits(&asked);
        let done = chat.press(&bench, &id, &button).await;
        assert_eq!(done.result()["changes"][0]["to"], title);
    }
}

/// A yes is for the record that was shown, not for one that is called like it by now.
#[tokio::test]
async fn a_yes_is_for_the_record_that_was_shown() {
    let bench = Bench::start().await;
    let form = json!({
        "client": "desk", "connections": ["default"], "scopes": ["read", "write"],
        "for": "staff", "confirm": "consequences",
    });
    let key = bench.request("POST", "/v1/keys", Some(form)).await.body["key"].clone();
    let key = key.as_str().unwrap().to_owned();
    let first = json!([{"firstname": "Maria", "lastname": "Zed", "telephone1": null}]);
    bench.control("POST", "rows/contacts", Some(first)).await;
    let headers = |more: &[(&'static str, &str)]| {
        let mut headers = vec![
            ("authorization", format!("Bearer {key}")),
            ("x-conversation-id", "desk".to_owned()),
        ];
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        headers
    };
    let change = json!({"contact": "Maria Zed", "phone": "+1 206 555 0188"}).to_string();
    let (id, button) = waits(&bench.send("update_contact", change, &headers(&[])).await);
    let maria = bench.rows("contacts").await;
    let maria = maria.iter().find(|contact| contact["lastname"] == "Zed").unwrap();
    let path = format!("rows/contacts/{}", maria["contactid"].as_str().unwrap());
    bench.control("PATCH", &path, Some(json!({"lastname": "Zee", "fullname": "Maria Zee"}))).await;
    let other = json!([{"firstname": "Maria", "lastname": "Zed", "telephone1": null}]);
    bench.control("POST", "rows/contacts", Some(other)).await;
    let path = format!("/v1/confirmations/{id}");
    let headers = headers(&[("x-confirmation", &button)]);
    let asked = bench.request_with(("POST", &path), None, &headers).await;
    asked.problem("confirmation_required");
    assert_eq!(bench.count("contacts", "telephone1", "+1 206 555 0188").await, 0);
}

/// If it is not known whether it was done, it is not done a second time.
#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    let bench = asking(json!({})).await;
    let (id, button) = waits(&CHAT.call(&bench, "update_case", close()).await);
    let fault = json!({
        "method": "POST", "path": "/CloseIncident", "kind": "slow", "delay_ms": 4000,
        "after_commit": true, "times": 1,
    });
    bench.fault(fault).await;
    let headers = CHAT.headers(&[("x-confirmation", &button), ("x-deadline-ms", "1500")]);
    let path = format!("/v1/confirmations/{id}");
    let unknown = bench.request_with(("POST", &path), None, &headers).await;
    assert_eq!(unknown.body["write"], "unknown", "{:#}", unknown.body);
    bench.control("DELETE", "faults", None).await;
    // Somebody else wants it otherwise meanwhile.
    bench.call("update_case", json!({"case": CASE, "status": "In Progress"})).await.result();
    let again = CHAT.press(&bench, &id, &button).await;
    again.problem("service_unavailable");
    assert_eq!(state_of(&bench, CASE).await, 0);
    // The tool itself shows it anew.
    waits(&CHAT.call(&bench, "update_case", close()).await);
}
