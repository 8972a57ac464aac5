//! Nothing is lost, and nothing is done twice, also where calls wait for a yes.

use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

fn case(subject: &str) -> Value {
    json!({"contact": MAREN, "subject": subject, "description": "d"})
}

fn fault(method: &str, path: &str, kind: &str, after_commit: bool, times: u32) -> Value {
    json!({
        "method": method, "path": path, "kind": kind, "after_commit": after_commit, "times": times,
        "retry_after": 0,
    })
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_row() {
    for bench in Bench::start_both().await {
        for (subject, kind, after_commit, times) in [
            ("dropped before", "drop", false, 1),
            ("dropped after", "drop", true, 1),
            ("dropped twice", "drop", true, 2),
            ("unavailable before", "unavailable", false, 1),
            ("unavailable after", "unavailable", true, 1),
            ("unauthorized", "unauthorized", false, 1),
        ] {
            bench.fault(fault("POST", "/incidents", kind, after_commit, times)).await;
            let answer = bench.call("create_case", case(subject)).await;
            assert_eq!(answer.result()["created"], true, "{subject}");
            let rows = bench.rows("incidents").await;
            let rows: Vec<_> = rows.iter().filter(|row| row["title"] == subject).collect();
            assert_eq!(rows.len(), 1, "{subject}");
            assert_eq!(rows[0]["incidentid"], answer.result()["case"]["id"], "{subject}");
        }
    }
}

#[tokio::test]
async fn a_call_that_comes_again_finds_what_it_made() {
    for bench in Bench::start_both().await {
        for (subject, header) in [
            ("by key", ("idempotency-key", "order-66")),
            ("by conversation", ("x-conversation-id", "chat-7")),
        ] {
            let first = bench.call_with("create_case", case(subject), &[header]).await;
            // The case is closed meanwhile. It is no longer an open case with that subject, but it is
            // still the one of that call.
            let close = json!({"case": first.result()["case"]["id"], "status": "Canceled"});
            bench.call("update_case", close).await.result();
            let second = bench.call_with("create_case", case(subject), &[header]).await;
            assert_eq!(second.result()["created"], false, "{subject}");
            assert_eq!(second.result()["case"]["id"], first.result()["case"]["id"], "{subject}");
            assert_eq!(bench.count("incidents", "title", subject).await, 1);
        }
        let other = bench
            .call_with("create_case", case("by conversation"), &[("x-conversation-id", "chat-8")])
            .await;
        assert_eq!(other.result()["created"], true);
    }
}

#[tokio::test]
async fn calls_at_the_same_moment_make_one_row() {
    for bench in Bench::start_both().await {
        let header = [("idempotency-key", "at once")];
        let call = || bench.call_with("create_case", case("At once"), &header);
        let answers = tokio::join!(call(), call(), call(), call());
        let answers = [answers.0, answers.1, answers.2, answers.3];
        let ids: Vec<_> = answers.iter().map(|answer| &answer.result()["case"]["id"]).collect();
        assert!(ids.iter().all(|id| **id == *ids[0]), "{ids:?}");
        assert_eq!(answers.iter().filter(|answer| answer.result()["created"] == true).count(), 1);
        assert_eq!(bench.count("incidents", "title", "At once").await, 1);
    }
}

#[tokio::test]
async fn when_it_stays_unknown_the_caller_is_told() {
    for bench in Bench::start_both().await {
        bench.fault(fault("POST", "/incidents", "unavailable", true, 50)).await;
        let answer =
            bench.call_with("create_case", case("Unknown"), &[("idempotency-key", "u")]).await;
        let problem = answer.problem("dynamics_unavailable");
        assert_eq!(problem["write"], "unknown");
        assert_eq!(problem["retryable"], true);
        bench.control("DELETE", "faults", None).await;
        let again =
            bench.call_with("create_case", case("Unknown"), &[("idempotency-key", "u")]).await;
        assert_eq!(again.result()["created"], false);
        assert_eq!(bench.count("incidents", "title", "Unknown").await, 1);
    }
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_settled_by_reading() {
    for bench in Bench::start_both().await {
        let contact = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
        let path = format!("/contacts({})", contact.result()["contact"]["id"].as_str().unwrap());
        for (phone, kind, after_commit) in [
            ("1", "drop", true),
            ("2", "drop", false),
            ("3", "unavailable", true),
            ("4", "unavailable", false),
        ] {
            bench.fault(fault("PATCH", &path, kind, after_commit, 1)).await;
            let answer =
                bench.call("update_contact", json!({"contact": MAREN, "phone": phone})).await;
            assert_eq!(answer.result()["changes"][0]["to"], phone);
            let now = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
            assert_eq!(now.result()["contact"]["phone"], phone, "{kind} {after_commit}");
        }
    }
}

#[tokio::test]
async fn a_case_is_resolved_once() {
    for bench in Bench::start_both().await {
        let made = bench.call("create_case", case("Resolve me")).await;
        let id = &made.result()["case"]["id"];
        bench.fault(fault("POST", "/CloseIncident", "drop", true, 1)).await;
        let arguments = json!({"case": id, "status": "Problem Solved", "resolution": "Done."});
        let answer = bench.call("update_case", arguments.clone()).await;
        assert_eq!(answer.result()["changes"][0]["to"], "Problem Solved");
        bench.call("update_case", arguments).await.result();
        assert_eq!(
            bench.count("incidentresolutions", "_incidentid_value", id.as_str().unwrap()).await,
            1
        );
    }
}

#[tokio::test]
async fn a_change_in_between_is_not_overwritten() {
    for bench in Bench::start_both().await {
        // The answer to the read is late, and meanwhile somebody else changes the contact.
        bench
            .fault(json!({
                "method": "PATCH", "path": "/contacts", "kind": "slow", "delay_ms": 400, "times": 1,
                "retry_after": 0, "after_commit": false,
            }))
            .await;
        let slow = bench.call("update_contact", json!({"contact": MAREN, "job_title": "One"}));
        let quick = async {
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            bench.call("update_contact", json!({"contact": MAREN, "job_title": "Two"})).await
        };
        let (slow, quick) = tokio::join!(slow, quick);
        quick.result();
        let problem = slow.problem("version_conflict");
        assert_eq!(problem["write"], "not_happened");
        assert_eq!(problem["retryable"], true);
        assert_eq!(bench.count("contacts", "jobtitle", "Two").await, 1);
    }
}

#[tokio::test]
async fn what_a_call_made_is_there_whatever_became_of_its_customer() {
    for bench in Bench::start_both().await {
        let header = [("idempotency-key", "customer gone")];
        let new = json!({"contact": "dario.velasco@northwind.example", "name": "A deal"});
        let first = bench.call_with("create_opportunity", new.clone(), &header).await;
        let case_of_dario = json!({
            "contact": "dario.velasco@northwind.example", "subject": "s", "description": "d",
        });
        let first_case = bench.call_with("create_case", case_of_dario.clone(), &header).await;
        // The contact has another address by now, and is no longer found.
        let moved = json!({"contact": "Dario Velasco", "email": "dario@elsewhere.example"});
        bench.call("update_contact", moved).await.result();
        let again = bench.call_with("create_opportunity", new, &header).await;
        assert_eq!(again.result()["opportunity"]["id"], first.result()["opportunity"]["id"]);
        let again = bench.call_with("create_case", case_of_dario, &header).await;
        assert_eq!(again.result()["case"]["id"], first_case.result()["case"]["id"]);
    }
}

/// What a create that waits for a yes makes, and how its row is found.
fn creates_that_wait(deal: &Value) -> [(&'static str, Value, &'static str, &'static str); 2] {
    let quote = json!({
        "opportunity": deal, "name": "One quote",
        "lines": [{"description": "Training", "quantity": 1, "price": 100}],
    });
    let meeting = json!({
        "contact": MAREN, "subject": "One meeting", "start": "2031-03-03T10:00-08:00",
        "duration_minutes": 30, "organizer": "rowan.sandstrom@contosodemo.example",
    });
    [
        ("create_quote", quote, "quotes", "One quote"),
        ("schedule_appointment", meeting, "appointments", "One meeting"),
    ]
}

#[tokio::test]
async fn a_quote_and_a_meeting_are_made_once_whatever_is_lost() {
    for (kind, after_commit) in
        [("drop", true), ("drop", false), ("unavailable", true), ("unavailable", false)]
    {
        for bench in Bench::start_both().await {
            let new = json!({"contact": MAREN, "name": "A deal"});
            let deal = bench.call("create_opportunity", new).await;
            let deal = deal.result()["opportunity"]["id"].clone();
            for (tool, arguments, set, name) in creates_that_wait(&deal) {
                bench.fault(fault("POST", &format!("/{set}"), kind, after_commit, 1)).await;
                let header = [("idempotency-key", "once")];
                let first = bench.call_with(tool, arguments.clone(), &header).await;
                assert_eq!(first.result()["created"], true, "{tool} {kind} {after_commit}");
                let again = bench.call_with(tool, arguments, &header).await;
                assert_eq!(again.result()["created"], false, "{tool} {kind} {after_commit}");
                let rows = bench.rows(set).await;
                let is_it = |row: &&Value| row["name"] == name || row["subject"] == name;
                assert_eq!(rows.iter().filter(is_it).count(), 1, "{tool} {kind} {after_commit}");
            }
        }
    }
}
