//! States, status reasons, and the actions that close rows.

use serde_json::{Value, json};

use crate::batch::{batch, change_set, statuses, write};
use crate::create::refused;
use crate::harness::Emulated;

const LOGIN: &str = "99cd5b72-d11b-5441-8fb4-9479925d4bcf";
const RESOLVED: &str = "716f4cf0-e197-560f-a3d1-1e8398bbed40";
const CANCELED: &str = "fdaf6837-9b04-57d5-b72a-a410098a8100";
const DESK: &str = "ad5b6d07-0a47-577c-b43a-948974de1bc7";
const WON: &str = "83488495-1233-50b4-b2e3-9b7a9bbeeb3b";
const LOST: &str = "e4ca2583-6f18-5ff8-b0d7-ee0640031833";
const NADIA: &str = "623250d8-ed83-5253-80ef-176f9cb02e4a";
const OF_KENJI: &str = "be4b63b9-ecf5-5bdc-8cee-30bed5b9f57a";
const QUALIFIED: &str = "7ee918f1-b3b9-57ec-8b54-386efa47e616";
const ROLLOUT: &str = "000aef64-6cf4-55fd-ba9e-802c43ba796e";

fn resolution(incident: &str, status: i32) -> Value {
    json!({
        "IncidentResolution": {
            "@odata.type": "Microsoft.Dynamics.CRM.incidentresolution",
            "subject": "Solved in the chat",
            "timespent": 15,
            "incidentid@odata.bind": format!("/incidents({incident})"),
        },
        "Status": status,
    })
}

async fn state(emulated: &Emulated, path: &str) -> (Value, Value) {
    let row = emulated.get(path).await.expect(200).clone();
    (row["statecode"].clone(), row["statuscode"].clone())
}

#[tokio::test]
async fn a_case_is_resolved_by_its_action_alone() {
    let emulated = Emulated::start().await;
    let path = format!("incidents({LOGIN})");
    let answer = emulated.patch(&path, json!({"statecode": 1, "statuscode": 5})).await;
    refused(
        &answer,
        400,
        "0x80048408",
        "This message can not be used to set the state of incident to Resolved. In order to set \
         state of incident to Resolved, use the CloseIncidentRequest message instead.",
    );
    emulated.post("CloseIncident", resolution(LOGIN, 5)).await.expect(204);
    assert_eq!(state(&emulated, &path).await, (json!(1), json!(5)));
    let answer = emulated
        .get(&format!("{path}/Incident_IncidentResolutions?$select=subject,timespent,statecode"))
        .await;
    let resolutions = answer.expect(200)["value"].as_array().unwrap();
    assert_eq!(resolutions.len(), 1);
    assert_eq!(resolutions[0]["subject"], "Solved in the chat");
    assert_eq!(resolutions[0]["statecode"], 1);

    let again = emulated.post("CloseIncident", resolution(LOGIN, 5)).await;
    refused(&again, 400, "0x800404cf", "This case has already been resolved.");
    let edit = emulated.patch(&path, json!({"title": "x"})).await;
    refused(&edit, 400, "0x800404cf", "This case has already been resolved.");
    emulated.patch(&path, json!({"statecode": 0, "statuscode": 1})).await.expect(204);
    emulated.patch(&path, json!({"title": "x"})).await.expect(204);
}

#[tokio::test]
async fn closing_a_case_checks_reason_row_and_activities() {
    let emulated = Emulated::start().await;
    let answer = emulated.post("CloseIncident", resolution(LOGIN, 5000)).await;
    refused(
        &answer,
        400,
        "0x80048408",
        &format!("5000 is not a valid status code on incident with Id {LOGIN}"),
    );
    let answer = emulated.post("CloseIncident", resolution(CANCELED, 5)).await;
    refused(&answer, 400, "0x80044411", "Already Closed or Canceled");
    let answer = emulated
        .post("CloseIncident", json!({"IncidentResolution": {"subject": "x"}, "Status": 5}))
        .await;
    refused(&answer, 400, "0x80044409", "The incident id is missing.");
    let answer = emulated.post("CloseIncident", json!({"Status": 5})).await;
    refused(&answer, 400, "0x80048d19", "IncidentResolution");
    let missing = "0f0e0d0c-0b0a-4908-8706-050403020100";
    refused(
        &emulated.post("CloseIncident", resolution(missing, 5)).await,
        404,
        "0x80040217",
        missing,
    );
    // This uses the default reason.
    emulated.post("CloseIncident", resolution(LOGIN, -1)).await.expect(204);
}

#[tokio::test]
async fn closing_a_case_cancels_what_is_left_to_do() {
    let emulated = Emulated::start().await;
    let vat = "a9fb80b0-9ec6-5dd2-af02-7cc7dc7dc98d";
    let bind = json!(format!("/incidents({vat})"));
    for close in ["resolve", "cancel"] {
        let task = json!({"subject": "x", "regardingobjectid_incident_task@odata.bind": bind});
        let open = format!("tasks({})", emulated.post("tasks", task.clone()).await.created());
        let done = format!("tasks({})", emulated.post("tasks", task).await.created());
        emulated.patch(&done, json!({"statecode": 1, "statuscode": 5})).await.expect(204);
        let meeting = json!({
            "subject": "x", "statecode": 3, "statuscode": 5,
            "scheduledstart": "2026-12-01T09:00:00Z", "scheduledend": "2026-12-01T10:00:00Z",
            "regardingobjectid_incident_appointment@odata.bind": bind,
        });
        let meeting = emulated.post("appointments", meeting).await.created();
        let path = format!("incidents({vat})");
        if close == "resolve" {
            emulated.post("CloseIncident", resolution(vat, 5)).await.expect(204);
        } else {
            let canceled = json!({"statecode": 2, "statuscode": 6});
            emulated.patch(&path, canceled).await.expect(204);
        }
        assert_eq!(state(&emulated, &open).await, (json!(2), json!(6)), "{close}");
        assert_eq!(state(&emulated, &done).await, (json!(1), json!(5)), "{close}");
        let meeting = format!("appointments({meeting})");
        assert_eq!(state(&emulated, &meeting).await, (json!(2), json!(4)), "{close}");
        emulated.patch(&path, json!({"statecode": 0, "statuscode": 1})).await.expect(204);
        assert_eq!(state(&emulated, &open).await, (json!(2), json!(6)), "{close}");
    }
    let path = format!("incidents({vat})/Incident_IncidentResolutions?$select=statecode");
    let resolutions = emulated.get(&path).await;
    assert_eq!(resolutions.expect(200)["value"][0]["statecode"], 1);
}

#[tokio::test]
async fn states_and_status_reasons_must_fit() {
    let emulated = Emulated::start().await;
    let path = format!("incidents({LOGIN})");
    emulated.patch(&path, json!({"statuscode": 2})).await.expect(204);
    for (change, part) in [
        (
            json!({"statecode": 2, "statuscode": 1}),
            "1 is not a valid status code for state code IncidentState.Canceled",
        ),
        (
            json!({"statuscode": 6}),
            "6 is not a valid status code for state code IncidentState.Active",
        ),
        (json!({"statuscode": 77}), "77 is not a valid status code"),
    ] {
        refused(&emulated.patch(&path, change).await, 400, "0x80048408", part);
    }
    let answer = emulated.patch(&path, json!({"statecode": 9})).await;
    refused(&answer, 400, "0x8004431a", "Accepted Values: 0,1,2");
    emulated.patch(&path, json!({"statecode": 2, "statuscode": 6})).await.expect(204);
    assert_eq!(state(&emulated, &path).await, (json!(2), json!(6)));
    // Without a reason, the first one of the state is used.
    emulated.patch(&path, json!({"statecode": 0})).await.expect(204);
    assert_eq!(state(&emulated, &path).await, (json!(0), json!(1)));
}

fn close(opportunity: &str, status: i32) -> Value {
    json!({
        "Status": status,
        "OpportunityClose": {
            "subject": "Closed",
            "actualrevenue": 17000.5,
            "actualend": "2025-10-01T12:00:00Z",
            "opportunityid@odata.bind": format!("/opportunities({opportunity})"),
        },
    })
}

#[tokio::test]
async fn an_opportunity_is_won_and_lost_by_its_actions() {
    let emulated = Emulated::start().await;
    let path = format!("opportunities({DESK})");
    for (change, message) in [
        (json!({"statecode": 1}), "WinOpportunityRequest"),
        (json!({"statecode": 2, "statuscode": 4}), "LoseOpportunityRequest"),
    ] {
        refused(&emulated.patch(&path, change).await, 400, "0x80048408", message);
    }
    refused(
        &emulated.post("WinOpportunity", close(DESK, 4)).await,
        400,
        "0x80048408",
        "4 is not a valid status code on opportunity",
    );
    emulated.post("WinOpportunity", close(DESK, 3)).await.expect(204);
    let row = emulated.get(&path).await.expect(200).clone();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(1), &json!(3)));
    assert_eq!(row["actualclosedate"], "2025-10-01");
    assert_eq!(row["actualvalue"].as_f64(), Some(17000.5));
    let closes = emulated.get(&format!("{path}/Opportunity_OpportunityClose")).await;
    assert_eq!(closes.expect(200)["value"].as_array().unwrap().len(), 1);
    for action in ["WinOpportunity", "LoseOpportunity"] {
        let status = if action == "WinOpportunity" { 3 } else { 4 };
        let again = emulated.post(action, close(DESK, status)).await;
        again.refused(400, "0x80040515", "The opportunity is already closed.");
    }
    let edit = emulated.patch(&path, json!({"name": "x"})).await;
    edit.refused(400, "0x8004022e", "The object cannot be updated because it is read-only.");
    emulated.post("LoseOpportunity", close(ROLLOUT, 5)).await.expect(204);
    assert_eq!(state(&emulated, &format!("opportunities({ROLLOUT})")).await, (json!(2), json!(5)));
    let none = json!({"Status": 3, "OpportunityClose": {"subject": "x"}});
    refused(&emulated.post("WinOpportunity", none).await, 400, "0x80043b15", "missing or invalid");
    for closed in [WON, LOST] {
        let edit = emulated.patch(&format!("opportunities({closed})"), json!({"name": "x"})).await;
        edit.refused(400, "0x8004022e", "The object cannot be updated because it is read-only.");
    }
    emulated
        .patch(&format!("opportunities({WON})"), json!({"statecode": 0, "statuscode": 1}))
        .await
        .expect(204);
}

#[tokio::test]
async fn an_opportunity_is_changed_and_closed_in_one_change_set() {
    let emulated = Emulated::start().await;
    let path = format!("opportunities({DESK})");
    let change = write(1, "PATCH", &path, &json!({"description": "Signed."}));
    let win = write(2, "POST", "WinOpportunity", &close(DESK, 3));
    let late = write(3, "PATCH", &path, &json!({"description": "Too late."}));

    // A closed row stays closed, also within the same change set. And then nothing of the set is
    // done.
    let answer = batch(&emulated, &[change_set(&[win.clone(), late])], &[]).await;
    assert_eq!(statuses(&answer), ["400 Bad Request"], "{}", answer.text);
    assert!(answer.text.contains("0x8004022e"), "{}", answer.text);
    assert_eq!(state(&emulated, &path).await, (json!(0), json!(1)));
    let closes = format!("{path}/Opportunity_OpportunityClose");
    assert_eq!(emulated.get(&closes).await.expect(200)["value"], json!([]));

    let answer = batch(&emulated, &[change_set(&[change, win])], &[]).await;
    assert_eq!(statuses(&answer), ["204 No Content"; 2], "{}", answer.text);
    assert_eq!(state(&emulated, &path).await, (json!(1), json!(3)));
    let row = emulated.get(&path).await.expect(200).clone();
    assert_eq!(row["description"], "Signed.");
    let answer = emulated.get(&closes).await;
    let closes = answer.expect(200)["value"].as_array().unwrap();
    assert_eq!(closes.len(), 1);
    assert_eq!(closes[0]["subject"], "Closed");
    assert_eq!(closes[0]["actualrevenue"].as_f64(), Some(17000.5));
    assert_eq!(closes[0]["actualend"], "2025-10-01T12:00:00Z");
    assert_eq!((&closes[0]["statecode"], &closes[0]["statuscode"]), (&json!(1), &json!(2)));
}

fn qualify(status: i32) -> Value {
    json!({"CreateAccount": true, "CreateContact": true, "CreateOpportunity": true, "Status": status})
}

#[tokio::test]
async fn a_lead_becomes_an_account_a_contact_and_an_opportunity() {
    let emulated = Emulated::start().await;
    let path = format!("leads({NADIA})");
    let action = format!("{path}/Microsoft.Dynamics.CRM.QualifyLead");
    refused(
        &emulated.post(&action, qualify(4)).await,
        400,
        "0x80048408",
        "4 is not a valid status code on lead",
    );
    let bare = emulated.post(&format!("{path}/QualifyLead"), qualify(3)).await;
    assert_eq!(bare.status, 400);
    let answer = emulated.post(&action, qualify(3)).await;
    let made = answer.expect(200)["value"].as_array().unwrap();
    let types: Vec<_> = made.iter().map(|row| row["@odata.type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "#Microsoft.Dynamics.CRM.account",
            "#Microsoft.Dynamics.CRM.contact",
            "#Microsoft.Dynamics.CRM.opportunity"
        ]
    );
    let get = |set: &str, key: &str, index: usize| {
        let path = format!("{set}({})", made[index][key].as_str().unwrap());
        let emulated = &emulated;
        async move { emulated.get(&path).await.expect(200).clone() }
    };
    let account = get("accounts", "accountid", 0).await;
    assert_eq!(account["name"], "Tailspin Toys");
    let contact = get("contacts", "contactid", 1).await;
    assert_eq!(contact["fullname"], "Nadia Ferreol");
    assert_eq!(contact["_parentcustomerid_value"], account["accountid"]);
    let opportunity = get("opportunities", "opportunityid", 2).await;
    assert_eq!(opportunity["name"], "Interest in 40 seats");
    assert_eq!(opportunity["_customerid_value"], account["accountid"]);
    assert_eq!(opportunity["_parentcontactid_value"], contact["contactid"]);
    assert_eq!(opportunity["_originatingleadid_value"], NADIA);
    let lead = emulated.get(&path).await.expect(200).clone();
    assert_eq!((&lead["statecode"], &lead["statuscode"]), (&json!(1), &json!(3)));
    assert_eq!(lead["_qualifyingopportunityid_value"], opportunity["opportunityid"]);

    let again = emulated.post(&action, qualify(3)).await;
    again.refused(400, "0x80040519", "The lead is already closed.");
    let done = format!("leads({QUALIFIED})");
    let edit = emulated.patch(&done, json!({"subject": "x"})).await;
    edit.refused(400, "0x80040230", "The object cannot be updated because it is inactive.");
    let disqualify = json!({"statecode": 2, "statuscode": 5});
    let bram = "leads(1cfd309f-722f-5757-9db9-f269f7749318)";
    emulated.patch(bram, disqualify).await.expect(204);
}

#[tokio::test]
async fn a_lead_of_known_people_is_linked_and_qualified_in_one_change_set() {
    let emulated = Emulated::start().await;
    let fabrikam = "4ee13684-44b7-5ee8-9d91-5b52c543431b";
    let kenji = "93f71ab4-9bdd-59fd-9275-1ee988b4ab2b";
    let path = format!("leads({OF_KENJI})");
    let action = format!("{path}/Microsoft.Dynamics.CRM.QualifyLead");
    // A contact already has the lead's address, so another one would be a duplicate.
    let answer = emulated.post(&action, qualify(3)).await;
    refused(&answer, 412, "0x80040333", "a duplicate of the current record already exists");

    let links = json!({
        "parentaccountid@odata.bind": format!("/accounts({fabrikam})"),
        "parentcontactid@odata.bind": format!("/contacts({kenji})"),
    });
    let mut body = qualify(3);
    body["CreateAccount"] = false.into();
    body["CreateContact"] = false.into();
    let (accounts, contacts) = (emulated.count("accounts").await, emulated.count("contacts").await);
    let requests = [write(1, "PATCH", &path, &links), write(2, "POST", &action, &body)];
    let answer = batch(&emulated, &[change_set(&requests)], &[]).await;
    assert_eq!(statuses(&answer), ["204 No Content", "200 OK"], "{}", answer.text);
    assert_eq!(emulated.count("accounts").await, accounts);
    assert_eq!(emulated.count("contacts").await, contacts);
    let lead = emulated.get(&path).await.expect(200).clone();
    assert_eq!((&lead["statecode"], &lead["statuscode"]), (&json!(1), &json!(3)));
    let opportunity = lead["_qualifyingopportunityid_value"].as_str().unwrap();
    assert!(answer.text.contains(opportunity), "{}", answer.text);
    let row = emulated.get(&format!("opportunities({opportunity})")).await.expect(200).clone();
    assert_eq!(row["name"], "Kiosks for two more sites");
    assert_eq!(row["_parentaccountid_value"], fabrikam);
    assert_eq!(row["_parentcontactid_value"], kenji);
    assert_eq!(row["_customerid_value"], fabrikam);

    let answer = batch(&emulated, &[change_set(&requests[1..])], &[]).await;
    assert!(answer.text.contains("0x80040519"), "{}", answer.text);
}

#[tokio::test]
async fn a_qualification_that_makes_a_duplicate_leaves_nothing() {
    let emulated = Emulated::start().await;
    let twin = json!({"lastname": "Twin", "emailaddress1": "nadia@tailspin.example"});
    emulated.post("contacts", twin).await.expect(204);
    let accounts = emulated.count("accounts").await;
    let action = format!("leads({NADIA})/Microsoft.Dynamics.CRM.QualifyLead");
    let answer = emulated.post(&action, qualify(3)).await;
    refused(&answer, 412, "0x80040333", "a duplicate of the current record already exists");
    assert_eq!(emulated.count("accounts").await, accounts);
    assert_eq!(state(&emulated, &format!("leads({NADIA})")).await.0, 0);
    let suppress = [("MSCRM.SuppressDuplicateDetection", "true")];
    emulated.write(reqwest::Method::POST, &action, &suppress, qualify(3)).await.expect(200);
}

#[tokio::test]
async fn a_resolved_case_of_the_sample_is_closed_to_edits() {
    let emulated = Emulated::start().await;
    let answer = emulated.patch(&format!("incidents({RESOLVED})"), json!({"title": "x"})).await;
    refused(&answer, 400, "0x800404cf", "already been resolved");
    let answer = emulated.patch(&format!("incidents({CANCELED})"), json!({"title": "x"})).await;
    refused(&answer, 400, "0x80040230", "inactive");
}
