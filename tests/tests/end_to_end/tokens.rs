//! How much a model has to read, in tokens of `o200k`.

use crm::visible::Access;
use serde_json::{Value, json};
use toolkit::{Audience, Definition};

use crate::harness::{Bench, MAREN, bot_for_visitors};

/// The most tokens that the definitions of all tools take together.
const TOKENS_OF_ALL: usize = 5050;

/// The most that those take that a key for visitors can have, with all that a connection can allow.
const TOKENS_FOR_VISITORS: usize = 4000;

fn tokens(value: &Value) -> usize {
    bpe_openai::o200k_base().count(&value.to_string())
}

#[test]
fn the_definitions_of_all_tools() {
    let total = of_definitions(stack::tools().iter());
    assert!(total <= TOKENS_OF_ALL, "{total} tokens");
    let (thousands, rest) = (TOKENS_OF_ALL / 1000, TOKENS_OF_ALL % 1000);
    let said = format!("fit into {thousands},{rest:03} tokens");
    assert!(include_str!("../../../README.md").contains(&said), "README.md has another number");
}

#[test]
fn the_definitions_for_visitors() {
    let key = bot_for_visitors();
    let definitions = stack::tools();
    let reached = definitions.iter().filter(|tool| tool.access != Access::Staff);
    let shown: Vec<_> = reached.map(|tool| tool.for_audience(Audience::of(&key))).collect();
    let total = of_definitions(shown.iter().map(AsRef::as_ref));
    assert!(total <= TOKENS_FOR_VISITORS, "{total} tokens");
}

/// The tokens of these definitions.
#[expect(clippy::print_stdout, reason = "a test that fails shows which tool grew")]
fn of_definitions<'a>(definitions: impl Iterator<Item = &'a Definition>) -> usize {
    let (mut total, mut count) = (0, 0);
    for definition in definitions {
        let tokens = tokens(&json!({
            "name": definition.name,
            "description": definition.description,
            "parameters": definition.input_schema,
        }));
        println!("{tokens:5} {}", definition.name);
        total += tokens;
        count += 1;
    }
    println!("{total:5} tokens for {count} tools");
    total
}

#[tokio::test]
async fn a_contact_of_full_width() {
    let bench = Bench::start().await;
    let everything = json!({
        "contact": "Amara Diallo", "phone": "+33 1 55 50 01 33", "mobile_phone": "+33 6 55 50 01 34",
        "email": "amara.diallo@cohowinery.example", "job_title": "Export Director",
        "description": "Prefers to be called in the morning. Decides on all exports to Asia.",
    });
    bench.call("update_contact", everything).await.result();
    let email = json!({"email": "amara.diallo@cohowinery.example"});
    let answer = bench.call("get_contact_by_email", email).await;
    let short = tokens(&answer.body);
    let answer = bench.call("get_contact", json!({"contact": "Amara Diallo"})).await;
    let contact = tokens(&answer.result()["contact"]);
    println!("{short} tokens by email, {contact} for the contact in full");
    assert!(short <= 250 && contact <= 250, "{short} {contact} {:#}", answer.body);
}

#[tokio::test]
async fn ten_cases() {
    let bench = Bench::start().await;
    for number in 1..=12 {
        let subject = format!("The label printer on line {number} stops after an hour");
        let arguments = json!({"contact": MAREN, "subject": subject, "description": "It stops."});
        bench.call("create_case", arguments).await.result();
    }
    for tool in ["search_cases", "get_contact_cases"] {
        let answer = bench.call(tool, json!({"contact": MAREN, "limit": 10})).await;
        assert_eq!(answer.result()["cases"].as_array().unwrap().len(), 10);
        // She has an urgent case, and the answer says so, too.
        assert!(answer.body["escalation"].is_object());
        let tokens = tokens(&answer.body);
        println!("{tokens} tokens by {tool}");
        assert!(tokens <= 800, "{tokens} {:#}", answer.body);
    }
}

#[tokio::test]
async fn a_timeline_of_twenty_five() {
    let bench = Bench::start().await;
    let subjects = [
        ("call", "Asked for the delivery date"),
        ("task", "Send the data sheet"),
        ("meeting", "Weekly project call"),
        ("call", "Complaint about the invoice"),
        ("task", "Prepare the renewal offer"),
    ];
    for number in 0..25 {
        let (kind, subject) = subjects[number % subjects.len()];
        let mut arguments = json!({
            "type": kind, "record_type": "contact", "record": MAREN, "completed": true,
            "subject": format!("{subject} ({number})"),
            "description": "We went through the open points one by one, and agreed on the next.",
        });
        if kind == "meeting" {
            arguments["start"] = "2026-11-03T10:00Z".into();
        }
        bench.call("create_activity", arguments).await.result();
    }
    let answer = bench.call("get_activities", json!({"contact": MAREN, "limit": 25})).await;
    assert_eq!(answer.result()["activities"].as_array().unwrap().len(), 25);
    let tokens = tokens(&answer.body);
    println!("{tokens} tokens");
    assert!(tokens <= 1000, "{tokens} {:#}", answer.body);
}
