//! Quotes, products, appointments and emails.

mod appointments;
mod emails;
mod products;
mod quotes;

use dataverse_emulator::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};
use serde_json::{Value, json};

use crate::harness::{Answer, Bench};

const ROWAN: &str = "rowan.sandstrom@contosodemo.example";
const IMANI: &str = "imani.okoro@contosodemo.example";
const TEO: &str = "teo.marchetti@contosodemo.example";
const ZOE: &str = "zoe.brandt@litware.example";

/// Changes something in Dynamics 365 itself, as an administrator would.
pub(crate) async fn administer(bench: &Bench, method: &str, path: &str, body: Value) {
    let roles = |roles: Value| Some(json!({"state": "enabled", "roles": roles}));
    bench.control("PUT", "application-user", roles(json!(["System Administrator"]))).await;
    let http = reqwest::Client::new();
    let emulator = bench.stack.emulator().url();
    let token: Value = http
        .post(format!("{emulator}/{TENANT_ID}/oauth2/v2.0/token"))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", &format!("{emulator}/.default")),
        ])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let response = http
        .request(method.parse().unwrap(), format!("{emulator}/api/data/v9.2/{path}"))
        .bearer_auth(token["access_token"].as_str().unwrap())
        .header("if-match", if method == "PATCH" { "*" } else { "" })
        .json(&body)
        .send()
        .await
        .unwrap();
    let status = response.status();
    assert!(status.is_success(), "{method} {path}: {status} {}", response.text().await.unwrap());
    let usual = json!(["Salesperson", "Customer Service Representative"]);
    bench.control("PUT", "application-user", roles(usual)).await;
}

fn hints(answer: &Answer) -> String {
    answer.body["hints"].to_string()
}

/// The call fails with this code, and its detail starts with the argument that is at fault.
#[track_caller]
fn blames(answer: &Answer, code: &str, field: &str) {
    let problem = answer.problem(code);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(&format!("{field}:")), "{problem:#}");
}

/// The id of the row that has this value in this column.
async fn id(bench: &Bench, set: &str, key: &str, column: &str, value: &str) -> String {
    let rows = bench.rows(set).await;
    let row = rows.iter().find(|row| row[column] == value).unwrap();
    row[key].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_results_are_as_their_schemas_say() {
    let bench = Bench::start().await;
    let definitions = stack::tools();
    let lines = json!([{"product": "CHAT-PRO", "quantity": 2, "discount": 1}]);
    for (tool, arguments) in [
        ("create_quote", json!({"opportunity": "Litware – renewal 2026", "lines": lines})),
        ("get_products", json!({"limit": 25})),
        (
            "schedule_appointment",
            json!({"contact": ZOE, "subject": "s", "start": "2087-12-01T10:00Z", "organizer": ROWAN}),
        ),
        ("get_email_history", json!({"contact": ZOE})),
    ] {
        let name = format!("dynamics365_{tool}");
        let definition = definitions.iter().find(|one| one.name == name).unwrap();
        let answer = bench.call(tool, arguments).await;
        let validator = jsonschema::validator_for(&definition.output_schema).unwrap();
        // Nulls are left out of the answer, so a required member may be missing if it may be null.
        let errors: Vec<_> = validator
            .iter_errors(answer.result())
            .map(|error| error.to_string())
            .filter(|error| !error.contains("required property"))
            .collect();
        assert!(errors.is_empty(), "{tool}: {errors:?}");
    }
}
