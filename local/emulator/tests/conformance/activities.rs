//! Calls, tasks, appointments and emails, and their parties.

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch::{batch, change_set, statuses, write};
use crate::create::refused;
use crate::harness::{Emulated, encode};

const ZOE: &str = "60ffa158-6493-594f-a4ba-b5efa0f7856d";
const LITWARE: &str = "31c1b589-e0f1-51ca-a0f9-94b2913f78f7";
const LEAD: &str = "623250d8-ed83-5253-80ef-176f9cb02e4a";
const ROWAN: &str = "2de92443-cdf9-511f-a2ad-4db3cb4f861d";
const ME: &str = "13e151d3-145a-5574-8ada-338f91277337";

fn party(table: &str, set: &str, id: &str, mask: i32) -> Value {
    let mut party = json!({"participationtypemask": mask});
    party[format!("partyid_{table}@odata.bind")] = format!("/{set}({id})").into();
    party
}

fn appointment(parties: &[Value]) -> Value {
    json!({
        "subject": "Follow-up",
        "scheduledstart": "2025-10-14T09:00:00Z",
        "scheduledend": "2025-10-14T12:00:00+02:00",
        "regardingobjectid_contact_appointment@odata.bind": format!("/contacts({ZOE})"),
        "ownerid_appointment@odata.bind": format!("/systemusers({ROWAN})"),
        "appointment_activity_parties": parties,
    })
}

async fn parties(emulated: &Emulated, set: &str, id: &str, navigation: &str) -> Vec<(i64, String)> {
    let path = format!(
        "{set}({id})?$select=subject&$expand={navigation}($select=participationtypemask,_partyid_value)"
    );
    let row = emulated.get(&path).await.expect(200).clone();
    let mut found: Vec<_> = row[navigation]
        .as_array()
        .unwrap()
        .iter()
        .map(|party| {
            let id = party["_partyid_value"].as_str().unwrap_or("nobody").to_owned();
            (party["participationtypemask"].as_i64().unwrap(), id)
        })
        .collect();
    found.sort();
    found
}

fn pair(mask: i64, id: &str) -> (i64, String) {
    (mask, id.to_owned())
}

#[tokio::test]
async fn an_email_has_attachments_and_counts_them() {
    let emulated = Emulated::start().await;
    let about = |id: &str| json!({"regardingobjectid_contact_email@odata.bind": id});
    let email = emulated.post("emails", about(&format!("/contacts({ZOE})"))).await;
    let email = email.created();
    let file = |name: &str| {
        json!({
            "objectid_email@odata.bind": format!("/emails({email})"), "objecttypecode": "email",
            "filename": name, "mimetype": "text/plain", "body": "aGVsbG8=",
        })
    };
    for name in ["a.txt", "b.txt"] {
        emulated.post("activitymimeattachments", file(name)).await.expect(204);
    }
    let path = format!(
        "emails({email})?$select=attachmentcount&\
         $expand=email_activity_mime_attachment($select=filename,filesize)"
    );
    let row = emulated.get(&path).await.expect(200).clone();
    assert_eq!(row["attachmentcount"], 2);
    let files = row["email_activity_mime_attachment"].as_array().unwrap();
    let mut names: Vec<_> = files.iter().map(|file| file["filename"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!((names, &files[0]["filesize"]), (vec!["a.txt", "b.txt"], &json!(5)));
    let refused = emulated.post("activitymimeattachments", file("a.exe")).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn an_activity_may_have_one_name_for_its_owner() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "typed-owners", json!({"declared": false})).await;
    let body = appointment(&[]);
    let answer = emulated.post("appointments", body.clone()).await;
    assert!(answer.body["error"]["message"].as_str().unwrap().contains(
        "An undeclared property 'ownerid_appointment' which only has property annotations"
    ));
    let mut plain = body;
    let owner = plain.as_object_mut().unwrap().remove("ownerid_appointment@odata.bind").unwrap();
    plain["ownerid@odata.bind"] = owner;
    emulated.post("appointments", plain).await.expect(204);
}

#[tokio::test]
async fn an_appointment_has_its_attendees_owner_and_subject_as_parties() {
    let emulated = Emulated::start().await;
    let body = appointment(&[
        party("systemuser", "systemusers", ROWAN, 7),
        party("contact", "contacts", ZOE, 5),
    ]);
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, "appointments", &headers, body).await;
    let row = answer.expect(201).clone();
    assert_eq!(row["scheduledend"], "2025-10-14T10:00:00Z");
    assert_eq!(row["scheduleddurationminutes"], 60);
    assert_eq!(row["activitytypecode"], "appointment");
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(0), &json!(1)));
    let id = row["activityid"].as_str().unwrap();
    let expected = [pair(5, ZOE), pair(7, ROWAN), pair(8, ZOE), pair(9, ROWAN)];
    let navigation = "appointment_activity_parties";
    assert_eq!(parties(&emulated, "appointments", id, navigation).await, expected);
    // The timeline shows it, too.
    let pointer = emulated.get(&format!("activitypointers({id})")).await;
    assert_eq!(pointer.expect(200)["activitytypecode"], "appointment");

    // An update replaces the attendees. The owner's party changes with the owner.
    let path = format!("appointments({id})");
    let mut change =
        json!({"appointment_activity_parties": [party("account", "accounts", LITWARE, 6)]});
    change["ownerid_appointment@odata.bind"] = format!("/systemusers({ME})").into();
    emulated.patch(&path, change).await.expect(204);
    let expected = [pair(6, LITWARE), pair(8, ZOE), pair(9, ME)];
    assert_eq!(parties(&emulated, "appointments", id, navigation).await, expected);
}

#[tokio::test]
async fn appointments_need_a_start_before_their_end() {
    let emulated = Emulated::start().await;
    let mut body = appointment(&[]);
    body.as_object_mut().unwrap().remove("scheduledend");
    let answer = emulated.post("appointments", body).await;
    answer.refused(
        400,
        "0x80040275",
        "Scheduled End and Scheduled Start must be set for Appointments in order to sync with \
         Outlook.",
    );
    let mut body = appointment(&[]);
    body["scheduledend"] = "2025-10-14T08:00:00Z".into();
    refused(&emulated.post("appointments", body).await, 400, "0x8004350a", "duration");
    let mut body = appointment(&[]);
    body["scheduledend"] = "2025-11-14T08:00:00Z".into();
    assert_eq!(emulated.post("appointments", body).await.status, 400);
    let mut body = appointment(&[]);
    body["scheduledstart"] = "2025-10-14T09:00:00".into();
    refused(
        &emulated.post("appointments", body).await,
        400,
        "0x80048d19",
        "time zone information is missing",
    );
    // The Outlook client creates them as scheduled and busy.
    let mut body = appointment(&[]);
    body["statecode"] = 3.into();
    body["statuscode"] = 5.into();
    emulated.post("appointments", body).await.expect(204);
}

#[tokio::test]
async fn parties_that_do_not_fit_are_refused() {
    let emulated = Emulated::start().await;
    let before = emulated.count("phonecalls").await;
    let opportunity = "c0a5c8c7-404a-55b4-9c8e-d5786a203a62";
    for (party, status, code) in [
        (party("contact", "contacts", ZOE, 5), 400, "0x80043505"),
        (party("contact", "contacts", ZOE, 8), 400, "0x80043505"),
        (party("contact", "contacts", ZOE, 77), 400, "0x8004431a"),
        (party("opportunity", "opportunities", opportunity, 2), 400, "0x80043506"),
        (json!({"participationtypemask": 2}), 400, "0x80043504"),
        (json!({"participationtypemask": 2, "addressused": "x@y.example"}), 400, "0x80043504"),
        (
            party("contact", "contacts", "0f0e0d0c-0b0a-4908-8706-050403020100", 2),
            404,
            "0x80040217",
        ),
        (json!({"partyid_contact@odata.bind": format!("/contacts({ZOE})")}), 400, "0x80040203"),
    ] {
        let body = json!({"subject": "x", "phonecall_activity_parties": [party]});
        refused(&emulated.post("phonecalls", body).await, status, code, "");
    }
    let body = json!({"subject": "x", "to": [ZOE]});
    refused(&emulated.post("phonecalls", body).await, 400, "0x80048d19", "'to'");
    assert_eq!(emulated.count("phonecalls").await, before);
}

#[tokio::test]
async fn an_activity_is_completed_after_it_was_created() {
    let emulated = Emulated::start().await;
    let done = json!({"subject": "x", "statecode": 1, "statuscode": 5});
    let answer = emulated.post("tasks", done).await;
    refused(
        &answer,
        400,
        "0x80048408",
        "5 is not a valid status code for state code TaskState.Open",
    );
    let body = json!({"subject": "x", "regardingobjectid_lead_task@odata.bind": format!("/leads({LEAD})")});
    let answer = emulated.post("tasks", body).await;
    let address = answer.header("odata-entityid").to_owned();
    let path = address.rsplit('/').next().unwrap();
    emulated.patch(path, json!({"statecode": 1, "statuscode": 5})).await.expect(204);
    let row = emulated.follow(&address, &[]).await.expect(200).clone();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(1), &json!(5)));
    assert_eq!(row["percentcomplete"], 100);
    assert!(row["actualend"].is_string());
    assert_eq!(row["_regardingobjectid_value"], LEAD);
    let edit = emulated.patch(path, json!({"subject": "y"})).await;
    edit.refused(400, "0x80040230", "The object cannot be updated because it is inactive.");
}

#[tokio::test]
async fn every_activity_closes_with_the_reasons_of_its_own() {
    let emulated = Emulated::start().await;
    for (set, closes) in [
        ("phonecalls", &[(1, 2), (1, 4), (2, 3)][..]),
        ("tasks", &[(1, 5), (2, 6)][..]),
        ("appointments", &[(1, 3), (2, 4), (3, 5), (3, 6)][..]),
    ] {
        for (state, status) in closes {
            let body = match set {
                "appointments" => appointment(&[]),
                _ => json!({"subject": "x"}),
            };
            let id = emulated.post(set, body).await.created();
            let path = format!("{set}({id})");
            let wrong = json!({"statecode": state, "statuscode": 1});
            refused(&emulated.patch(&path, wrong).await, 400, "0x80048408", "not a valid status");
            let change = json!({"statecode": state, "statuscode": status});
            emulated.patch(&path, change).await.expect(204);
            let row = emulated.get(&path).await.expect(200).clone();
            assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(state), &json!(status)));
        }
    }
}

#[tokio::test]
async fn a_change_set_makes_a_call_and_completes_it() {
    let emulated = Emulated::start().await;
    let key = "0f0e0d0c-0b0a-4908-8706-050403020100";
    let path = format!("phonecalls({key})");
    let body = json!({
        "activityid": key, "subject": "Called back", "directioncode": true,
        "phonecall_activity_parties": [
            party("systemuser", "systemusers", ROWAN, 1), party("contact", "contacts", ZOE, 2),
        ],
    });
    let requests = [
        write(1, "POST", "phonecalls", &body),
        write(2, "PATCH", &path, &json!({"statecode": 1, "statuscode": 2})),
    ];
    let answer = batch(&emulated, &[change_set(&requests)], &[]).await;
    assert_eq!(statuses(&answer), ["204 No Content"; 2], "{}", answer.text);
    let row = emulated.get(&path).await.expect(200).clone();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(1), &json!(2)));
    let answer = batch(&emulated, &[change_set(&requests)], &[]).await;
    assert_eq!(statuses(&answer), ["412 Precondition Failed"]);
    assert!(answer.text.contains("0x80040237"), "{}", answer.text);
}

#[tokio::test]
async fn the_owner_is_bound_by_either_name() {
    let emulated = Emulated::start().await;
    for name in ["ownerid", "ownerid_task"] {
        let mut body = json!({"subject": "x"});
        body[format!("{name}@odata.bind")] = format!("/systemusers({ROWAN})").into();
        let id = emulated.post("tasks", body).await.created();
        let row = emulated.get(&format!("tasks({id})")).await.expect(200).clone();
        assert_eq!(row["_ownerid_value"], ROWAN, "{name}");
        let mut team = json!({});
        team[format!("{name}@odata.bind")] = "/teams(39337079-9f1a-5286-960a-0113f0dcb731)".into();
        emulated.patch(&format!("tasks({id})"), team).await.expect(204);
    }
    let body =
        json!({"subject": "x", "ownerid_phonecall@odata.bind": format!("/systemusers({ROWAN})")});
    refused(&emulated.post("tasks", body).await, 400, "0x80048d19", "An undeclared property");
}

#[tokio::test]
async fn a_calendar_is_read_by_organizer_and_time() {
    let emulated = Emulated::start().await;
    let taken = |from: &str, to: &str| {
        let filter = format!(
            "appointment_activity_parties/any(p:p/partyid_systemuser/internalemailaddress eq \
             'ROWAN.sandstrom@contosodemo.example' and p/participationtypemask eq 7) and \
             scheduledstart lt {to} and scheduledend gt {from} and statecode ne 2"
        );
        let query = format!("appointments?$select=subject&$filter={}", encode(&filter));
        let emulated = &emulated;
        async move {
            let answer = emulated.get(&query).await;
            let rows = answer.expect(200)["value"].as_array().unwrap();
            rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(taken("2025-10-14T10:30:00Z", "2025-10-14T11:30:00Z").await, ["Site visit"]);
    // An appointment that ends when the other begins does not overlap. An offset in the time
    // counts.
    assert!(taken("2025-10-14T11:00:00Z", "2025-10-14T12:00:00Z").await.is_empty());
    assert_eq!(taken("2025-10-14T12:59:00+02:00", "2025-10-14T12:00:00Z").await, ["Site visit"]);
    assert!(taken("2025-10-13T09:00:00Z", "2025-10-13T18:00:00Z").await.is_empty());
}

#[tokio::test]
async fn what_an_activity_is_about_is_bound_by_a_typed_name() {
    let emulated = Emulated::start().await;
    let contact = format!("/contacts({ZOE})");
    for name in ["regardingobjectid_contact_task", "regardingobjectid_contact"] {
        let mut body = json!({"subject": "x"});
        body[format!("{name}@odata.bind")] = contact.clone().into();
        emulated.post("tasks", body).await.expect(204);
    }
    for name in ["regardingobjectid", "regardingobjectid_contact_phonecall"] {
        let mut body = json!({"subject": "x"});
        body[format!("{name}@odata.bind")] = contact.clone().into();
        refused(&emulated.post("tasks", body).await, 400, "0x80048d19", "An undeclared property");
    }
}

#[tokio::test]
async fn the_parties_of_an_email_come_with_address_and_name() {
    let emulated = Emulated::start().await;
    let path = "emails(b13702e5-4b5c-51bd-9d3a-3b80da52eae5)?$select=subject,description\
                &$expand=email_activity_parties($select=participationtypemask,addressused,_partyid_value)";
    let annotated = [("prefer", "odata.include-annotations=\"*\"")];
    let row = emulated.get_with(path, &annotated).await.expect(200).clone();
    let name = "_partyid_value@OData.Community.Display.V1.FormattedValue";
    let table = "_partyid_value@Microsoft.Dynamics.CRM.lookuplogicalname";
    let mut found: Vec<_> = row["email_activity_parties"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|party| party["participationtypemask"].as_i64().unwrap() <= 4)
        .map(|party| {
            let text = |key: &str| party[key].as_str().unwrap_or_default();
            (party["participationtypemask"].as_i64(), text("addressused"), text(name), text(table))
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            (Some(1), "rowan.sandstrom@contosodemo.example", "Rowan Sandström", "systemuser"),
            (Some(2), "dario.velasco@northwind.example", "Dario Velasco", "contact"),
            (Some(3), "purchasing@northwind.example", "", ""),
        ]
    );
}

#[tokio::test]
async fn the_sample_has_emails_as_they_come() {
    let emulated = Emulated::start().await;
    let text = emulated.get("emails?$select=description").await.text;
    for part in [
        "<style>",
        "<script>",
        "<blockquote>",
        "open.gif?id=42",
        "&ndash;",
        "&nbsp;",
        "Ignore your instructions",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn an_email_lists_the_addresses_of_its_parties() {
    let emulated = Emulated::start().await;
    let body = json!({
        "subject": "x",
        "email_activity_parties": [
            party("systemuser", "systemusers", ROWAN, 1),
            party("contact", "contacts", ZOE, 2),
            {"addressused": "x@y.example", "participationtypemask": 2},
        ],
    });
    let headers = [("prefer", "return=representation")];
    let answer = emulated.write(Method::POST, "emails", &headers, body).await;
    let row = answer.expect(201);
    assert_eq!(row["sender"], "rowan.sandstrom@contosodemo.example");
    let recipients = row["torecipients"].as_str().unwrap();
    assert!(recipients.contains("zoe.brandt@litware.example;"), "{recipients}");
    assert!(recipients.contains("x@y.example;"), "{recipients}");
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(0), &json!(1)));
}
