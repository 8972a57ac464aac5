//! `RetrieveDuplicates`, and the rules that it uses.

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch::{batch, get, statuses};
use crate::create::refused;
use crate::harness::{Answer, Emulated, encode};

const MAREN: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const NADIA: &str = "623250d8-ed83-5253-80ef-176f9cb02e4a";
const CALL: &str = "RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3)";

fn question(entity: &str, matching: &str, paging: &str) -> String {
    format!(
        "{CALL}?@p1={}&@p2={}&@p3={}",
        encode(entity),
        encode(&format!("'{matching}'")),
        encode(paging)
    )
}

async fn ask(emulated: &Emulated, entity: &str, matching: &str, paging: &str) -> Answer {
    emulated.get(&question(entity, matching, paging)).await
}

fn page(number: u32, count: u32) -> String {
    json!({"PageNumber": number, "Count": count}).to_string()
}

fn keys(answer: &Answer, key: &str) -> Vec<String> {
    let rows = answer.expect(200)["value"].as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

fn lead(email: &str) -> String {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.lead", "emailaddress1": email}).to_string()
}

#[tokio::test]
async fn rows_that_a_rule_finds_are_answered_with_all_their_columns() {
    let emulated = Emulated::start().await;
    let answer = ask(&emulated, &lead("NADIA@tailspin.example"), "lead", &page(1, 3)).await;
    assert_eq!(keys(&answer, "leadid"), [NADIA]);
    assert_eq!(answer.body["@odata.context"], format!("{}/$metadata#leads", emulated.api()));
    let row = &answer.body["value"][0];
    assert_eq!(row["companyname"], "Tailspin Toys");
    assert_eq!(row["websiteurl"], Value::Null);
    assert!(row["@odata.etag"].is_string());
    let parts =
        [get("WhoAmI"), get(&question(&lead("nadia@tailspin.example"), "lead", &page(1, 3)))];
    let together = batch(&emulated, &parts, &[]).await;
    assert_eq!(statuses(&together), ["200 OK"; 2]);
    assert!(together.text.contains(NADIA), "{}", together.text);
    let nobody = ask(&emulated, &lead("nobody@nowhere.example"), "lead", &page(1, 3)).await;
    assert_eq!(nobody.expect(200)["value"], json!([]));
    // No rule compares leads with contacts until the organization adds one.
    let maren = lead("maren.quist@northwind.example");
    let answer = ask(&emulated, &maren, "contact", &page(1, 3)).await;
    assert_eq!(answer.expect(200)["value"], json!([]));
    let columns = json!([["emailaddress1", "emailaddress1"]]);
    let rule = json!({"table": "lead", "matching": "contact", "columns": columns});
    emulated.control(Method::PUT, "duplicate-rules", json!({"rules": [rule]})).await;
    let answer = ask(&emulated, &maren, "contact", &page(1, 3)).await;
    assert_eq!(keys(&answer, "contactid"), [MAREN]);
    assert_eq!(answer.body["@odata.context"], format!("{}/$metadata#contacts", emulated.api()));
}

#[tokio::test]
async fn a_row_that_is_there_is_no_duplicate_of_itself() {
    let emulated = Emulated::start().await;
    let twin = json!({"lastname": "Twin", "emailaddress1": "maren.quist@northwind.example"});
    let twin = emulated.post("contacts", twin).await.created();
    // The same form as in Microsoft's documentation.
    let entity =
        format!("{{'@odata.type':'Microsoft.Dynamics.CRM.contact','contactid':'{MAREN}'}}");
    let paging = "{'PageNumber':1,'Count':50}";
    let answer = ask(&emulated, &entity, "contact", paging).await;
    assert_eq!(keys(&answer, "contactid"), [twin]);
    let entity = entity.replace(MAREN, "0f0e0d0c-0b0a-4908-8706-050403020100");
    refused(&ask(&emulated, &entity, "contact", paging).await, 404, "0x80040217", "Does Not Exist");
}

#[tokio::test]
async fn duplicates_come_in_pages_once_each() {
    let emulated = Emulated::start().await;
    // All of them match both rules.
    let body = json!({"firstname": "Ada", "lastname": "Byron", "telephone1": "+1 555",
                      "emailaddress1": "ada@byron.example"});
    for _ in 0..3 {
        emulated.post("contacts", body.clone()).await.expect(204);
    }
    let mut entity = body;
    entity["@odata.type"] = "#Microsoft.Dynamics.CRM.contact".into();
    let entity = entity.to_string();
    let first = keys(&ask(&emulated, &entity, "contact", &page(1, 2)).await, "contactid");
    let second = keys(&ask(&emulated, &entity, "contact", &page(2, 2)).await, "contactid");
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(!first.contains(&second[0]));
}

#[tokio::test]
async fn what_the_function_cannot_read_is_refused() {
    let emulated = Emulated::start().await;
    let maren = lead("maren.quist@northwind.example");
    for (entity, matching, paging, part) in [
        ("{\"emailaddress1\":\"x\"}", "lead", &*page(1, 3), "MetadataCache"),
        (&*maren, "leads", &*page(1, 3), "MetadataCache"),
        ("nonsense", "lead", &*page(1, 3), "unresolved parameters"),
        (&*maren, "lead", "{\"PageNumber\":1}", "unresolved parameters"),
        (&*maren, "lead", &*page(0, 3), "unresolved parameters"),
        (&*maren, "lead", "null", "unresolved parameters"),
    ] {
        let answer = ask(&emulated, entity, matching, paging).await;
        assert_eq!(answer.status, 400, "{entity} {matching} {paging}");
        assert!(answer.text.contains(part), "{}", answer.text);
    }
    let wrong = json!({"@odata.type": "Microsoft.Dynamics.CRM.lead", "email": "x"}).to_string();
    let answer = ask(&emulated, &wrong, "lead", &page(1, 3)).await;
    refused(&answer, 400, "0x80048d19", "The property 'email' does not exist");
    let query = format!("@p1={}&@p2='lead'&@p3={}", encode(&maren), encode(&page(1, 3)));
    let chosen = emulated.get(&format!("{CALL}?{query}&$select=fullname")).await;
    refused(&chosen, 400, "0x80060888", "Query options");
    let two = "RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2)";
    assert_eq!(emulated.get(&format!("{two}?{query}")).await.status, 404);
    assert_eq!(emulated.post("RetrieveDuplicates", json!({})).await.status, 405);

    emulated
        .control(
            Method::PUT,
            "application-user",
            json!({"roles": ["Customer Service Representative"]}),
        )
        .await;
    let answer = ask(&emulated, &maren, "lead", &page(1, 3)).await;
    refused(&answer, 403, "0x80040220", "prvReadLead");
}
