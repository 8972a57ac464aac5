//! The five case tools.

use serde_json::{Value, json};

use crate::harness::{Answer, Bench, MAREN};

async fn create(bench: &Bench, subject: &str) -> Answer {
    bench
        .call(
            "create_case",
            json!({"contact": MAREN, "subject": subject, "description": "It does not work."}),
        )
        .await
}

fn numbers(found: &Value) -> Vec<&str> {
    let cases = found["cases"].as_array().unwrap().iter();
    cases.filter_map(|case| case["number"].as_str()).collect()
}

#[tokio::test]
async fn a_case_is_found_by_title_number_contact_and_account() {
    let bench = Bench::start().await;
    for (arguments, expected) in [
        (json!({"query": "sign in"}), vec!["CAS-01001-Q7W2E9"]),
        (json!({"query": "cas-01002"}), vec!["CAS-01002-B4N8M1"]),
        (json!({"query": "billing contact"}), vec![]),
        (json!({"query": "billing contact", "status": "resolved"}), vec!["CAS-01004-L5K2J9"]),
        (json!({"query": "data retention", "status": "All"}), vec!["CAS-01006-T6R3E0"]),
    ] {
        let (answer, trips) = bench.counted("search_cases", arguments.clone()).await;
        assert_eq!(numbers(answer.result()), expected, "{arguments}");
        assert_eq!(trips, 1);
    }
    let case = bench.call("get_case", json!({"case": "CAS-01001-Q7W2E9"})).await;
    let account = &case.result()["case"]["account"];
    for account in [&account["id"], &account["name"]] {
        let (answer, trips) = bench.counted("search_cases", json!({"account": account})).await;
        assert!(numbers(answer.result()).contains(&"CAS-01001-Q7W2E9"));
        assert_eq!(answer.body["escalation"]["reason"], "high_priority_case");
        assert_eq!(trips, 1);
    }
    bench.call("search_cases", json!({"contact": "Lucia Ferran"})).await.problem("ambiguous");
    bench.call("search_cases", json!({"account": "No Such Company"})).await.problem("not_found");
    let nothing = bench.call("search_cases", json!({"status": "open"})).await;
    nothing.problem("invalid_arguments");
}

#[tokio::test]
async fn a_case_is_read_by_number_and_id() {
    let bench = Bench::start().await;
    let (by_number, trips) = bench.counted("get_case", json!({"case": "cas-01001-q7w2e9"})).await;
    let case = &by_number.result()["case"];
    assert_eq!(case["subject"], "Cannot sign in to portal");
    assert_eq!(case["priority"], "High");
    assert_eq!(case["status"], "In Progress");
    assert_eq!(by_number.body["escalation"]["reason"], "high_priority_case");
    assert_eq!(trips, 1);
    let (by_id, trips) = bench.counted("get_case", json!({"case": case["id"]})).await;
    assert_eq!(by_id.body, by_number.body);
    assert_eq!(trips, 1);
    let answer = bench.call("get_case", json!({"case": "CAS-99999-XXXXXX"})).await;
    assert_eq!(answer.problem("not_found")["detail"], "no case has that number");
}

#[tokio::test]
async fn a_case_is_opened_once() {
    let bench = Bench::start().await;
    let (first, trips) = bench
        .counted(
            "create_case",
            json!({
                "contact": MAREN, "subject": "Printer on fire", "description": "Smoke.",
                "priority": "high", "type": "Problem",
            }),
        )
        .await;
    let made = first.result();
    assert_eq!(made["created"], true);
    assert!(made["case"]["number"].as_str().unwrap().starts_with("CAS-"));
    assert_eq!(made["case"]["priority"], "High");
    assert_eq!(first.body["escalation"]["reason"], "high_priority_case");
    assert_eq!(trips, 2);

    // The same subject in capitals is the same case.
    let again = create(&bench, "PRINTER on fire").await;
    assert_eq!(again.result()["created"], false);
    assert_eq!(again.result()["case"]["id"], made["case"]["id"]);
    assert_eq!(bench.count("incidents", "title", "Printer on fire").await, 1);

    let other = create(&bench, "Another thing").await;
    let hints = other.body["hints"].to_string();
    assert!(hints.contains(made["case"]["number"].as_str().unwrap()), "{hints}");

    let second = bench
        .call(
            "create_case",
            json!({
                "contact": MAREN, "subject": "Printer on fire", "description": "Again.",
                "allow_duplicate": true,
            }),
        )
        .await;
    assert_eq!(second.result()["created"], true);
    assert_eq!(bench.count("incidents", "title", "Printer on fire").await, 2);
}

#[tokio::test]
async fn a_case_belongs_to_a_contact_or_an_account_or_a_person_there() {
    let bench = Bench::start().await;
    let contact = bench.call("get_contact", json!({"contact": MAREN})).await;
    let account = &contact.result()["contact"]["account"]["id"];
    let with = |contact: Value, account: Value, subject: &str| json!({"contact": contact, "account": account, "subject": subject, "description": "d"});
    let read = async |made: &Answer| {
        let case = bench.call("get_case", json!({"case": made.result()["case"]["id"]})).await;
        case.result()["case"].clone()
    };
    let made = bench.call("create_case", with(Value::Null, account.clone(), "one")).await;
    let case = read(&made).await;
    assert_eq!((&case["account"]["id"], &case["contact"]), (account, &Value::Null));
    let made = bench.call("create_case", with(json!(MAREN), account.clone(), "two")).await;
    let case = read(&made).await;
    assert_eq!(&case["account"]["id"], account);
    assert_eq!(case["contact"]["name"], "Maren Quist");
    let made = bench.call("create_case", with(json!(MAREN), Value::Null, "three")).await;
    let case = read(&made).await;
    assert_eq!(case["contact"]["name"], "Maren Quist");
    assert_eq!(case["account"], Value::Null);

    let foreign = with(json!("Kenji Aramoto"), account.clone(), "four");
    bench.call("create_case", foreign).await.problem("invalid_arguments");
    let nobody = with(Value::Null, Value::Null, "five");
    bench.call("create_case", nobody).await.problem("invalid_arguments");
}

async fn update(bench: &Bench, case: &Value, mut arguments: Value) -> Answer {
    arguments["case"] = case.clone();
    bench.call("update_case", arguments).await
}

#[tokio::test]
async fn a_case_goes_through_its_life() {
    let bench = Bench::start().await;
    let made = create(&bench, "Life of a case").await;
    let case = &made.result()["case"]["id"];

    let answer = update(&bench, case, json!({"status": "On Hold", "priority": "High"})).await;
    let changes = answer.result()["changes"].as_array().unwrap();
    let fields: Vec<_> = changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["priority", "status"]);
    assert_eq!(changes[1]["from"], "In Progress");

    let resolved = json!({
        "status": "Problem Solved", "resolution": "Turned it off and on.\nThen it worked.",
        "priority": "Low", "case": case,
    });
    let (answer, trips) = bench.counted("update_case", resolved).await;
    answer.result();
    assert_eq!(trips, 2);
    let answer = bench.call("get_case", json!({"case": case})).await;
    let read = &answer.result()["case"];
    assert_eq!(read["status"], "Problem Solved");
    assert_eq!(read["priority"], "Low");
    assert_eq!(read["resolution"]["text"], "Turned it off and on.\nThen it worked.");

    // A closed case takes no changes, but setting the same status again is no error.
    let answer = update(&bench, case, json!({"priority": "High"})).await;
    answer.problem("already_closed");
    let answer = update(&bench, case, json!({"status": "Canceled"})).await;
    answer.problem("already_closed");
    let answer = update(&bench, case, json!({"status": "Problem Solved"})).await;
    assert_eq!(answer.result()["changes"], json!([]));

    let answer = update(&bench, case, json!({"status": "In Progress", "priority": "Normal"})).await;
    assert_eq!(answer.result()["changes"].as_array().unwrap().len(), 2);
    let answer = update(&bench, case, json!({"status": "Canceled"})).await;
    answer.result();
    let answer = bench.call("get_case", json!({"case": case})).await;
    assert_eq!(answer.result()["case"]["status"], "Canceled");
}

#[tokio::test]
async fn a_case_gets_another_owner() {
    let bench = Bench::start().await;
    let made = create(&bench, "For somebody else").await;
    let users = bench.rows("systemusers").await;
    let user = users
        .iter()
        .find(|user| user["isdisabled"] == false && user["applicationid"].is_null())
        .unwrap();
    let number = &made.result()["case"]["number"];
    let arguments = json!({"case": number, "owner": user["internalemailaddress"]});
    let (answer, trips) = bench.counted("update_case", arguments).await;
    assert_eq!(answer.result()["changes"][0]["to"], user["fullname"]);
    assert!(trips <= 3);
    let answer = bench.call("get_case", json!({"case": number})).await;
    assert_eq!(answer.result()["case"]["owner"]["id"], user["systemuserid"]);

    let answer = update(&bench, number, json!({"owner": "nobody@nowhere.example"})).await;
    answer.problem("not_found");
    let answer = update(&bench, number, json!({"owner": "Somebody"})).await;
    answer.problem("invalid_arguments");
    let answer = update(&bench, number, json!({"resolution": "Solved"})).await;
    answer.problem("invalid_arguments");
    update(&bench, number, json!({})).await.problem("invalid_arguments");
}

#[tokio::test]
async fn the_cases_of_a_contact_are_listed_in_one_trip() {
    let bench = Bench::start().await;
    create(&bench, "First").await;
    create(&bench, "Second").await;
    let (answer, trips) =
        bench.counted("get_contact_cases", json!({"contact": MAREN, "limit": 1})).await;
    let found = answer.result();
    assert_eq!(found["contact"]["name"], "Maren Quist");
    assert_eq!(found["cases"].as_array().unwrap().len(), 1);
    assert_eq!(found["more"], true);
    assert_eq!(trips, 1);
    // She is the primary contact of an urgent case of her account. It is older than that.
    assert_eq!(answer.body["escalation"]["reason"], "high_priority_case");
    bench
        .call("get_contact_cases", json!({"contact": "nobody@nowhere.example"}))
        .await
        .problem("not_found");
}

#[tokio::test]
async fn closing_a_case_cancels_its_open_activities() {
    let bench = Bench::start().await;
    for status in ["Problem Solved", "Canceled"] {
        let made = create(&bench, &format!("With a task: {status}")).await;
        let case = &made.result()["case"]["id"];
        let task = json!({
            "type": "task", "record_type": "case", "record": case, "subject": "Look at the log",
        });
        let task = bench.call("create_activity", task).await;
        let task = task.result()["activity"]["id"].as_str().unwrap().to_owned();
        let answer = update(&bench, case, json!({"status": status, "priority": "Low"})).await;
        answer.result();
        let tasks = bench.rows("tasks").await;
        let left = tasks.iter().find(|row| row["activityid"] == task.as_str());
        assert_eq!(left.unwrap()["statecode"], 2, "{status}");
    }
}

#[tokio::test]
async fn a_case_that_must_not_be_closed_yet_stays_open() {
    let bench = Bench::start().await;
    let made = create(&bench, "With a task").await;
    let case = &made.result()["case"]["id"];
    // A plug-in or an older version may insist on what is open.
    for (status, method, path, code) in [
        ("Problem Solved", "POST", "/CloseIncident", "0x8004440a"),
        ("Canceled", "PATCH", "/incidents", "0x8004440e"),
    ] {
        let error = json!({"code": code, "message": "There are open activities."});
        let fault = json!({
            "method": method, "path": path, "kind": "answer", "status": 400, "error": error,
        });
        bench.fault(fault).await;
        let answer = update(&bench, case, json!({"status": status, "priority": "Low"})).await;
        let problem = answer.problem("rejected_by_dynamics");
        assert!(problem["detail"].as_str().unwrap().contains("open activities"), "{problem:#}");
        assert_eq!(problem["write"], "not_happened");
    }
    // No part of the change set was carried out.
    let answer = bench.call("get_case", json!({"case": case})).await;
    assert_eq!(answer.result()["case"]["priority"], "Normal");
    assert_eq!(answer.result()["case"]["status"], "In Progress");
}

#[tokio::test]
async fn a_change_that_was_lost_is_not_taken_for_made_because_the_status_is_as_wanted() {
    let bench = Bench::start().await;
    let made = create(&bench, "Lost change").await;
    let case = &made.result()["case"]["id"];
    bench.fault(json!({"method": "PATCH", "path": "/incidents", "kind": "drop", "times": 2})).await;
    let answer = update(&bench, case, json!({"status": "In Progress", "priority": "High"})).await;
    assert_eq!(answer.problem("dynamics_unavailable")["write"], "not_happened");
    let read = bench.call("get_case", json!({"case": case})).await;
    assert_eq!(read.result()["case"]["priority"], "Normal");
}

#[tokio::test]
async fn a_resolution_that_comes_too_late_is_not_dropped_in_silence() {
    let bench = Bench::start().await;
    let made = create(&bench, "Solved twice").await;
    let case = &made.result()["case"]["id"];
    let solved = |text: &str| json!({"status": "Problem Solved", "resolution": text});
    update(&bench, case, solved("Restarted.")).await.result();
    let answer = update(&bench, case, solved("Replaced.")).await;
    assert_eq!(answer.result()["changes"], json!([]));
    let hint = answer.body["hints"][0].as_str().unwrap();
    assert!(hint.contains("resolution"), "{hint}");
}

#[tokio::test]
async fn somebody_elses_urgent_case_is_no_reason_to_escalate() {
    let bench = Bench::start().await;
    let answer = bench.call("search_cases", json!({"query": "a"})).await;
    assert!(answer.result()["cases"].as_array().unwrap().len() > 1);
    assert_eq!(answer.body.get("escalation"), None);
    // The case that was asked for counts.
    let answer = bench.call("search_cases", json!({"query": "CAS-01005"})).await;
    assert_eq!(answer.body["escalation"]["reason"], "escalated_case");
    // The customer's case counts, even if it is not among those that are shown.
    create(&bench, "Newer").await;
    let answer = bench.call("search_cases", json!({"contact": MAREN, "limit": 1})).await;
    assert_eq!(answer.body["escalation"]["reason"], "high_priority_case");
}
