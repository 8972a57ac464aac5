//! PATCH, PUT and DELETE: their effects, their conditions and their refusals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::create::refused;
use crate::harness::{Answer, Emulated, send};

const MAREN: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const NORTHWIND: &str = "852dede1-e4e7-5617-bc33-b74f2626b52a";
const LITWARE: &str = "31c1b589-e0f1-51ca-a0f9-94b2913f78f7";
const MISSING: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
const GONE: &str = "Entity 'contact' With Id = 0f0e0d0c-0b0a-4908-8706-050403020100 Does Not Exist";
const STALE: &str =
    "The version of the existing record doesn't match the RowVersion property provided.";

async fn maren(emulated: &Emulated) -> Value {
    emulated.get(&format!("contacts({MAREN})")).await.expect(200).clone()
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let emulated = Emulated::start().await;
    let before = maren(&emulated).await;
    let path = format!("contacts({MAREN})");
    let answer = emulated
        .patch(&path, json!({"jobtitle": "Owner", "mobilephone": null, "firstname": "M."}))
        .await;
    answer.expect(204);
    assert!(answer.header("odata-entityid").ends_with(&format!("contacts({MAREN})")));
    let after = maren(&emulated).await;
    assert_eq!(after["jobtitle"], "Owner");
    assert_eq!(after["mobilephone"], Value::Null);
    assert_eq!(after["fullname"], "M. Quist");
    assert_eq!(after["emailaddress1"], before["emailaddress1"]);
    assert_eq!(after["createdon"], before["createdon"]);
    assert_ne!(after["modifiedon"], before["modifiedon"]);
    assert!(after["versionnumber"].as_i64() > before["versionnumber"].as_i64());
    assert_eq!(after["@odata.etag"], format!("W/\"{}\"", after["versionnumber"]));
}

#[tokio::test]
async fn conditions_are_kept() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MAREN})");
    let etag = maren(&emulated).await["@odata.etag"].as_str().unwrap().to_owned();
    let change = json!({"jobtitle": "Owner"});
    let with = |headers: &'static str, value: String| {
        let (emulated, path, change) = (&emulated, &path, &change);
        async move { emulated.write(Method::PATCH, path, &[(headers, &value)], change.clone()).await }
    };
    with("if-match", etag.clone()).await.expect(204);
    with("if-match", etag.clone()).await.refused(412, "0x80060882", STALE);
    let exists = "A record with matching key values already exists.";
    with("if-none-match", "*".into()).await.refused(412, "0x80040237", exists);
    // Some clients send this with every request.
    with("if-none-match", "null".into()).await.expect(204);

    let missing = emulated.patch(&format!("contacts({MISSING})"), change.clone()).await;
    missing.refused(404, "0x80040217", GONE);
    let request = emulated.request(Method::DELETE, &path).header("if-match", &etag);
    send(request).await.unwrap().refused(412, "0x80060882", STALE);
}

#[tokio::test]
async fn a_patch_without_conditions_creates() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MISSING})");
    let answer = emulated.write(Method::PATCH, &path, &[], json!({"lastname": "New"})).await;
    answer.expect(204);
    assert!(answer.header("odata-entityid").ends_with(&path));
    assert_eq!(emulated.get(&path).await.expect(200)["fullname"], "New");
}

#[tokio::test]
async fn an_update_can_show_the_row() {
    let emulated = Emulated::start().await;
    let headers = [("prefer", "return=representation"), ("if-match", "*")];
    let path = format!("contacts({MAREN})?$select=jobtitle");
    let answer = emulated.write(Method::PATCH, &path, &headers, json!({"jobtitle": "X"})).await;
    assert_eq!(answer.expect(200)["jobtitle"], "X");
    assert!(answer.body.get("lastname").is_none());
}

#[tokio::test]
async fn one_column_is_set_and_emptied() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MAREN})/jobtitle");
    emulated.write(Method::PUT, &path, &[], json!({"value": "Boss"})).await.expect(204);
    assert_eq!(maren(&emulated).await["jobtitle"], "Boss");
    emulated.delete(&path).await.expect(204);
    assert_eq!(maren(&emulated).await["jobtitle"], Value::Null);
    let long = json!({"value": "x".repeat(101)});
    let answer = emulated.write(Method::PUT, &path, &[], long).await;
    refused(&answer, 400, "0x80044331", "'jobtitle'");
}

#[tokio::test]
async fn lookups_are_linked_and_unlinked() {
    let emulated = Emulated::start().await;
    let parent = |row: &Value| row["_parentcustomerid_value"].clone();
    let link = format!("contacts({MAREN})/parentcustomerid_account/$ref");
    emulated.delete(&link).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), Value::Null);
    let id = json!({"@odata.id": format!("{}/accounts({LITWARE})", emulated.api())});
    emulated.write(Method::PUT, &link, &[], id).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), LITWARE);

    // The same link, set from the other side.
    let members = format!("accounts({NORTHWIND})/contact_customer_accounts");
    let id = json!({"@odata.id": format!("{}/contacts({MAREN})", emulated.api())});
    emulated.post(&format!("{members}/$ref"), id).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), NORTHWIND);
    emulated.delete(&format!("{members}({MAREN})/$ref")).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), Value::Null);

    // A null link clears a lookup only if the lookup points at that table.
    let set = json!({"parentcustomerid_account@odata.bind": format!("/accounts({LITWARE})")});
    emulated.patch(&format!("contacts({MAREN})"), set).await.expect(204);
    let other = json!({"parentcustomerid_contact@odata.bind": null});
    emulated.patch(&format!("contacts({MAREN})"), other).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), LITWARE);
    let same = json!({"parentcustomerid_account@odata.bind": null});
    emulated.patch(&format!("contacts({MAREN})"), same).await.expect(204);
    assert_eq!(parent(&maren(&emulated).await), Value::Null);
}

#[tokio::test]
async fn rows_are_created_within_a_collection() {
    let emulated = Emulated::start().await;
    let path = format!("accounts({LITWARE})/contact_customer_accounts");
    let answer = emulated.post(&path, json!({"lastname": "Within"})).await;
    answer.expect(204);
    let row = emulated.follow(answer.header("odata-entityid"), &[]).await;
    assert_eq!(row.expect(200)["_parentcustomerid_value"], LITWARE);
}

#[tokio::test]
async fn a_deleted_row_takes_its_parts_along() {
    let emulated = Emulated::start().await;
    let quote = "17483665-dc0a-5b6a-8d1b-6db1d6acf3d7";
    let notes = emulated.count("annotations").await;
    assert_eq!(emulated.count("quotedetails").await, 1);
    emulated.delete(&format!("quotes({quote})")).await.expect(204);
    assert_eq!(emulated.count("quotedetails").await, 0);
    assert_eq!(emulated.count("annotations").await, notes - 1);
    let again: Answer = emulated.delete(&format!("quotes({quote})")).await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn an_owner_is_changed_and_never_taken_away() {
    let emulated = Emulated::start().await;
    let imani = "c0f4bcaf-fb53-5afd-924f-cf1b7043101a";
    let path = format!("contacts({MAREN})");
    let change = json!({"ownerid@odata.bind": format!("/systemusers({imani})")});
    emulated.patch(&path, change).await.expect(204);
    let row = maren(&emulated).await;
    assert_eq!(row["_ownerid_value"], imani);
    assert_eq!(row["_owninguser_value"], imani);
    let answer = emulated.patch(&path, json!({"ownerid@odata.bind": null})).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}
