//! Records that were merged into others, and records that are not in use.

use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

const MASTER: &str = "dario.velasco@northwind.example";
const CASE: &str = "CAS-01001-Q7W2E9";
const CASE_OF_ZOE: &str = "CAS-01005-P8O1I4";

/// The id of the row with this value.
async fn id(bench: &Bench, set: &str, column: &str, value: &str) -> String {
    let key = if set == "incidents" { "incidentid" } else { "contactid" };
    let rows = bench.rows(set).await;
    let row = rows.iter().find(|row| row[column] == value);
    row.unwrap_or_else(|| panic!("{value}"))[key].as_str().unwrap().to_owned()
}

/// Merges the one row into the other, as Dataverse leaves the two.
async fn merge(bench: &Bench, set: &str, merged: &str, master: &str) {
    let (state, status) = if set == "incidents" { (2, 2000) } else { (1, 2) };
    let columns = json!({
        "masterid@odata.bind": format!("/{set}({master})"), "merged": true,
        "statecode": state, "statuscode": status,
    });
    bench.control("PATCH", &format!("rows/{set}/{merged}"), Some(columns)).await;
}

fn hint_of(body: &Value) -> &str {
    let hints = body["hints"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut hints = hints.iter().filter_map(Value::as_str);
    hints.find(|hint| hint.contains("was merged into")).unwrap_or_default()
}

#[tokio::test]
async fn a_merged_contact_stands_for_its_master() {
    let bench = Bench::start().await;
    let old = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let new = id(&bench, "contacts", "emailaddress1", MASTER).await;
    merge(&bench, "contacts", &old, &new).await;
    let (answer, trips) = bench.counted("get_contact", json!({"contact": old})).await;
    assert_eq!(answer.result()["contact"]["id"], new.as_str());
    assert_eq!(
        hint_of(&answer.body),
        "The contact \"Maren Quist\" was merged into the contact \"Dario Velasco\": this is about \
         that one."
    );
    assert_eq!(trips, 2);
    // By the address that only the merged one has.
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["id"], new.as_str());
    assert!(!hint_of(&answer.body).is_empty() && answer.result()["also"].is_null());
    // Both have it: there is only one person.
    let row = json!({"emailaddress2": MAREN});
    bench.control("PATCH", &format!("rows/contacts/{new}"), Some(row)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["id"], new.as_str());
    assert!(answer.result()["also"].is_null(), "{:#}", answer.body);

    // Writes go to the master.
    let change = json!({"contact": old, "job_title": "Head of Support"});
    let answer = bench.call("update_contact", change).await;
    assert_eq!(answer.result()["id"], new.as_str());
    assert!(!hint_of(&answer.body).is_empty(), "{:#}", answer.body);
    let note = json!({"record_type": "contact", "record": old, "text": "Called back."});
    // Nobody looks at a record whose id is given before a note is written on it.
    let (answer, trips) = bench.counted("create_note", note).await;
    assert!(answer.body["hints"].to_string().contains("write the note there, too"));
    assert_eq!((&answer.result()["regarding"]["id"], trips), (&json!(old), 1));
    let call = json!({"type": "call", "record_type": "contact", "record": old, "subject": "Call"});
    let answer = bench.call("create_activity", call).await;
    assert_eq!(answer.result()["regarding"]["id"], new.as_str());
    let rows = bench.rows("contacts").await;
    let row = |id: &str| rows.iter().find(|row| row["contactid"] == id).unwrap();
    assert_eq!(row(&new)["jobtitle"], "Head of Support");
    assert_ne!(row(&old)["jobtitle"], "Head of Support");
}

#[tokio::test]
async fn what_was_merged_twice_leads_to_the_last() {
    let bench = Bench::start().await;
    let first = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let second = id(&bench, "contacts", "emailaddress1", "zoe.brandt@litware.example").await;
    let third = id(&bench, "contacts", "emailaddress1", MASTER).await;
    merge(&bench, "contacts", &first, &second).await;
    merge(&bench, "contacts", &second, &third).await;
    let answer = bench.call("get_contact", json!({"contact": first})).await;
    assert_eq!(answer.result()["contact"]["id"], third.as_str());
    // A circle, which should not be, ends.
    merge(&bench, "contacts", &third, &first).await;
    bench.call("get_contact", json!({"contact": first})).await.problem("internal");
}

#[tokio::test]
async fn a_merged_case_is_named_and_not_reopened() {
    let bench = Bench::start().await;
    let old = id(&bench, "incidents", "ticketnumber", CASE_OF_ZOE).await;
    let new = id(&bench, "incidents", "ticketnumber", CASE).await;
    merge(&bench, "incidents", &old, &new).await;
    for reference in [CASE_OF_ZOE, &old] {
        let answer = bench.call("get_case", json!({"case": reference})).await;
        assert_eq!(answer.result()["case"]["number"], CASE);
        assert!(hint_of(&answer.body).contains("Webhook retries not sent"), "{:#}", answer.body);
        let change = json!({"case": reference, "status": "On Hold", "priority": "Low"});
        let answer = bench.call("update_case", change).await;
        assert_eq!(answer.result()["id"], new.as_str());
    }
    let rows = bench.rows("incidents").await;
    let row = |id: &str| rows.iter().find(|row| row["incidentid"] == id).unwrap();
    assert_eq!((&row(&old)["statecode"], &row(&old)["statuscode"]), (&json!(2), &json!(2000)));
    assert_eq!((&row(&new)["statuscode"], &row(&new)["prioritycode"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn what_was_merged_is_found_by_its_name_and_its_address() {
    let bench = Bench::start().await;
    let old = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let new = id(&bench, "contacts", "emailaddress1", MASTER).await;
    merge(&bench, "contacts", &old, &new).await;
    for reference in [MAREN, "Maren Quist"] {
        let answer = bench.call("get_contact", json!({"contact": reference})).await;
        assert_eq!(answer.result()["contact"]["id"], new.as_str(), "{reference}");
        assert!(!hint_of(&answer.body).is_empty(), "{reference}");
    }
    let before = bench.rows("contacts").await.len();
    let case = json!({"subject": "New", "description": "x",
        "new_contact": {"last_name": "Quist", "email": MAREN}});
    bench.call("create_case", case).await;
    assert_eq!(bench.rows("contacts").await.len(), before);
    // Dario has an urgent case by his company.
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert!(answer.body["escalation"].is_object(), "{:#}", answer.body);
}

#[tokio::test]
async fn nobody_learns_from_a_merge_what_is_not_theirs() {
    let bench = Bench::start().await;
    let old = id(&bench, "incidents", "ticketnumber", CASE_OF_ZOE).await;
    let new = id(&bench, "incidents", "ticketnumber", CASE).await;
    let note = |case: &str| json!({"record_type": "case", "record": case, "text": "Hello?"});
    let headers = [("authorization", format!("Bearer {}", stack::VISITOR_KEY))];
    let mut before = Vec::new();
    for case in [CASE_OF_ZOE, old.as_str()] {
        let trips = bench.requests().await.len();
        let answer = bench.send("create_note", note(case).to_string(), &headers).await;
        before.push((
            answer.status,
            answer.body["detail"].clone(),
            bench.requests().await.len() - trips,
        ));
    }
    merge(&bench, "incidents", &old, &new).await;
    for (case, before) in [CASE_OF_ZOE, old.as_str()].into_iter().zip(before) {
        let trips = bench.requests().await.len();
        let answer = bench.send("create_note", note(case).to_string(), &headers).await;
        let after =
            (answer.status, answer.body["detail"].clone(), bench.requests().await.len() - trips);
        assert_eq!(after, before, "{case}");
    }
    // Whose own case was merged into somebody else's still has it, as it is.
    let zoe = [headers[0].clone(), ("x-visitor-email", "zoe.brandt@litware.example".to_owned())];
    let answer = bench.send("get_case", json!({"case": CASE_OF_ZOE}).to_string(), &zoe).await;
    assert_eq!(answer.result()["case"]["number"], CASE_OF_ZOE);
    let change = json!({"case": CASE_OF_ZOE, "status": "In Progress"});
    bench.send("update_case", change.to_string(), &zoe).await.problem("invalid_arguments");
}

#[tokio::test]
async fn an_inactive_contact_says_so_by_id_and_by_email() {
    let bench = Bench::start().await;
    let contact = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let off = json!({"statecode": 1, "statuscode": 2});
    bench.control("PATCH", &format!("rows/contacts/{contact}"), Some(off)).await;
    let hint = "This contact has been deactivated in the CRM.";
    for (tool, arguments) in [
        ("get_contact", json!({"contact": contact})),
        ("get_contact_by_email", json!({"email": MAREN})),
    ] {
        let answer = bench.call(tool, arguments).await;
        assert!(answer.body["hints"].to_string().contains(hint), "{tool}: {:#}", answer.body);
    }
}

/// One person who was found twice, and one who came together from three.
#[tokio::test]
async fn several_that_were_merged_into_one_are_that_one() {
    let bench = Bench::start().await;
    let old = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let other = id(&bench, "contacts", "emailaddress1", "jonas.brandt@litware.example").await;
    let new = id(&bench, "contacts", "emailaddress1", MASTER).await;
    let shared = json!({"emailaddress1": MAREN, "firstname": "Maren", "lastname": "Quist",
        "fullname": "Maren Quist"});
    bench.control("PATCH", &format!("rows/contacts/{other}"), Some(shared)).await;
    for merged in [&old, &other] {
        merge(&bench, "contacts", merged, &new).await;
    }
    for reference in [MAREN, "Maren Quist"] {
        let answer = bench.call("get_contact", json!({"contact": reference})).await;
        assert_eq!(answer.result()["contact"]["id"], new.as_str(), "{reference}");
    }
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["id"], new.as_str());
    let case = json!({"subject": "New", "description": "x",
        "new_contact": {"last_name": "Quist", "email": MAREN}});
    let made = bench.call("create_case", case).await;
    let number = made.result()["case"]["number"].as_str().unwrap();
    let rows = bench.rows("incidents").await;
    let row = rows.iter().find(|row| row["ticketnumber"] == number).unwrap();
    let of_master = [&row["_customerid_value"], &row["_primarycontactid_value"]];
    assert!(of_master.iter().any(|id| **id == json!(new)), "{row:#}");
}

#[tokio::test]
async fn the_sidebar_is_about_the_master() {
    let bench = Bench::start().await;
    let old = id(&bench, "contacts", "emailaddress1", MAREN).await;
    let new = id(&bench, "contacts", "emailaddress1", MASTER).await;
    merge(&bench, "contacts", &old, &new).await;
    for reference in [old.as_str(), MAREN] {
        let path = format!("/v1/connections/default/sidebar?contact={reference}");
        let sidebar = bench.request("GET", &path, None).await.body;
        assert!(sidebar["fields"].to_string().contains("Dario"), "{sidebar:#}");
        assert!(!hint_of(&sidebar).is_empty(), "{sidebar:#}");
    }
}

#[tokio::test]
async fn a_merged_company_does_not_hide_its_master() {
    let bench = Bench::start().await;
    let rows = bench.rows("accounts").await;
    let id = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        row["accountid"].as_str().unwrap().to_owned()
    };
    let (old, new) = (id("Alpine Ski House"), id("Coho Winery"));
    // Nobody confuses the company with one of a longer name, be it there twice or not.
    for (id, name) in [(id("Adventure Works"), "Coho Winery North"), (old.clone(), "Coho Winery")] {
        let answer = bench.call("get_account", json!({"account": "Coho Winery"})).await;
        assert_eq!(answer.result()["account"]["id"], new.as_str());
        let name = json!({ "name": name });
        bench.control("PATCH", &format!("rows/accounts/{id}"), Some(name)).await;
    }
    bench.call("get_account", json!({"account": "Coho Winery"})).await.problem("ambiguous");
    merge(&bench, "accounts", &old, &new).await;
    let answer = bench.call("get_account", json!({"account": "Coho Winery"})).await;
    assert_eq!(answer.result()["account"]["id"], new.as_str());
    let answer = bench.call("get_account", json!({"account": old})).await;
    assert_eq!(answer.result()["account"]["id"], new.as_str());
    assert!(!hint_of(&answer.body).is_empty());
}
