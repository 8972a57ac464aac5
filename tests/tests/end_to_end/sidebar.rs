//! The fields beside a conversation.

use serde_json::{Value, json};

use crate::harness::{Answer, Bench, MAREN};

async fn choose(bench: &Bench, fields: Value) -> Answer {
    let body = Some(json!({ "fields": fields }));
    bench.request("PUT", "/v1/connections/default/sidebar-fields", body).await
}

fn values(answer: &Answer) -> Vec<(&str, &Value)> {
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    let fields = answer.body["fields"].as_array().unwrap().iter();
    fields.map(|field| (field["label"].as_str().unwrap(), &field["value"])).collect()
}

async fn sidebar(bench: &Bench, contact: &str) -> Answer {
    let path = format!("/v1/connections/default/sidebar?contact={contact}");
    bench.request("GET", &path, None).await
}

#[tokio::test]
async fn four_fields_are_always_there() {
    let bench = Bench::start().await;
    let answer = bench.request("GET", "/v1/connections/default/sidebar-fields", None).await;
    let columns: Vec<_> =
        answer.body["fields"].as_array().unwrap().iter().map(|field| &field["column"]).collect();
    assert_eq!(columns, ["fullname", "emailaddress1", "jobtitle", "telephone1"]);
    let answer = sidebar(&bench, MAREN).await;
    assert_eq!(
        values(&answer),
        [
            ("Name", &json!("Maren Quist")),
            ("Email", &json!(MAREN)),
            ("Job title", &json!("Purchasing Manager")),
            ("Phone", &json!("+1 206 555 0120")),
        ]
    );
    sidebar(&bench, "nobody@nowhere.example").await.problem("not_found");
    sidebar(&bench, "Lucia%20Ferran").await.problem("ambiguous");
    sidebar(&bench, "").await.problem("invalid_arguments");
}

#[tokio::test]
async fn what_can_be_added_is_the_organizations_own() {
    let bench = Bench::start().await;
    let path = "/v1/connections/default/sidebar-fields/available?table=contact";
    let answer = bench.request("GET", path, None).await;
    let fields = answer.body["fields"].as_array().unwrap();
    let field = |column: &str| fields.iter().find(|field| field["column"] == column);
    let tier = field("new_loyaltytier").unwrap();
    assert_eq!((&tier["label"], &tier["type"]), (&json!("Loyalty Tier"), &json!("choice")));
    assert_eq!(field("parentcustomerid").unwrap()["type"], "lookup");
    assert_eq!(field("creditlimit").unwrap()["type"], "money");
    // Fields that are always shown cannot be added.
    assert!(field("fullname").is_none());
    let answer = bench
        .request("GET", "/v1/connections/default/sidebar-fields/available?table=users", None)
        .await;
    answer.problem("invalid_arguments");
}

#[tokio::test]
async fn chosen_fields_show_their_values_in_one_trip() {
    let bench = Bench::start().await;
    let chosen = json!([
        {"table": "contact", "column": "new_loyaltytier"},
        {"table": "contact", "column": "ownerid"},
        {"table": "account", "column": "revenue"},
        {"table": "account", "column": "new_supportplan"},
        {"table": "opportunity", "column": "name"},
        {"table": "opportunity", "column": "estimatedvalue"},
        {"table": "case", "column": "ticketnumber"},
        {"table": "case", "column": "prioritycode"},
        {"table": "lead", "column": "companyname"},
    ]);
    let answer = choose(&bench, chosen).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    assert_eq!(answer.body["fields"].as_array().unwrap().len(), 13);

    sidebar(&bench, MAREN).await;
    bench.control("DELETE", "requests", None).await;
    let answer = sidebar(&bench, MAREN).await;
    assert_eq!(bench.requests().await.len(), 1);
    let values = values(&answer);
    let value = |label: &str| values.iter().find(|(name, _)| *name == label).unwrap().1;
    assert!(value("Owner").is_string(), "{values:?}");
    assert_eq!(value("Annual Revenue")["currency"], "USD");
    assert_eq!(value("Est. Revenue"), &json!({"amount": 18000, "currency": "USD"}));
    assert_eq!(value("Case Number"), "CAS-01001-Q7W2E9");
    assert_eq!(value("Priority"), "High");
    // She has no lead.
    assert_eq!(value("Company Name"), &Value::Null);

    // Without the role for cases, the other fields are still shown.
    let roles = json!({"roles": ["Salesperson"]});
    bench.control("PUT", "application-user", Some(roles)).await;
    let answer = sidebar(&bench, MAREN).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["hints"][0].as_str().unwrap().contains("prvReadIncident"));
}

#[tokio::test]
async fn a_list_replaces_null_removes_and_what_is_left_out_stays() {
    let bench = Bench::start().await;
    let path = "/v1/connections/default/sidebar-fields";
    let count = |answer: &Answer| answer.body["fields"].as_array().map(Vec::len);
    let tier = json!([{"table": "contact", "column": "new_loyaltytier"}]);
    assert_eq!(count(&choose(&bench, tier).await), Some(5));
    assert_eq!(count(&bench.request("PUT", path, Some(json!({}))).await), Some(5));
    // The table's name in Dynamics 365 is understood, and the answer has ours.
    let case = json!([{"table": "incident", "column": "title"}]);
    let answer = choose(&bench, case).await;
    assert_eq!((count(&answer), &answer.body["fields"][4]["table"]), (Some(5), &json!("case")));
    assert_eq!(count(&choose(&bench, Value::Null).await), Some(4));
    let answer = bench.request("GET", path, None).await;
    assert_eq!(count(&answer), Some(4));
}

#[tokio::test]
async fn values_lead_to_their_records() {
    let bench = Bench::start().await;
    choose(
        &bench,
        json!([
            {"table": "contact", "column": "parentcustomerid"},
            {"table": "case", "column": "title"},
            {"table": "lead", "column": "companyname"},
        ]),
    )
    .await;
    let answer = sidebar(&bench, MAREN).await;
    let fields = answer.body["fields"].as_array().unwrap();
    let url = |place: usize| fields[place]["url"].as_str();
    let page = |table: &str| format!("main.aspx?pagetype=entityrecord&etn={table}&id=");
    assert!(url(0).unwrap().contains(&page("contact")), "{answer:?}");
    assert!(url(4).unwrap().contains(&page("account")), "{answer:?}");
    assert!(url(5).unwrap().contains(&page("incident")), "{answer:?}");
    // She has no lead.
    assert_eq!(url(6), None);
}

#[tokio::test]
async fn errors_name_what_is_allowed() {
    let bench = Bench::start().await;
    let detail = async |fields: Value| {
        let answer = choose(&bench, fields).await;
        answer.problem("invalid_arguments")["detail"].as_str().unwrap().to_owned()
    };
    let of_table = detail(json!([{"table": "systemuser", "column": "fullname"}])).await;
    let expected = "fields[0].table must be one of: contact, account, lead, opportunity, case";
    assert_eq!(of_table, expected);
    for (column, meant) in [
        ("loyaltytier", "new_loyaltytier"),
        ("Loyalty Tier", "new_loyaltytier"),
        ("birthday", "birthdate"),
    ] {
        let of_column = detail(json!([{"table": "contact", "column": column}])).await;
        assert!(of_column.contains(&format!("did you mean {meant}?")), "{of_column}");
    }
    let of_column = detail(json!([{"table": "contact", "column": "new_nosuchthing"}])).await;
    assert!(of_column.contains("such as ") && of_column.contains("and others"), "{of_column}");
    let misspelt = detail(json!([{"table": "contact", "Column": "birthdate"}])).await;
    assert_eq!(misspelt, "the field Column must be called column");
}

#[tokio::test]
async fn a_field_that_the_organization_does_not_have_is_refused() {
    let bench = Bench::start().await;
    for fields in [
        json!([{"table": "contact", "column": "new_nosuchcolumn"}]),
        json!([{"table": "contact", "column": "fullname) or true"}]),
        json!([{"table": "contact", "column": "emailaddress1"}]),
        json!([{"table": "systemuser", "column": "fullname"}]),
        json!([{"table": "contact", "column": "birthdate"}, {"table": "contact", "column": "birthdate"}]),
        json!("all"),
    ] {
        choose(&bench, fields).await.problem("invalid_arguments");
    }
    let answer = bench.request("GET", "/v1/connections/default/sidebar-fields", None).await;
    assert_eq!(answer.body["fields"].as_array().unwrap().len(), 4);
}
