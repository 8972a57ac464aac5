//! The public definitions of the tools.

use crm::record::RecordType;
use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

/// Replaces what differs from run to run.
fn settled(mut body: Value) -> Value {
    fn settle(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (name, value) in object.iter_mut() {
                    match (name.as_str(), &value) {
                        ("age_days", _) => *value = json!("[days]"),
                        (name, Value::String(url)) if name.ends_with("url") => {
                            let path = url.split("/main.aspx").nth(1).unwrap_or_default();
                            *value = json!(format!("[instance]/main.aspx{path}"));
                        }
                        _ => settle(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(settle),
            _ => {}
        }
    }
    settle(&mut body);
    body
}

#[test]
fn the_definitions_of_the_tools() {
    for definition in stack::tools() {
        let shown = json!({
            "name": definition.name,
            "title": definition.title,
            "description": definition.description,
            "input_schema": definition.input_schema,
        });
        insta::assert_snapshot!(definition.name, format!("{shown:#}"));
    }
}

/// Arguments that need no description. A model reads every definition in every conversation.
const NAMES_THAT_SAY_ALL: [&str; 14] = [
    "last_name",
    "first_name",
    "company",
    "email",
    "phone",
    "mobile_phone",
    "job_title",
    "topic",
    "rating",
    "source",
    "stage",
    "priority",
    "type",
    "record_type",
];

#[test]
fn the_schemas_suit_strict_modes() {
    fn check(schema: &Value, place: &str) {
        let Value::Object(object) = schema else { return };
        for keyword in object.keys() {
            assert!(
                [
                    "type",
                    "description",
                    "properties",
                    "required",
                    "additionalProperties",
                    "enum",
                    "items",
                    "anyOf"
                ]
                .contains(&keyword.as_str()),
                "{place}: {keyword}"
            );
        }
        if let Some(Value::Object(properties)) = object.get("properties") {
            let names: Vec<_> = properties.keys().cloned().collect();
            assert_eq!(object["required"], json!(names), "{place}");
            assert_eq!(object["additionalProperties"], false, "{place}");
            for (name, property) in properties {
                let says = property["description"].is_string();
                assert!(
                    says || NAMES_THAT_SAY_ALL.contains(&name.as_str()),
                    "{place}.{name} has no description: give the argument a doc comment"
                );
                check(property, &format!("{place}.{name}"));
            }
        }
        if let Some(items) = object.get("items") {
            check(items, &format!("{place}[]"));
        }
    }
    for definition in stack::tools() {
        check(&definition.input_schema, definition.name);
        jsonschema::meta::validate(&definition.input_schema).unwrap();
    }
}

/// A call of each tool.
pub(crate) fn samples() -> Vec<(&'static str, Value)> {
    const DESK: &str = "Northwind – support desk licences";
    let nadia = "nadia@tailspin.example";
    let mut samples = vec![
        ("search_contacts", json!({"query": "brandt"})),
        ("get_contact", json!({"contact": MAREN})),
        ("get_contact_by_email", json!({"email": MAREN})),
        ("search_accounts", json!({"query": "fabrikam"})),
        ("get_account", json!({"account": "northwind.example"})),
        ("get_account_contacts", json!({"account": "Litware"})),
        ("search_leads", json!({"query": "tailspin"})),
        ("search_opportunities", json!({"account": "Litware, Inc."})),
        ("get_opportunity", json!({"opportunity": DESK})),
        ("get_contact_opportunities", json!({"contact": MAREN})),
        ("search_cases", json!({"query": "sign in"})),
        ("get_case", json!({"case": "CAS-01001-Q7W2E9"})),
        ("get_contact_cases", json!({"contact": MAREN})),
        ("get_activities", json!({"contact": MAREN})),
        ("get_entity_notes", json!({"record_type": "case", "record": "CAS-01005-P8O1I4"})),
        ("get_products", json!({"query": "chat"})),
        ("get_email_history", json!({"case": "CAS-01005-P8O1I4"})),
        ("update_contact", json!({"contact": MAREN, "phone": "1"})),
        ("create_lead", json!({"last_name": "Okafor", "company": "Lakeside"})),
        ("update_lead", json!({"lead": nadia, "status": "Qualified"})),
        ("update_opportunity", json!({"opportunity": DESK, "stage": "Propose"})),
        ("create_opportunity", json!({"contact": MAREN, "name": "n", "estimated_value": 1.5})),
        ("create_case", json!({"contact": MAREN, "subject": "s", "description": "d"})),
        ("update_case", json!({"case": "CAS-01001-Q7W2E9", "status": "Problem Solved"})),
        ("create_note", json!({"record_type": "contact", "record": MAREN, "text": "t"})),
        (
            "create_activity",
            json!({
                "type": "call", "record_type": "contact", "record": MAREN, "subject": "s",
                "completed": true,
            }),
        ),
        (
            "create_quote",
            json!({
                "opportunity": DESK,
                "lines": [
                    {"product": "CHAT-PRO", "quantity": 20},
                    {"description": "Training", "quantity": 1, "price": 1500},
                ],
            }),
        ),
        (
            "schedule_appointment",
            json!({"contact": MAREN, "subject": "s", "start": "2031-03-03T10:00+01:00"}),
        ),
    ];
    // Of every other tool, its own example.
    let is_staffs =
        |one: &toolkit::Declaration| one.definition.as_ref().is_some_and(|tool| tool.is_for_staff);
    for tool in stack::declarations().into_iter().filter(is_staffs) {
        let name = tool.id.trim_start_matches("dynamics365_");
        if !samples.iter().any(|(sampled, _)| *sampled == name) {
            samples.push((name, serde_json::from_str(tool.example.body).unwrap()));
        }
    }
    samples
}

/// Calls of a tool that together use everything that it can do.
pub(crate) fn thorough(tool: &str) -> Vec<Value> {
    const NORTHWIND: &str = "Northwind Traders";
    let samples = || samples().into_iter().filter(|(name, _)| *name == tool).map(|(_, call)| call);
    let new_contact = json!({"last_name": "Newman", "email": "newman@nowhere.example"});
    let others = match tool {
        // The caller chooses the record, and any kind of record will do.
        "get_entity_notes" => return vec![json!({"record_type": "contact", "record": MAREN})],
        "get_email_history" => return vec![json!({"contact": MAREN})],
        "search_opportunities" => vec![json!({"contact": MAREN})],
        "search_cases" => vec![json!({"contact": MAREN}), json!({"account": NORTHWIND})],
        "create_case" => vec![
            json!({"account": NORTHWIND, "contact": MAREN, "subject": "s", "description": "d"}),
            json!({"account": NORTHWIND, "subject": "s", "description": "d"}),
            json!({"new_contact": new_contact, "subject": "s", "description": "d"}),
        ],
        "create_opportunity" => vec![json!({"new_contact": new_contact, "name": "n"})],
        "schedule_appointment" => vec![
            json!({"new_contact": new_contact, "subject": "s", "start": "2031-03-03T10:00+01:00"}),
        ],
        "update_opportunity" => {
            vec![json!({"opportunity": "Northwind – support desk licences", "status": "Won"})]
        }
        "update_case" => vec![json!({
            "case": "CAS-01001-Q7W2E9", "owner": "imani.okoro@contosodemo.example",
        })],
        _ => Vec::new(),
    };
    samples().chain(others).collect()
}

/// Calls of a tool that are about a record of this kind.
pub(crate) fn about(tool: &str, kind: RecordType) -> Vec<Value> {
    let record = match kind {
        RecordType::Contact => MAREN,
        RecordType::Account => "Northwind Traders",
        RecordType::Lead => "nadia@tailspin.example",
        RecordType::Opportunity => "Northwind – support desk licences",
        RecordType::Case => "CAS-01001-Q7W2E9",
    };
    let regarding = |mut arguments: Value| {
        arguments["record_type"] = json!(kind);
        arguments["record"] = record.into();
        arguments
    };
    match tool {
        "create_note" => vec![regarding(json!({"text": "A note."}))],
        "get_entity_notes" => vec![regarding(json!({}))],
        "create_activity" => samples()
            .into_iter()
            .filter(|(name, _)| *name == tool)
            .map(|(_, arguments)| regarding(arguments))
            .collect(),
        "get_email_history" if kind == RecordType::Case => vec![json!({"case": record})],
        "get_email_history" => vec![json!({"contact": record})],
        _ => panic!("{tool} has no kinds of records"),
    }
}

#[tokio::test]
async fn a_sample_answer_of_each_reading_tool() {
    let bench = Bench::start().await;
    let definitions = stack::tools();
    for (tool, arguments) in samples() {
        let name = format!("dynamics365_{tool}");
        let definition = definitions.iter().find(|one| one.name == name).unwrap();
        if definition.effect.writes() {
            continue;
        }
        let answer = bench.call(tool, arguments).await;
        answer.result();
        insta::assert_snapshot!(format!("answer_{tool}"), format!("{:#}", settled(answer.body)));
    }
}
