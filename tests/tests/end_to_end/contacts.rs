//! The four contact tools.

use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

fn names(found: &Value) -> Vec<&str> {
    let contacts = found["contacts"].as_array().unwrap().iter();
    contacts.filter_map(|contact| contact["name"].as_str()).collect()
}

#[tokio::test]
async fn a_contact_is_found_by_part_of_name_or_address() {
    let bench = Bench::start().await;
    for (query, expected) in [
        ("Maren Quist", vec!["Maren Quist"]),
        ("quist maren", vec!["Maren Quist"]),
        ("MAREN", vec!["Maren Quist"]),
        ("brandt", vec!["Jonas Brandt", "Zoë Brandt"]),
        ("zoe", vec!["Zoë Brandt"]),
        ("O'Rell", vec!["Siobhan O'Rell"]),
        ("northwind.example", vec!["Dario Velasco", "Maren Quist"]),
        ("@litware.example", vec!["Jonas Brandt", "Zoë Brandt"]),
        ("nobody of that name", vec![]),
    ] {
        let answer = bench.call("search_contacts", json!({"query": query})).await;
        assert_eq!(names(answer.result()), expected, "{query}");
    }
}

#[tokio::test]
async fn the_readme_shows_what_is_answered() {
    let readme = include_str!("../../../README.md");
    let block = |from: &str, to: &str| readme.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let arguments: Value = serde_json::from_str(block("-d '", "'\n")).unwrap();
    let bench = Bench::start().await;
    let shown =
        block("```json\n", "```").replace("http://127.0.0.1:3001", &bench.stack.emulator().url());
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(bench.call("get_contact_by_email", arguments).await.body, shown);
}

#[tokio::test]
async fn a_search_is_cut_and_says_that_there_is_more() {
    let bench = Bench::start().await;
    let (answer, trips) =
        bench.counted("search_contacts", json!({"query": "example", "limit": 3})).await;
    assert_eq!(names(answer.result()).len(), 3);
    assert_eq!(answer.result()["more"], true);
    assert_eq!(trips, 1);
}

#[tokio::test]
async fn a_contact_with_all_around_it_costs_one_trip() {
    let bench = Bench::start().await;
    let (by_email, trips) = bench.counted("get_contact", json!({"contact": MAREN})).await;
    let found = by_email.result();
    assert_eq!(found["contact"]["name"], "Maren Quist");
    assert!(found["contact"]["account"]["name"].is_string());
    assert!(!found["open_cases"].as_array().unwrap().is_empty(), "{found:#}");
    assert!(!found["open_opportunities"].as_array().unwrap().is_empty());
    assert!(!found["latest_activities"].as_array().unwrap().is_empty());
    assert_eq!(trips, 1);

    let id = &found["contact"]["id"];
    let (by_id, trips) = bench.counted("get_contact", json!({"contact": id})).await;
    assert_eq!(by_id.body, by_email.body);
    assert_eq!(trips, 1);
    let (by_name, trips) = bench.counted("get_contact", json!({"contact": "maren quist"})).await;
    assert_eq!(by_name.body, by_email.body);
    assert_eq!(trips, 1);
}

#[tokio::test]
async fn who_is_meant_must_be_clear() {
    let bench = Bench::start().await;
    // The two names only differ by accents, which the organization's language ignores.
    let answer = bench.call("get_contact", json!({"contact": "Lucia Ferran"})).await;
    let problem = answer.problem("ambiguous");
    let candidates = problem["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert!(candidates.iter().all(|one| one["id"].is_string() && one["detail"].is_string()));

    let answer = bench.call("get_contact", json!({"contact": "nobody@nowhere.example"})).await;
    assert!(answer.problem("not_found")["next_step"].as_str().unwrap().contains("search_contacts"));
    let unknown = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
    bench.call("get_contact", json!({"contact": unknown})).await.problem("not_found");
    let answer =
        bench.call("get_contact", json!({"contact": "5b4ced1c-88e1-4e11-904c-6045bd05e9dX"})).await;
    let problem = answer.problem("invalid_arguments");
    assert!(problem["detail"].as_str().unwrap().starts_with("contact: "), "{problem:#}");
}

#[tokio::test]
async fn the_exact_address_is_looked_up_alone() {
    let bench = Bench::start().await;
    let (answer, trips) = bench
        .counted("get_contact_by_email", json!({"email": "MAREN.quist@northwind.example"}))
        .await;
    assert_eq!(answer.result()["contact"]["name"], "Maren Quist");
    assert_eq!(trips, 1);

    let answer = bench.call("get_contact_by_email", json!({"email": "maren.quist@"})).await;
    answer.problem("invalid_arguments");
}

#[tokio::test]
async fn who_is_looked_up_brings_an_urgent_case_along() {
    let bench = Bench::start().await;
    let urgent = "\"CAS-01001-Q7W2E9\" is High and open";
    // Her own, and in a search that finds her alone.
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.body["escalation"]["detail"], urgent);
    let answer = bench.call("search_contacts", json!({"query": "Maren Quist"})).await;
    assert_eq!(answer.body["escalation"]["detail"], urgent);
    let answer = bench.call("search_contacts", json!({"query": "northwind.example"})).await;
    assert!(answer.body.get("escalation").is_none(), "{:#}", answer.body);
    // A colleague's: it is the company's that matters.
    let dario = "dario.velasco@northwind.example";
    let answer = bench.call("get_contact_by_email", json!({"email": dario})).await;
    assert_eq!(answer.body["escalation"]["detail"], urgent);
    let answer = bench.call("get_contact", json!({"contact": dario})).await;
    assert_eq!(answer.body["escalation"]["detail"], urgent);
    let account = bench.call("get_account", json!({"account": "northwind.example"})).await;
    let case = &account.result()["urgent_case"];
    assert_eq!(case["number"], "CAS-01001-Q7W2E9");
    assert!(case["subject"].is_string() && case["owner"]["name"].is_string(), "{case:#}");
    // Closed, it is none.
    let close = json!({"case": "CAS-01001-Q7W2E9", "status": "Canceled"});
    bench.call("update_case", close).await.result();
    let answer = bench.call("get_contact_by_email", json!({"email": dario})).await;
    assert!(answer.body.get("escalation").is_none(), "{:#}", answer.body);
    // That a new case is urgent is no news to who has opened it.
    let new = json!({"contact": dario, "subject": "s", "description": "d", "priority": "High"});
    let opened = bench.call("create_case", new.clone()).await;
    assert!(opened.body.get("escalation").is_none(), "{:#}", opened.body);
    let other = json!({"contact": dario, "subject": "t", "description": "d"});
    let other = bench.call("create_case", other).await;
    assert_eq!(other.body["escalation"]["reason"], "high_priority_case");
}

#[tokio::test]
async fn several_with_one_address_are_candidates() {
    let bench = Bench::start().await;
    let dario = bench.call("get_contact", json!({"contact": "Dario Velasco"})).await;
    let dario = dario.result()["contact"]["id"].as_str().unwrap().to_owned();
    bench.call("update_contact", json!({"contact": dario, "email": MAREN})).await.result();
    for (tool, arguments) in [
        ("get_contact_by_email", json!({"email": MAREN})),
        ("get_contact", json!({"contact": MAREN})),
        ("get_contact_cases", json!({"contact": MAREN})),
    ] {
        let (answer, trips) = bench.counted(tool, arguments).await;
        let problem = answer.problem("ambiguous");
        let candidates = problem["candidates"].as_array().unwrap();
        let mut names: Vec<_> =
            candidates.iter().map(|one| one["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Dario Velasco", "Maren Quist"], "{tool}");
        for one in candidates {
            assert!(one["id"].is_string() && one["url"].is_string(), "{one:#}");
            assert_eq!(one["detail"], format!("{MAREN}, Northwind Traders"), "{tool}");
        }
        assert!(problem["next_step"].as_str().unwrap().contains("with its id"), "{problem:#}");
        assert!(answer.body.get("escalation").is_none());
        assert_eq!(trips, 1, "{tool}");
    }
    // A deactivated contact is meant only where no other is.
    let deactivate = async |id: &str| {
        let row = json!({"statecode": 1, "statuscode": 2});
        bench.control("PATCH", &format!("rows/contacts/{id}"), Some(row)).await;
        bench.call("get_contact_by_email", json!({"email": MAREN})).await
    };
    let answer = deactivate(&dario).await;
    assert_eq!(answer.result()["contact"]["name"], "Maren Quist");
    assert!(answer.body.get("hints").is_none(), "{:#}", answer.body);
    let maren = answer.result()["contact"]["id"].as_str().unwrap().to_owned();
    deactivate(&maren).await.problem("ambiguous");
    let row = json!({"emailaddress1": "dario@northwind.example"});
    bench.control("PATCH", &format!("rows/contacts/{dario}"), Some(row)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["status"], "Inactive");
    assert!(answer.body["hints"][0].as_str().unwrap().contains("deactivated"));
}

#[tokio::test]
async fn an_update_says_what_it_changed() {
    let bench = Bench::start().await;
    let arguments =
        json!({"contact": MAREN, "phone": "+1 555 0199", "job_title": "Chief of Staff"});
    let (answer, trips) = bench.counted("update_contact", arguments.clone()).await;
    let changes = answer.result()["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["field"], "phone");
    assert_eq!(changes[0]["to"], "+1 555 0199");
    assert_eq!(trips, 2);

    let requests = bench.requests().await;
    assert_eq!(requests[1]["method"], "PATCH");
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["phone"], "+1 555 0199");

    // The second time, there is nothing to change, and nothing is sent.
    let (again, trips) = bench.counted("update_contact", arguments).await;
    assert_eq!(again.result()["changes"], json!([]));
    assert_eq!(trips, 1);
    let nothing = bench.call("update_contact", json!({"contact": MAREN})).await;
    nothing.problem("invalid_arguments");
}

#[tokio::test]
async fn an_update_of_an_unknown_id_makes_no_row() {
    let bench = Bench::start().await;
    let before = bench.rows("contacts").await.len();
    let unknown = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
    let answer = bench.call("update_contact", json!({"contact": unknown, "phone": "1"})).await;
    answer.problem("not_found");
    assert_eq!(bench.rows("contacts").await.len(), before);
}

#[tokio::test]
async fn an_apostrophe_of_a_phone_is_one() {
    let bench = Bench::start().await;
    let found = bench.call("search_contacts", json!({"query": "O’Rell"})).await;
    assert_eq!(found.result()["contacts"][0]["name"], "Siobhan O'Rell");
    let found = bench.call("get_contact", json!({"contact": "Siobhan O’Rell"})).await;
    assert_eq!(found.result()["contact"]["name"], "Siobhan O'Rell");
}

#[tokio::test]
async fn a_list_that_is_cut_to_one_is_not_one() {
    let bench = Bench::start().await;
    let all = bench.call("search_contacts", json!({"query": "northwind"})).await;
    assert!(all.result()["contacts"].as_array().unwrap().len() > 1);
    let cut = bench.call("search_contacts", json!({"query": "northwind", "limit": 1})).await;
    assert_eq!(
        (cut.result()["contacts"].as_array().unwrap().len(), &cut.result()["more"]),
        (1, &json!(true))
    );
    assert!(cut.body.get("escalation").is_none(), "{:#}", cut.body);
    assert!(cut.body["hints"][0].as_str().unwrap().starts_with("Several contacts match."));
}
