//! What the world is told of the tools.

use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

/// Everything but what differs from run to run.
fn settled(mut body: Value) -> Value {
    fn settle(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (name, value) in object.iter_mut() {
                    match (name.as_str(), &value) {
                        ("age_days", _) => *value = json!("[days]"),
                        ("url", Value::String(url)) => {
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
    for definition in stack::tools().definitions() {
        let shown = json!({
            "name": definition.name,
            "title": definition.title,
            "description": definition.description,
            "input_schema": definition.input_schema,
        });
        insta::assert_snapshot!(definition.name, format!("{shown:#}"));
    }
}

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
                assert!(property["description"].is_string(), "{place}.{name}");
                check(property, &format!("{place}.{name}"));
            }
        }
        if let Some(items) = object.get("items") {
            check(items, &format!("{place}[]"));
        }
    }
    for definition in stack::tools().definitions() {
        check(&definition.input_schema, definition.name);
        jsonschema::meta::validate(&definition.input_schema).unwrap();
    }
}

#[tokio::test]
async fn a_sample_answer_of_each_reading_tool() {
    let bench = Bench::start().await;
    for (tool, arguments) in [
        ("search_contacts", json!({"query": "brandt"})),
        ("get_contact", json!({"contact": MAREN})),
        ("get_contact_by_email", json!({"email": MAREN})),
        ("search_cases", json!({"query": "sign in"})),
        ("get_case", json!({"case": "CAS-01001-Q7W2E9"})),
        ("get_contact_cases", json!({"contact": MAREN})),
    ] {
        let answer = bench.call(tool, arguments).await;
        answer.result();
        insta::assert_snapshot!(format!("answer_{tool}"), format!("{:#}", settled(answer.body)));
    }
}

#[tokio::test]
async fn the_results_are_as_their_schemas_say() {
    let bench = Bench::start().await;
    let definitions = stack::tools().definitions();
    for (tool, arguments) in [
        ("search_contacts", json!({"query": "brandt"})),
        ("get_contact", json!({"contact": MAREN})),
        ("get_case", json!({"case": "CAS-01001-Q7W2E9"})),
        ("update_contact", json!({"contact": MAREN, "phone": "1"})),
        ("create_case", json!({"contact": MAREN, "subject": "s", "description": "d"})),
    ] {
        let name = format!("dynamics365_{tool}");
        let definition = definitions.iter().find(|one| one.name == name).unwrap();
        let answer = bench.call(tool, arguments).await;
        let validator = jsonschema::validator_for(&definition.output_schema).unwrap();
        // What has no value is left out: what the schema requires may be null, too.
        let errors: Vec<_> = validator
            .iter_errors(answer.result())
            .map(|error| error.to_string())
            .filter(|error| !error.contains("required property"))
            .collect();
        assert!(errors.is_empty(), "{tool}: {errors:?}");
    }
}
