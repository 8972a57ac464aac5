//! Calls at the same moment, and keys that are used again.

use std::collections::BTreeSet;
use std::time::Duration;

use auth::{Connections, Environment};
use futures::future::join_all;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use state::{Bond, Intent, State};
use toolkit::{Caller, Front as _, Grants, Incoming, Scope, Tools};

use crate::harness::{Answer, Bench, MAREN};

const DARIO: &str = "dario.velasco@northwind.example";

fn case_of(contact: &str, subject: &str) -> Value {
    json!({"contact": contact, "subject": subject, "description": "d"})
}

fn note_on(contact: &str, text: &str) -> Value {
    json!({"record_type": "contact", "record": contact, "text": text})
}

fn lead(name: &str) -> Value {
    json!({"last_name": name, "company": "Once, Inc.", "email": format!("{name}@once.example")})
}

fn appointment(contact: &str) -> Value {
    json!({"contact": contact, "subject": "Demo", "start": "2031-03-03T10:00Z"})
}

fn quote(quantity: i64) -> Value {
    json!({
        "opportunity": "Northwind – support desk licences",
        "lines": [{"product": "CHAT-PRO", "quantity": quantity}],
    })
}

/// The tools that create, each with arguments for one customer and for another.
fn creates() -> Vec<(&'static str, Value, Value)> {
    let opportunity = |contact: &str| json!({"contact": contact, "name": "A deal at once"});
    let call = |contact: &str| {
        json!({
            "type": "call", "record_type": "contact", "record": contact, "subject": "s",
            "completed": true,
        })
    };
    vec![
        ("create_case", case_of(MAREN, "At once"), case_of(DARIO, "At once")),
        ("create_lead", lead("one"), lead("two")),
        ("create_opportunity", opportunity(MAREN), opportunity(DARIO)),
        ("create_note", note_on(MAREN, "n"), note_on(DARIO, "n")),
        ("create_activity", call(MAREN), call(DARIO)),
        ("create_quote", quote(1), quote(2)),
        ("schedule_appointment", appointment(MAREN), appointment(DARIO)),
    ]
}

/// The id of the record that was made.
fn made(answer: &Answer) -> String {
    let result = answer.result().as_object().unwrap();
    let record = result.values().find_map(|value| value.get("id")).unwrap();
    record.as_str().unwrap().to_owned()
}

fn says_created(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.result()["created"] == true).count()
}

#[tokio::test]
async fn a_key_that_comes_with_other_arguments_reads_nothing_out() {
    for bench in Bench::start_both().await {
        for (tool, first, other) in creates() {
            let header = [("idempotency-key", "reused")];
            let made_first = bench.call_with(tool, first.clone(), &header).await;
            assert_eq!(made_first.result()["created"], true, "{tool}");
            let reused = bench.call_with(tool, other.clone(), &header).await;
            assert_eq!(reused.status, 422, "{tool}: {:#}", reused.body);
            let problem = reused.problem("idempotency_key_reused");
            assert_eq!(problem["write"], "not_happened");
            assert!(!reused.body.to_string().contains(&made(&made_first)), "{:#}", reused.body);
            // The call itself may come again, with its arguments in any order.
            let again = bench.call_with(tool, first, &header).await;
            assert_eq!(made(&again), made(&made_first), "{tool}");
            assert_eq!(again.result()["created"], false, "{tool}");
            // The other call works with a key of its own.
            let own = bench.call_with(tool, other, &[("idempotency-key", "own")]).await;
            assert_ne!(made(&own), made(&made_first), "{tool}");
        }
    }
}

#[tokio::test]
async fn a_call_that_failed_leaves_its_key_free() {
    let bench = Bench::start().await;
    let header = [("idempotency-key", "corrected")];
    let wrong = bench.call_with("create_case", case_of("Nobody Atall", "s"), &header).await;
    wrong.problem("not_found");
    let right = bench.call_with("create_case", case_of(MAREN, "s"), &header).await;
    assert_eq!(right.result()["created"], true);
}

#[tokio::test]
async fn of_many_copies_of_a_call_one_says_that_it_created() {
    for bench in Bench::start_both().await {
        for (tool, arguments, _) in creates() {
            // In a chat, only the newest call waits for a yes.
            let headers = [("idempotency-key", "copies"), ("x-conversation-id", "copies")];
            let most = if bench.asks() { 1 } else { 2 };
            for header in headers.into_iter().take(most) {
                let headers = [header];
                // Even if requests are refused or answers are lost, no two calls say "created".
                for kind in ["throttle", "drop", "unavailable"] {
                    for path in
                        ["/$batch", "/incidents", "/leads", "/opportunities", "/annotations"]
                    {
                        let fault = json!({
                            "method": "POST", "path": path, "kind": kind, "times": 2, "every": 3,
                            "retry_after": 0, "after_commit": kind != "throttle",
                        });
                        bench.fault(fault).await;
                    }
                }
                let calls = (0..6).map(|_| bench.call_with(tool, arguments.clone(), &headers));
                let answers = join_all(calls).await;
                bench.control("DELETE", "faults", None).await;
                let ids: BTreeSet<_> = answers.iter().map(made).collect();
                assert_eq!(ids.len(), 1, "{tool} {header:?}");
                assert!(says_created(&answers) <= 1, "{tool} {header:?}");
            }
        }
    }
}

#[tokio::test]
async fn copies_that_are_refused_at_first_do_not_all_say_that_they_created() {
    for (kind, times) in [("throttle", 4), ("unauthorized", 2)] {
        let bench = Bench::start().await;
        let fault = json!({
            "method": "POST", "path": "/incidents", "kind": kind, "times": times, "retry_after": 0,
            "after_commit": false,
        });
        bench.fault(fault).await;
        let header = [("idempotency-key", "refused")];
        let calls = (0..4).map(|_| bench.call_with("create_case", case_of(MAREN, "R"), &header));
        let mut answers = join_all(calls).await;
        // A call whose tokens were refused twice in a row gives up.
        answers.retain(|answer| answer.status != 424);
        assert!(answers.len() >= 3, "{kind}");
        let said = says_created(&answers);
        assert!(said == 1 || (said == 0 && kind == "unauthorized"), "{kind}: {said}");
        assert_eq!(bench.count("incidents", "title", "R").await, 1, "{kind}");
    }
}

#[tokio::test]
async fn two_conversations_that_want_the_same_at_once_make_one_record() {
    let bench = Bench::start().await;
    for (tool, arguments, _) in creates() {
        if ["create_note", "create_activity", "create_quote"].contains(&tool) {
            // These tools do not look for an equal record, so two calls make two.
            continue;
        }
        let (one, two) = ([("x-conversation-id", "one")], [("x-conversation-id", "two")]);
        let (one, two, three, four) = tokio::join!(
            bench.call_with(tool, arguments.clone(), &one),
            bench.call_with(tool, arguments.clone(), &two),
            bench.call(tool, arguments.clone()),
            bench.call(tool, arguments.clone()),
        );
        let answers = [one, two, three, four];
        let ids: BTreeSet<_> = answers.iter().map(made).collect();
        assert_eq!(ids.len(), 1, "{tool}");
        assert_eq!(says_created(&answers), 1, "{tool}");
        // When the call of the second conversation comes again, it gets the same record.
        let again = bench.call_with(tool, arguments, &[("x-conversation-id", "two")]).await;
        assert!(ids.contains(&made(&again)), "{tool}");
    }
}

#[tokio::test]
async fn of_two_calls_that_nothing_ties_together_one_creates_every_time() {
    let bench = Bench::start().await;
    for round in 0..20 {
        let call = || bench.call("create_case", case_of(MAREN, &format!("Round {round}")));
        let (one, two) = tokio::join!(call(), call());
        assert_eq!(made(&one), made(&two), "{round}");
        assert_eq!(says_created(&[one, two]), 1, "{round}");
    }
}

#[tokio::test]
async fn what_was_closed_in_between_is_not_what_a_new_call_means() {
    let bench = Bench::start().await;
    let first = bench.call("create_case", case_of(MAREN, "Again")).await;
    let close = json!({"case": made(&first), "status": "Canceled"});
    bench.call("update_case", close).await.result();
    // This is within the minutes in which the first call's announcement holds.
    let second = bench.call("create_case", case_of(MAREN, "Again")).await;
    assert_eq!(second.result()["created"], true);
    assert_ne!(made(&second), made(&first));
    let others = (0..3).map(|_| bench.call("create_case", case_of(MAREN, "Again")));
    for other in join_all(others).await {
        assert_eq!(made(&other), made(&second));
    }
}

#[tokio::test]
async fn who_means_a_second_one_gets_a_second_one() {
    let bench = Bench::start().await;
    let mut arguments = case_of(MAREN, "Twice");
    arguments["allow_duplicate"] = true.into();
    let (one, two) = tokio::join!(
        bench.call("create_case", arguments.clone()),
        bench.call("create_case", arguments),
    );
    assert_ne!(made(&one), made(&two));
    assert_eq!(says_created(&[one, two]), 2);
}

#[tokio::test]
async fn a_change_of_something_else_in_between_is_gone_around() {
    let bench = Bench::start().await;
    let slow = json!({
        "method": "PATCH", "path": "/contacts", "kind": "slow", "delay_ms": 400, "times": 1,
        "retry_after": 0, "after_commit": false,
    });
    bench.fault(slow).await;
    let first = bench.call("update_contact", json!({"contact": MAREN, "job_title": "One"}));
    let second = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        bench.call("update_contact", json!({"contact": MAREN, "phone": "+1 555 0199"})).await
    };
    let (first, second) = tokio::join!(first, second);
    first.result();
    second.result();
    let now = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(now.result()["contact"]["job_title"], "One");
    assert_eq!(now.result()["contact"]["phone"], "+1 555 0199");
}

#[tokio::test]
async fn a_case_that_was_closed_in_between_is_not_changed() {
    let bench = Bench::start().await;
    let case = bench.call("create_case", case_of(MAREN, "Closed meanwhile")).await;
    let id = made(&case);
    let slow = json!({
        "method": "PATCH", "path": "/incidents", "kind": "slow", "delay_ms": 400, "times": 1,
        "retry_after": 0, "after_commit": false,
    });
    bench.fault(slow).await;
    let change = bench.call("update_case", json!({"case": id, "priority": "Low"}));
    let close = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        let resolve = json!({"case": id, "status": "Problem Solved", "resolution": "Done."});
        bench.call("update_case", resolve).await
    };
    let (change, close) = tokio::join!(change, close);
    close.result();
    assert!([409, 412].contains(&change.status), "{:#}", change.body);
}

#[tokio::test]
async fn fifty_changes_at_once_end_well_where_they_do_not_contradict() {
    let bench = Bench::start().await;
    let fields = ["phone", "mobile_phone", "job_title", "description"];
    let calls = fields.iter().map(|field| {
        bench.call("update_contact", json!({"contact": MAREN, *field: format!("new {field}")}))
    });
    for answer in join_all(calls).await {
        answer.result();
    }
    let calls = (0..50).map(|number| {
        bench.call("update_contact", json!({"contact": MAREN, "job_title": format!("T{number}")}))
    });
    // Each call wants another title. Those that come too late get an error, and nothing is
    // overwritten unseen.
    for answer in join_all(calls).await {
        assert!([200, 412].contains(&answer.status), "{:#}", answer.body);
    }
}

/// Calls the tools with this table, or without one, as if an authorizer had let the call in.
async fn call_over(
    bench: &Bench,
    state: Option<State>,
    tool: &str,
    arguments: Value,
    key: &str,
) -> (u16, Value, Duration) {
    let emulator = bench.stack.emulator().url().parse().unwrap();
    let connections = Connections::new(
        toolkit::lambda::http_client().unwrap(),
        bench.stack.secrets(),
        Environment::local(emulator),
    );
    let service = stack::service(Tools::new(connections).with_state(state)).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", key.parse().unwrap());
    let started = std::time::Instant::now();
    let response = service
        .answer(Incoming {
            method: "POST".parse().unwrap(),
            path: format!("/v1/tools/dynamics365_{tool}"),
            address: None,
            query: String::new(),
            headers,
            body: toolkit::Body::Value(arguments.clone()),
            caller: Some(Caller {
                client: "test".to_owned(),
                connections: Grants::All,
                scopes: [Scope::Read, Scope::Write].into(),
                key: None,
                serves: toolkit::Serves::Staff,
                tools: None,
                vouches: false,
                confirm: auth::Confirm::None,
                message_is_enough: false,
                conversation_in_header: false,
            }),
            request_id: "r-1".to_owned(),
            deadline: tokio::time::Instant::now() + Duration::from_secs(20),
        })
        .await;
    let body = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), body, started.elapsed())
}

#[tokio::test]
async fn without_the_table_a_row_is_believed_if_it_is_the_customers() {
    let bench = Bench::start().await;
    for (tool, first, other) in creates() {
        let key = "no table";
        let (status, made, _) = call_over(&bench, None, tool, first.clone(), key).await;
        assert_eq!(status, 200, "{tool}: {made:#}");
        assert_eq!(made["result"]["created"], true, "{tool}");
        let (status, again, _) = call_over(&bench, None, tool, first, key).await;
        assert_eq!((status, &again["result"]["created"]), (200, &json!(false)), "{tool}");
        let (status, reused, _) = call_over(&bench, None, tool, other, key).await;
        if tool == "create_quote" {
            // Both calls are about the same opportunity.
            assert_eq!(status, 200, "{reused:#}");
            continue;
        }
        assert_eq!(reused["code"], "idempotency_key_reused", "{tool}: {reused:#}");
        assert_eq!(status, 422, "{tool}");
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_holds_a_create_back_for_a_moment_only() {
    let bench = Bench::start().await;
    // This accepts connections, but never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let state = State::at_endpoint(&url, stack::STATE_TABLE);
    let (status, made, took) =
        call_over(&bench, Some(state), "create_case", case_of(MAREN, "Silent"), "silent").await;
    assert_eq!((status, &made["result"]["created"]), (200, &json!(true)), "{made:#}");
    // The table is asked for the key, at the same time as the first trip, and for the subject.
    assert!(took < Duration::from_millis(1500), "{took:?}");
    drop(silent);
}

async fn table_is(bench: &Bench, state: &str) {
    let url = format!("{}/_local/dynamodb", bench.stack.aws_url());
    let request = reqwest::Client::new().put(url).json(&json!({ "state": state }));
    assert_eq!(request.send().await.unwrap().status(), 204);
}

async fn slow(bench: &Bench, path: &str, milliseconds: u64, times: u32) {
    let fault = json!({
        "method": "POST", "path": path, "kind": "slow", "delay_ms": milliseconds, "times": times,
        "after_commit": false,
    });
    bench.fault(fault).await;
}

#[tokio::test]
async fn a_call_that_comes_again_finds_what_it_made_and_not_what_it_found_closed() {
    let bench = Bench::start().await;
    for header in [("idempotency-key", "second"), ("x-conversation-id", "second")] {
        let arguments = case_of(MAREN, header.0);
        let first = bench.call("create_case", arguments.clone()).await;
        let close = json!({"case": made(&first), "status": "Canceled"});
        bench.call("update_case", close).await.result();
        let second = bench.call_with("create_case", arguments.clone(), &[header]).await;
        assert_eq!(second.result()["created"], true);
        assert_ne!(made(&second), made(&first));
        let again = bench.call_with("create_case", arguments, &[header]).await;
        assert_eq!(made(&again), made(&second), "{header:?}");
        assert_eq!(again.result()["created"], false);
    }
}

#[tokio::test]
async fn two_people_of_a_company_have_a_case_each() {
    let bench = Bench::start().await;
    let of = |contact: &str| {
        json!({
            "contact": contact, "account": "Northwind Traders", "subject": "At the same moment",
            "description": contact,
        })
    };
    slow(&bench, "/incidents", 1200, 1).await;
    let one = bench.call("create_case", of(MAREN));
    let other = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        bench.call("create_case", of(DARIO)).await
    };
    let (one, other) = tokio::join!(one, other);
    assert_ne!(made(&one), made(&other));
    assert_eq!(says_created(&[one, other]), 2);
    for contact in [MAREN, DARIO] {
        assert_eq!(bench.count("incidents", "description", contact).await, 1, "{contact}");
    }
}

#[tokio::test]
async fn of_a_row_that_another_call_wrote_is_said_what_that_one_wrote() {
    let bench = Bench::start().await;
    let mut first = appointment(MAREN);
    first["location"] = "Room A".into();
    let mut second = appointment(MAREN);
    second["location"] = "Room B".into();
    second["duration_minutes"] = 120.into();
    // The whole change set of the first call is late.
    slow(&bench, "/appointments", 1200, 1).await;
    let one = bench.call("schedule_appointment", first);
    let other = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        bench.call("schedule_appointment", second).await
    };
    let (one, other) = tokio::join!(one, other);
    assert_eq!(made(&one), made(&other));
    assert_eq!(
        (&one.result()["created"], &other.result()["created"]),
        (&json!(true), &json!(false))
    );
    for field in ["location", "end", "organizer", "attendees"] {
        let of = |answer: &Answer| answer.result()["appointment"][field].clone();
        assert_eq!(of(&one), of(&other), "{field}");
    }
    assert_eq!(one.result()["appointment"]["location"], "Room B");
    assert!(one.body["hints"].to_string().contains("Another call"), "{:#}", one.body);
}

#[tokio::test]
async fn what_was_made_without_the_table_is_not_made_again_with_it() {
    let bench = Bench::start().await;
    let contact = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    let id = contact.result()["contact"]["id"].as_str().unwrap().to_owned();
    for header in [("idempotency-key", "table"), ("x-conversation-id", "table")] {
        table_is(&bench, "down").await;
        let first = bench.call_with("create_note", note_on(&id, header.0), &[header]).await;
        assert_eq!(first.result()["created"], true);
        table_is(&bench, "up").await;
        let again = bench.call_with("create_note", note_on(&id, header.0), &[header]).await;
        assert_eq!(made(&again), made(&first));
        assert_eq!(again.result()["created"], false, "{header:?}");
    }
}

#[tokio::test]
async fn of_two_copies_one_without_the_table_one_says_that_it_created() {
    let bench = Bench::start().await;
    for header in [("idempotency-key", "mixed"), ("x-conversation-id", "mixed")] {
        table_is(&bench, "down").await;
        slow(&bench, "/incidents", 1500, 1).await;
        let call = || {
            bench.call_with("create_case", case_of(MAREN, header.0), std::slice::from_ref(&header))
        };
        let one = call();
        let other = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            table_is(&bench, "up").await;
            slow(&bench, "/incidents", 2000, 1).await;
            call().await
        };
        let (one, other) = tokio::join!(one, other);
        assert_eq!(made(&one), made(&other));
        assert_eq!(says_created(&[one, other]), 1, "{header:?}");
    }
}

#[tokio::test]
async fn a_hash_of_another_version_says_nothing() {
    let bench = Bench::start().await;
    let key = "older";
    let header = [("idempotency-key", key)];
    let first = bench.call_with("create_case", case_of(MAREN, "Older"), &header).await;
    let row = made(&first).parse().unwrap();
    let state = State::at_endpoint(&bench.stack.aws_url().to_string(), stack::STATE_TABLE);
    let intent = Intent {
        row,
        arguments: Some("hashed in another way".to_owned()),
        version: Some(0),
        at_work_until: jiff::Timestamp::UNIX_EPOCH,
    };
    let replaced = state.announce(Bond::Key(row), &intent, Some(row)).await.unwrap();
    assert!(matches!(replaced, state::Announced::First(_)));
    // As without the table, a row that is found must belong to the customer.
    let again = bench.call_with("create_case", case_of(MAREN, "Older"), &header).await;
    assert_eq!((made(&again), &again.result()["created"]), (made(&first), &json!(false)));
    let other = bench.call_with("create_case", case_of(DARIO, "Older"), &header).await;
    other.problem("idempotency_key_reused");
}

#[tokio::test]
async fn who_wants_the_same_change_does_not_contradict() {
    let bench = Bench::start().await;
    let call = || bench.call("update_contact", json!({"contact": MAREN, "job_title": "Same"}));
    for answer in join_all((0..4).map(|_| call())).await {
        answer.result();
    }
}

/// Makes two changes. The first is sent after the second has been made.
async fn overtaken(
    bench: &Bench,
    path: &str,
    first: (&str, Value),
    second: (&str, Value),
) -> (Answer, Answer) {
    let slow = json!({
        "method": "PATCH", "path": path, "kind": "slow", "delay_ms": 900, "times": 1, "after_commit": false,
    });
    bench.fault(slow).await;
    let late = bench.call(first.0, first.1);
    let soon = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        bench.call(second.0, second.1).await
    };
    tokio::join!(late, soon)
}

#[tokio::test]
async fn a_change_that_was_drawn_from_what_has_changed_is_not_made() {
    let bench = Bench::start().await;
    let deal = "Northwind – support desk licences";
    let win = json!({"opportunity": deal, "status": "Won", "description": "Signed."});
    let value = json!({"opportunity": deal, "estimated_value": 77_777});
    let (won, valued) = overtaken(
        &bench,
        "/opportunities",
        ("update_opportunity", win.clone()),
        ("update_opportunity", value),
    )
    .await;
    valued.result();
    won.problem("version_conflict");
    bench.call("update_opportunity", win).await.result();
    let closes = bench.rows("opportunitycloses").await;
    assert!(closes.iter().any(|close| close["actualrevenue"] == 77_777.0), "{closes:#?}");
}

#[tokio::test]
async fn a_change_goes_around_others_three_times() {
    let bench = Bench::start().await;
    let change = json!({"contact": MAREN, "job_title": "Four times"});
    let conflict = json!({
        "method": "PATCH", "path": "/contacts", "kind": "answer", "status": 412, "times": 9,
        "error": {"code": "0x80060882", "message": "The version of the existing record doesn't match."},
    });
    bench.fault(conflict).await;
    bench.control("DELETE", "requests", None).await;
    bench.call("update_contact", change).await.problem("version_conflict");
    let requests = bench.requests().await;
    assert_eq!(requests.iter().filter(|request| request["method"] == "PATCH").count(), 4);
}
