//! The three lead tools.

use serde_json::{Value, json};

use crate::harness::{Answer, Bench};

/// An open lead of the sample. No contact has its email address.
const NADIA: &str = "nadia@tailspin.example";
/// An open lead. The contact Kenji Aramoto has the same email address.
const KENJI: &str = "kenji.aramoto@fabrikam.example";

fn lead(last_name: &str, company: &str, email: Value) -> Value {
    json!({"last_name": last_name, "company": company, "email": email, "topic": "Forty seats"})
}

fn names(found: &Value) -> Vec<&str> {
    found["leads"].as_array().unwrap().iter().filter_map(|lead| lead["name"].as_str()).collect()
}

#[tokio::test]
async fn a_lead_is_found_by_name_email_company_and_source() {
    let bench = Bench::start().await;
    for (arguments, expected) in [
        (json!({"query": "ferreol"}), vec!["Nadia Ferreol"]),
        (json!({"query": "Nadia Tailspin"}), vec!["Nadia Ferreol"]),
        (json!({"query": NADIA}), vec!["Nadia Ferreol"]),
        (json!({"query": "proseware"}), vec!["Yuki Tanemura"]),
        (json!({"source": "Seminar"}), vec!["Femi Adewale"]),
        (json!({"status": "disqualified"}), vec!["Yuki Tanemura"]),
        (json!({"query": "proseware", "status": "open"}), vec![]),
        (json!({"query": "O'Brien"}), vec![]),
    ] {
        let (answer, trips) = bench.counted("search_leads", arguments.clone()).await;
        assert_eq!(names(answer.result()), expected, "{arguments}");
        assert_eq!(trips, 1);
    }
    bench.call("search_leads", json!({"limit": 3})).await.problem("invalid_arguments");
}

#[tokio::test]
async fn a_lead_is_made_once() {
    let bench = Bench::start().await;
    let arguments = json!({
        "last_name": "O'Brien", "first_name": "Zoë", "company": "Lakeside Clinics, Inc.",
        "email": "zoe@lakeside.example", "phone": "+1 503 555 0182", "topic": "60 seats",
        "source": "trade show", "description": "Budget is approved.",
    });
    let (first, trips) = bench.counted("create_lead", arguments).await;
    let made = first.result();
    assert_eq!(made["created"], true);
    assert_eq!(made["lead"]["name"], "Zoë O'Brien");
    assert_eq!(made["lead"]["status"], "New");
    assert_eq!(made["lead"]["source"], "Trade Show");
    assert_eq!(trips, 2);

    // They have the same address, or the same name and company, with or without its legal form.
    for again in [
        lead("Somebody", "Elsewhere", json!("ZOE@lakeside.example")),
        lead("o'brien", "Lakeside Clinics", Value::Null),
    ] {
        let answer = bench.call("create_lead", again).await;
        assert_eq!(answer.result()["created"], false);
        assert_eq!(answer.result()["lead"]["id"], made["lead"]["id"]);
        assert_eq!(answer.body["hints"].as_array().unwrap().len(), 1);
    }
    let other = bench.call("create_lead", lead("O'Brien", "Seaside Clinics", Value::Null)).await;
    assert_eq!(other.result()["created"], true);

    let mut second = lead("O'Brien", "Lakeside Clinics", json!("zoe@lakeside.example"));
    second["allow_duplicate"] = true.into();
    let second = bench.call("create_lead", second).await;
    assert_eq!(second.result()["created"], true);
    assert_eq!(bench.count("leads", "emailaddress1", "zoe@lakeside.example").await, 2);

    // Leads from a chat have the source "Web", and a topic.
    let bare = bench.call("create_lead", json!({"last_name": "Bare", "company": "Bones"})).await;
    assert_eq!(bare.result()["lead"]["source"], "Web");
    assert_eq!(bare.result()["lead"]["topic"], "Chat with Bones");
}

#[tokio::test]
async fn a_visitor_who_is_a_contact_is_known() {
    let bench = Bench::start().await;
    let arguments = lead("Diallo", "Coho Winery", json!("amara.diallo@cohowinery.example"));
    let answer = bench.call("create_lead", arguments).await;
    assert_eq!(answer.result()["created"], true);
    let contact = bench
        .call("get_contact_by_email", json!({"email": "amara.diallo@cohowinery.example"}))
        .await;
    let id = contact.result()["contact"]["id"].as_str().unwrap();
    assert!(answer.body["hints"][0].as_str().unwrap().contains(id), "{:#}", answer.body);
}

#[tokio::test]
async fn what_a_lead_needs_is_asked_for() {
    let bench = Bench::start().await;
    for (arguments, named) in [
        (json!({"company": "Lakeside"}), "last_name"),
        (json!({"last_name": "Okafor"}), "company"),
        (json!({"last_name": " ", "company": "Lakeside"}), "last_name"),
        (json!({"last_name": "O", "company": "L", "email": "not an address"}), "email"),
        (json!({"last_name": "O", "company": "L", "source": "Carrier Pigeon"}), "Word of Mouth"),
    ] {
        let answer = bench.call("create_lead", arguments).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem:#}");
    }
}

#[tokio::test]
async fn a_lead_whose_answer_is_lost_is_one_row() {
    let bench = Bench::start().await;
    for (last_name, kind, after_commit) in [
        ("Before", "drop", false),
        ("After", "drop", true),
        ("Unavailable", "unavailable", true),
        ("Refused", "unauthorized", false),
    ] {
        bench
            .fault(json!({
                "method": "POST", "path": "/leads", "kind": kind, "after_commit": after_commit,
                "times": 1, "retry_after": 0,
            }))
            .await;
        let email = format!("{last_name}@lost.example");
        let arguments = lead(last_name, "Lost & Found", json!(email));
        let answer = bench.call("create_lead", arguments).await;
        assert_eq!(answer.result()["created"], true, "{last_name}");
        assert_eq!(bench.count("leads", "lastname", last_name).await, 1);
    }
    let header = [("idempotency-key", "lead-1")];
    let first = bench.call_with("create_lead", lead("Twice", "A", Value::Null), &header).await;
    let lost = json!({"lead": first.result()["lead"]["id"], "status": "Lost"});
    bench.call("update_lead", lost).await.result();
    let second = bench.call_with("create_lead", lead("Twice", "A", Value::Null), &header).await;
    assert_eq!(second.result()["created"], false);
    assert_eq!(second.result()["lead"]["id"], first.result()["lead"]["id"]);
}

#[tokio::test]
async fn the_organizations_own_rules_name_the_duplicate() {
    let bench = Bench::start().await;
    let rule = json!({
        "table": "lead", "matching": "contact", "columns": [["telephone1", "telephone1"]],
    });
    bench.control("PUT", "duplicate-rules", Some(json!({"rules": [rule]}))).await;
    let mut arguments = lead("Quist", "Elsewhere", Value::Null);
    arguments["phone"] = "+1 206 555 0120".into();
    let answer = bench.call("create_lead", arguments.clone()).await;
    let problem = answer.problem("duplicate");
    assert_eq!(problem["candidates"][0]["name"], "Maren Quist");
    assert_eq!(problem["dataverse"]["code"], "0x80040333");
    assert_eq!(problem["write"], "not_happened");
    assert_eq!(bench.count("leads", "companyname", "Elsewhere").await, 0);

    arguments["allow_duplicate"] = true.into();
    let answer = bench.call("create_lead", arguments).await;
    assert_eq!(answer.result()["created"], true);
}

async fn update(bench: &Bench, lead: &Value, mut arguments: Value) -> Answer {
    arguments["lead"] = lead.clone();
    bench.call("update_lead", arguments).await
}

#[tokio::test]
async fn a_lead_goes_through_its_life() {
    let bench = Bench::start().await;
    let bram = json!("bram@woodgrove.example");
    let (answer, trips) = bench
        .counted(
            "update_lead",
            json!({"lead": "Bram Osterveld", "rating": "Warm", "phone": "+31 20 555 0199"}),
        )
        .await;
    assert_eq!(
        answer.result()["changes"],
        json!([
            {"field": "rating", "from": "Hot", "to": "Warm"},
            {"field": "phone", "from": "+31 20 555 0152", "to": "+31 20 555 0199"},
        ])
    );
    assert_eq!(trips, 2);
    let id = answer.result()["id"].clone();
    let (answer, trips) = bench.counted("update_lead", json!({"lead": id, "status": "New"})).await;
    assert_eq!(answer.result()["changes"][0]["from"], "Contacted");
    assert_eq!(trips, 2);

    let answer = update(&bench, &bram, json!({"status": "No Longer Interested"})).await;
    assert_eq!(answer.result()["changes"][0]["to"], "No Longer Interested");
    let answer = update(&bench, &id, json!({"rating": "Hot"})).await;
    assert!(answer.problem("already_closed")["next_step"].as_str().unwrap().contains("New"));
    update(&bench, &id, json!({"status": "Lost"})).await.problem("already_closed");
    let answer = update(&bench, &id, json!({"status": "No Longer Interested"})).await;
    assert_eq!(answer.result()["changes"], json!([]));

    // An open status reopens the lead before the other changes are made.
    let answer = update(&bench, &id, json!({"status": "Contacted", "rating": "Hot"})).await;
    assert_eq!(answer.result()["changes"].as_array().unwrap().len(), 2);
    let row = bench.rows("leads").await.into_iter().find(|row| row["leadid"] == id).unwrap();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(0), &json!(2)));
    assert_eq!(row["leadqualitycode"], 1);

    update(&bench, &id, json!({})).await.problem("invalid_arguments");
    update(&bench, &json!("Nobody"), json!({"rating": "Hot"})).await.problem("not_found");
}

#[tokio::test]
async fn qualifying_makes_contact_account_and_opportunity() {
    let bench = Bench::start().await;
    let (answer, trips) = bench
        .counted(
            "update_lead",
            json!({"lead": NADIA, "status": "Qualified", "topic": "50 seats, signed"}),
        )
        .await;
    let result = answer.result();
    assert_eq!(trips, 2);
    assert_eq!(result["changes"].as_array().unwrap().len(), 2);
    let qualified = &result["qualified"];
    assert_eq!(qualified["contact"]["name"], "Nadia Ferreol");
    assert_eq!(qualified["account"]["name"], "Tailspin Toys");
    let contact = bench.call("get_contact", json!({"contact": NADIA})).await;
    let contact = contact.result();
    assert_eq!(contact["contact"]["id"], qualified["contact"]["id"]);
    assert_eq!(contact["contact"]["account"]["id"], qualified["account"]["id"]);
    assert_eq!(contact["open_opportunities"][0]["id"], qualified["opportunity"]["id"]);
    assert_eq!(contact["open_opportunities"][0]["name"], "50 seats, signed");

    let answer = update(&bench, &json!(NADIA), json!({"status": "Qualified"})).await;
    assert_eq!(answer.result()["changes"], json!([]));
    for closed in [json!({"status": "Lost"}), json!({"status": "New"}), json!({"topic": "More"})] {
        update(&bench, &json!(NADIA), closed).await.problem("already_closed");
    }
}

#[tokio::test]
async fn a_lead_is_qualified_once_even_if_the_answer_is_lost() {
    for bench in Bench::start_both().await {
        for (kind, after_commit) in [("drop", true), ("unavailable", true)] {
            bench.control("POST", "reset", None).await;
            bench
                .fault(json!({
                    "method": "POST", "path": "/leads", "kind": kind, "after_commit": after_commit,
                    "times": 1, "retry_after": 0,
                }))
                .await;
            let answer = update(&bench, &json!(NADIA), json!({"status": "Qualified"})).await;
            assert_eq!(answer.result()["qualified"]["account"]["name"], "Tailspin Toys", "{kind}");
            assert_eq!(bench.count("contacts", "emailaddress1", NADIA).await, 1);
            assert_eq!(bench.count("accounts", "name", "Tailspin Toys").await, 1);
        }
        // The request was not carried out, which is known, so nothing is sent again.
        bench.control("POST", "reset", None).await;
        bench.fault(json!({"method": "POST", "path": "/leads", "kind": "drop", "times": 1})).await;
        let answer = update(&bench, &json!(NADIA), json!({"status": "Qualified"})).await;
        assert_eq!(answer.problem("dynamics_unavailable")["write"], "not_happened");
        assert_eq!(bench.count("contacts", "emailaddress1", NADIA).await, 0);
    }
}

#[tokio::test]
async fn a_lead_of_somebody_who_is_known_becomes_part_of_what_is_there() {
    let bench = Bench::start().await;
    let contacts = bench.rows("contacts").await.len();
    let accounts = bench.rows("accounts").await.len();
    let answer = update(&bench, &json!(KENJI), json!({"status": "Qualified"})).await;
    let qualified = &answer.result()["qualified"];
    assert_eq!(qualified["contact"]["name"], "Kenji Aramoto");
    assert_eq!(qualified["account"]["name"], "Fabrikam, Inc.");
    assert_eq!(bench.rows("contacts").await.len(), contacts);
    assert_eq!(bench.rows("accounts").await.len(), accounts);
    let hint = answer.body["hints"][0].as_str().unwrap();
    assert!(hint.contains("in the CRM already"), "{hint}");
    let opportunity =
        bench.call("get_opportunity", json!({"opportunity": qualified["opportunity"]["id"]})).await;
    let opportunity = &opportunity.result()["opportunity"];
    assert_eq!(opportunity["contact"]["id"], qualified["contact"]["id"]);
    assert_eq!(opportunity["account"]["id"], qualified["account"]["id"]);
}

#[tokio::test]
async fn a_lead_that_may_be_one_of_several_is_for_a_person() {
    let bench = Bench::start().await;
    // A second contact has the lead's address.
    let twin = json!({"contact": "Siobhan O'Rell", "email": KENJI});
    bench.call("update_contact", twin).await.result();
    let answer = update(&bench, &json!(KENJI), json!({"status": "Qualified"})).await;
    let problem = answer.problem("duplicate");
    assert_eq!(problem["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(bench.count("leads", "emailaddress1", KENJI).await, 1);
    let rows = bench.rows("leads").await;
    let row = rows.iter().find(|row| row["emailaddress1"] == KENJI).unwrap();
    assert_eq!(row["statecode"], 0);
}

#[tokio::test]
async fn a_lead_is_qualified_as_who_the_same_call_says_it_is() {
    let bench = Bench::start().await;
    // The account gets the company's new name.
    let renamed = json!({"status": "Qualified", "company": "Tailspin Toys AG"});
    let answer = update(&bench, &json!(NADIA), renamed).await;
    assert_eq!(answer.result()["qualified"]["account"]["name"], "Tailspin Toys AG");
    assert_eq!(bench.count("accounts", "name", "Tailspin Toys AG").await, 1);

    // Another contact has the address that the lead had.
    let corrected = json!({
        "status": "Qualified", "email": "amara.diallo@cohowinery.example", "company": "Coho Winery",
    });
    let answer = update(&bench, &json!(KENJI), corrected).await;
    let qualified = &answer.result()["qualified"];
    assert_eq!(qualified["contact"]["name"], "Amara Diallo");
    assert_eq!(qualified["account"]["name"], "Coho Winery");
}

#[tokio::test]
async fn two_leads_of_one_person_are_told_apart() {
    let bench = Bench::start().await;
    update(&bench, &json!(NADIA), json!({"status": "Lost"})).await.result();
    let mut again = lead("Ferreol", "Tailspin Toys", json!(NADIA));
    again["first_name"] = "Nadia".into();
    assert_eq!(bench.call("create_lead", again).await.result()["created"], true);
    // Only one of them is open: it is meant by the address.
    let answer = update(&bench, &json!(NADIA), json!({"rating": "Hot"})).await;
    let rows = bench.rows("leads").await;
    let row = rows.iter().find(|row| row["leadid"] == answer.result()["id"]).unwrap();
    assert_eq!(row["statecode"], 0);
    // A name may be that of two people.
    let answer = update(&bench, &json!("Nadia Ferreol"), json!({"rating": "Cold"})).await;
    let candidates = answer.problem("ambiguous")["candidates"].as_array().unwrap();
    let mut details: Vec<_> =
        candidates.iter().map(|candidate| candidate["detail"].as_str().unwrap()).collect();
    details.sort_unstable();
    assert_eq!(
        details,
        [
            "Tailspin Toys, nadia@tailspin.example, Lost",
            "Tailspin Toys, nadia@tailspin.example, New",
        ]
    );
    // Two that are open are for a person, and so are two that are closed.
    update(&bench, &row["leadid"], json!({"status": "Lost"})).await.result();
    let answer = update(&bench, &json!(NADIA), json!({"rating": "Warm"})).await;
    answer.problem("ambiguous");
}

#[tokio::test]
async fn what_a_prospect_says_later_is_kept() {
    let bench = Bench::start().await;
    let words = "Budget 5,000; decides in May, with the board.";
    let change = json!({"lead": "Nadia Ferreol", "description": words});
    let answer = bench.call("update_lead", change).await;
    assert_eq!(answer.result()["changes"][0]["to"], words);
    let clear = json!({"lead": "Nadia Ferreol", "clear": ["description"]});
    bench.call("update_lead", clear).await.result();
    let leads = bench.rows("leads").await;
    let lead = leads.iter().find(|row| row["lastname"] == "Ferreol").unwrap();
    assert!(lead["description"].is_null(), "{lead:#}");
}
