//! POST: the values of a new row, and the refusals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Emulated;

const MAREN: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const ZOE: &str = "60ffa158-6493-594f-a4ba-b5efa0f7856d";
const LITWARE: &str = "31c1b589-e0f1-51ca-a0f9-94b2913f78f7";
const KEY: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

/// Asserts a refusal by its code and a part of its message. The rest of the message names rows and
/// types.
#[track_caller]
pub fn refused(answer: &crate::harness::Answer, status: u16, code: &str, part: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body["error"]["code"], code, "{answer:?}");
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains(part), "{message}");
}

#[tokio::test]
async fn a_create_answers_with_the_address_of_the_row() {
    let emulated = Emulated::start().await;
    let answer = emulated.post("contacts", json!({"firstname": "Ada", "lastname": "Byron"})).await;
    answer.expect(204);
    assert_eq!(answer.text, "");
    let address = answer.header("odata-entityid");
    assert_eq!(answer.header("location"), address);
    assert!(address.starts_with(&format!("{}/contacts(", emulated.api())), "{address}");
    let row = emulated.follow(address, &[]).await;
    let row = row.expect(200);
    assert_eq!(row["fullname"], "Ada Byron");
    assert_eq!(row["statecode"], 0);
    assert_eq!(row["statuscode"], 1);
    assert_eq!(row["donotemail"], false);
    assert_eq!(row["_createdby_value"], "13e151d3-145a-5574-8ada-338f91277337");
    assert_eq!(row["_ownerid_value"], row["_createdby_value"]);
    assert_eq!(row["createdon"], row["modifiedon"]);
}

#[tokio::test]
async fn a_representation_comes_with_the_columns_asked_for() {
    let emulated = Emulated::start().await;
    let body = json!({"lastname": "Byron", "parentcustomerid_account@odata.bind": format!("/accounts({LITWARE})")});
    let path = "contacts?$select=lastname&$expand=parentcustomerid_account($select=name)";
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, path, &headers, body).await;
    let row = answer.expect(201);
    assert_eq!(answer.header("preference-applied"), "return=representation");
    assert!(answer.headers.get("odata-entityid").is_none());
    assert_eq!(row["lastname"], "Byron");
    assert_eq!(row["parentcustomerid_account"]["name"], "Litware, Inc.");
    assert!(row.get("emailaddress1").is_none());
    assert!(row["@odata.etag"].as_str().unwrap().starts_with("W/\""));
}

#[tokio::test]
async fn the_same_key_creates_once() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    let body = json!({"contactid": KEY, "lastname": "Byron"});
    let first = emulated.post("contacts", body.clone()).await;
    assert!(first.header("odata-entityid").ends_with(&format!("contacts({KEY})")));
    let second = emulated.post("contacts", body).await;
    second.refused(412, "0x80040237", "A record with matching key values already exists.");
    assert_eq!(emulated.count("contacts").await, before + 1);
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_and_leave_nothing() {
    let emulated = Emulated::start().await;
    let before = emulated.count("incidents").await;
    let customer = format!("/contacts({ZOE})");
    let with = |extra: Value| {
        let mut body = json!({"title": "x", "customerid_contact@odata.bind": customer});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let missing = "Entity 'contact' With Id = 0f0e0d0c-0b0a-4908-8706-050403020100 Does Not Exist";
    for (body, status, code, part) in [
        (
            with(json!({"foo": 1})),
            400,
            "0x80048d19",
            "The property 'foo' does not exist on type 'Microsoft.Dynamics.CRM.incident'.",
        ),
        (
            json!({"customerid@odata.bind": customer}),
            400,
            "0x80048d19",
            "An undeclared property 'customerid' which only has property annotations",
        ),
        (
            with(json!({"title": 5})),
            400,
            "0x80048d19",
            "Cannot convert the literal '5' to the expected type 'Edm.String'.",
        ),
        (
            with(json!({"prioritycode": "High"})),
            400,
            "0x80048d19",
            "Error identified in Payload provided by the user for Entity :'incidents'",
        ),
        (
            with(json!({"title": "x".repeat(201)})),
            400,
            "0x80044331",
            "The length of the 'title' attribute of the 'incident' entity exceeded the maximum allowed length of '200'.",
        ),
        (
            with(json!({"prioritycode": 4})),
            400,
            "0x8004431a",
            "The value 4 of 'prioritycode' on record of type 'incident' is outside the valid range. Accepted Values: 1,2,3",
        ),
        (
            with(json!({"description": "a\u{8}b"})),
            400,
            "0x80040278",
            "Invalid character in field 'description'",
        ),
        (
            with(json!({"statuscode": 5})),
            400,
            "0x80048408",
            "5 is not a valid status code for state code IncidentState.Active on incident with Id",
        ),
        (
            with(json!({"statecode": 1, "statuscode": 5})),
            400,
            "0x80048408",
            "5 is not a valid status code for state code IncidentState.Active",
        ),
        (
            json!({"title": "x"}),
            400,
            "0x80044410",
            "You should specify a parent contact or account.",
        ),
        (
            with(json!({"customerid_account@odata.bind": format!("/accounts({LITWARE})")})),
            400,
            "0x8004440f",
            "but not both",
        ),
        (
            with(json!({"primarycontactid@odata.bind": customer})),
            400,
            "0x8004f865",
            "doesn't belong to the contact that was specified",
        ),
        (
            json!({"title": "x", "customerid_account@odata.bind": format!("/accounts({LITWARE})"), "primarycontactid@odata.bind": format!("/contacts({MAREN})")}),
            400,
            "0x8004f864",
            "doesn't belong to the account selected",
        ),
        (
            json!({"title": "x", "customerid_contact@odata.bind": format!("/contacts({KEY})")}),
            404,
            "0x80040217",
            missing,
        ),
    ] {
        let answer = emulated.post("incidents", body).await;
        refused(&answer, status, code, part);
    }
    assert_eq!(emulated.count("incidents").await, before);
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let emulated = Emulated::start().await;
    for (body, content_type, status) in [
        ("{\"lastname\": ", "application/json", 400),
        ("[]", "application/json", 400),
        ("", "application/json", 400),
        ("lastname=Byron", "application/x-www-form-urlencoded", 415),
    ] {
        let request = emulated
            .request(Method::POST, "contacts")
            .header("content-type", content_type)
            .body(body);
        let answer = crate::harness::send(request).await.unwrap();
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn numbers_and_defaults_of_a_case_are_made_up() {
    let emulated = Emulated::start().await;
    let body = json!({"title": "x", "customerid_account@odata.bind": format!("accounts({LITWARE})"), "primarycontactid@odata.bind": format!("{}/contacts({ZOE})", emulated.api())});
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, "incidents", &headers, body).await;
    let row = answer.expect(201);
    let number = row["ticketnumber"].as_str().unwrap();
    assert!(number.starts_with("CAS-01009-") && number.len() == 16, "{number}");
    assert_eq!(row["prioritycode"], 2);
    assert_eq!(row["_customerid_value"], LITWARE);
    assert_eq!(row["_accountid_value"], LITWARE);
    assert_eq!(row["_contactid_value"], Value::Null);
}

#[tokio::test]
async fn what_nobody_may_write_is_passed_over() {
    let emulated = Emulated::start().await;
    let body = json!({"lastname": "Byron", "fullname": "Other", "createdon": "2001-01-01T00:00:00Z", "versionnumber": 5});
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, "contacts", &headers, body).await;
    let row = answer.expect(201);
    assert_eq!(row["fullname"], "Byron");
    assert!(!row["createdon"].as_str().unwrap().starts_with("2001"));
    let lookup = emulated.post("contacts", json!({"_ownerid_value": ZOE})).await;
    lookup.refused(
        400,
        "0x80060888",
        "CRM do not support direct update of Entity Reference properties, Use Navigation \
         properties instead.",
    );
}

#[tokio::test]
async fn related_rows_are_created_along_with_a_row_or_not_at_all() {
    let emulated = Emulated::start().await;
    let body = json!({
        "name": "Deep Ltd",
        "primarycontactid": {"firstname": "Ada", "lastname": "Byron"},
        "contact_customer_accounts": [{"lastname": "First"}, {"lastname": "Second"}],
    });
    let path = "accounts?$expand=primarycontactid($select=fullname),contact_customer_accounts($select=fullname)";
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, path, &headers, body.clone()).await;
    let row = answer.expect(201);
    assert_eq!(row["primarycontactid"]["fullname"], "Ada Byron");
    assert_eq!(row["contact_customer_accounts"].as_array().unwrap().len(), 2);

    let (accounts, contacts) = (emulated.count("accounts").await, emulated.count("contacts").await);
    let mut bad = body;
    bad["contact_customer_accounts"][1]["lastname"] = "x".repeat(51).into();
    refused(&emulated.post("accounts", bad).await, 400, "0x80044331", "'lastname'");
    assert_eq!(emulated.count("accounts").await, accounts);
    assert_eq!(emulated.count("contacts").await, contacts);
}

#[tokio::test]
async fn duplicates_are_found_only_when_asked_for() {
    let emulated = Emulated::start().await;
    let body = json!({"lastname": "Other", "emailaddress1": "MAREN.quist@northwind.example"});
    let detect = [("MSCRM.SuppressDuplicateDetection", "false")];
    let answer = emulated.write(Method::POST, "contacts", &detect, body.clone()).await;
    answer.refused(
        412,
        "0x80040333",
        "A record was not created or updated because a duplicate of the current record already \
         exists.",
    );
    let suppress = [("MSCRM.SuppressDuplicateDetection", "true")];
    emulated.write(Method::POST, "contacts", &suppress, body.clone()).await.expect(204);
    emulated.post("contacts", body).await.expect(204);
    let other = json!({"lastname": "Nobody", "emailaddress1": "nobody@nowhere.example"});
    emulated.write(Method::POST, "contacts", &detect, other).await.expect(204);
}

#[tokio::test]
async fn an_organization_adds_rules_of_its_own() {
    let emulated = Emulated::start().await;
    let detect = [("MSCRM.SuppressDuplicateDetection", "false")];
    let lead = |email: &str| json!({"lastname": "Quist", "emailaddress1": email});
    let maren = lead("maren.quist@northwind.example");
    let post = |body: Value| emulated.write(Method::POST, "leads", &detect, body);
    post(maren.clone()).await.expect(204);
    let first = emulated.key("leads", "lastname eq 'Quist'").await;
    emulated.delete(&format!("leads({first})")).await.expect(204);

    let rules = json!({"rules": [
        {"table": "lead", "matching": "contact", "columns": [["emailaddress1", "emailaddress1"]]},
        {"table": "lead", "matching": "account",
         "columns": [["companyname", "name"], ["address1_city", "address1_city"]]},
    ]});
    emulated.control(Method::PUT, "duplicate-rules", rules).await;
    refused(&post(maren.clone()).await, 412, "0x80040333", "a duplicate of the current record");
    emulated.post("leads", maren.clone()).await.expect(204);
    // All columns of a rule must match, with or without an index. The rules from the start stay.
    let with = |company: &str, city: &str| json!({"lastname": "x", "companyname": company, "address1_city": city});
    post(with("Northwind Traders", "Tacoma")).await.expect(204);
    let both = post(with("northwind traders", "Seattle")).await;
    refused(&both, 412, "0x80040333", "a duplicate of the current record");
    let twin = post(lead("nadia@tailspin.example")).await;
    refused(&twin, 412, "0x80040333", "a duplicate of the current record");
    // An inactive contact is not a duplicate.
    post(lead("wren.halloran@fabrikamresidences.example")).await.expect(204);

    emulated.control(Method::PUT, "duplicate-rules", json!({"rules": []})).await;
    post(with("Northwind Traders", "Seattle")).await.expect(204);
}

#[tokio::test]
async fn what_cannot_be_created_is_refused() {
    let emulated = Emulated::start().await;
    for set in ["activitypointers", "activityparties"] {
        let answer = emulated.post(set, json!({})).await;
        refused(&answer, 400, "0x80040800", "The 'Create' method does not support");
    }
    let answer = emulated.post("contactss", json!({})).await;
    answer.refused(404, "0x80060888", "Resource not found for the segment 'contactss'.");
    let answer = emulated.post(&format!("contacts({ZOE})"), json!({})).await;
    assert_eq!(answer.status, 405, "{answer:?}");
}

#[tokio::test]
async fn a_note_is_about_a_row_of_any_table_if_it_is_there() {
    let emulated = Emulated::start().await;
    let headers = [("prefer", "return=representation,odata.include-annotations=\"*\"")];
    for (table, set, id, name) in [
        ("contact", "contacts", ZOE, "Zoë Brandt"),
        ("account", "accounts", LITWARE, "Litware, Inc."),
        ("lead", "leads", "623250d8-ed83-5253-80ef-176f9cb02e4a", "Nadia Ferreol"),
        (
            "opportunity",
            "opportunities",
            "c0a5c8c7-404a-55b4-9c8e-d5786a203a62",
            "Litware – renewal 2026",
        ),
        (
            "incident",
            "incidents",
            "99cd5b72-d11b-5441-8fb4-9479925d4bcf",
            "Cannot sign in to portal",
        ),
    ] {
        let bind = format!("objectid_{table}@odata.bind");
        let mut note = json!({"subject": "Chat", "notetext": "Asked about dates."});
        note[&bind] = format!("/{set}({id})").into();
        let path = "annotations?$select=subject,_objectid_value";
        let answer = emulated.write(Method::POST, path, &headers, note.clone()).await;
        let row = answer.expect(201);
        assert_eq!(row["_objectid_value"], id);
        assert_eq!(row["_objectid_value@OData.Community.Display.V1.FormattedValue"], name);
        assert_eq!(row["_objectid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], table);
        assert!(row.get("notetext").is_none());
        note[&bind] = format!("/{set}({KEY})").into();
        let part = format!("Entity '{table}' With Id = {KEY} Does Not Exist");
        refused(&emulated.post("annotations", note).await, 404, "0x80040217", &part);
    }
}

#[tokio::test]
async fn notes_carry_attachments_within_limits() {
    let emulated = Emulated::start().await;
    let note = |name: &str, body: &str| {
        json!({"subject": "x", "filename": name, "mimetype": "text/plain", "documentbody": body,
            "objectid_contact@odata.bind": format!("/contacts({ZOE})")})
    };
    let headers = [("prefer", "return=representation")];
    let answer =
        emulated.write(Method::POST, "annotations", &headers, note("a.txt", "aGVsbG8=")).await;
    let row = answer.expect(201);
    assert_eq!(row["filesize"], 5);
    assert_eq!(row["isdocument"], true);
    assert_eq!(row["objecttypecode"], "contact");
    let blocked = emulated.post("annotations", note("a.exe", "aGVsbG8=")).await;
    refused(&blocked, 400, "0x80043e09", "not a valid type or is too large");
    let large = emulated.post("annotations", note("a.txt", &"aaaa".repeat(1_750_000))).await;
    refused(&large, 400, "0x80043e09", "not a valid type or is too large");
}
