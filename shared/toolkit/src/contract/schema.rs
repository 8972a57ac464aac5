//! JSON schemas that every vendor's strict mode accepts.
//!
//! Every object is closed. Every property is required, and an optional one is nullable. No keywords
//! limit numbers or lengths, because the server checks those.

use crm::reference::Whose;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Keywords that only cost tokens or that a strict mode refuses. Anthropic's strict mode refuses
/// limits, and so does OpenAI's for fine-tuned models.
const DROPPED: [&str; 15] = [
    "$schema",
    "title",
    "format",
    "default",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    Whose::KEYWORD,
];

/// The schema of a tool's arguments.
pub fn strict_schema<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_deserialize());
    if let Value::Object(object) = &mut schema {
        // The tool has its own description.
        object.shift_remove("description");
        object.entry("properties").or_insert_with(|| json!({}));
    }
    strict(&mut schema);
    schema
}

/// The names of the arguments that say whose record is meant, and that a visitor may leave out.
pub(crate) fn whose<T: JsonSchema>() -> Vec<String> {
    let schema = generate::<T>(SchemaSettings::draft2020_12().for_deserialize());
    let properties = schema.get("properties").and_then(Value::as_object);
    let whose =
        properties.into_iter().flatten().filter(|(_, schema)| schema.get(Whose::KEYWORD).is_some());
    whose.map(|(name, _)| name.clone()).collect()
}

/// The schema of a body from an administrator, for the documentation.
pub(crate) fn input_schema<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_deserialize());
    if let Value::Object(object) = &mut schema {
        for keyword in ["$schema", "title", "description"] {
            object.shift_remove(keyword);
        }
    }
    schema
}

/// The schema of an answer, for the documentation.
pub fn result_schema<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_serialize());
    if let Value::Object(object) = &mut schema {
        object.shift_remove("$schema");
    }
    schema
}

fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> Value {
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn strict(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for keyword in DROPPED {
                object.shift_remove(keyword);
            }
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                let names: Vec<Value> =
                    properties.keys().map(|name| Value::from(name.as_str())).collect();
                for property in properties.values_mut() {
                    strict(property);
                }
                close(object, names);
            }
            for keyword in ["items", "anyOf", "oneOf", "allOf"] {
                if let Some(inner) = object.get_mut(keyword) {
                    strict(inner);
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(strict),
        _ => {}
    }
}

fn close(object: &mut Map<String, Value>, names: Vec<Value>) {
    object.insert("required".to_owned(), names.into());
    object.insert("additionalProperties".to_owned(), false.into());
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Limit;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Arguments {
        /// What to look for.
        query: String,
        /// How urgent.
        priority: Option<crm::labels::CasePriority>,
        /// How many.
        limit: Option<Limit>,
        /// Lines.
        lines: Option<Vec<Line>>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Line {
        /// How much.
        quantity: u32,
    }

    #[test]
    fn closed_all_required_optional_ones_nullable() {
        assert_eq!(
            strict_schema::<Arguments>(),
            json!({
                "type": "object",
                "properties": {
                    "query": {"description": "What to look for.", "type": "string"},
                    "priority": {
                        "description": "How urgent.",
                        "type": ["string", "null"],
                        "enum": ["High", "Normal", "Low", null],
                    },
                    "limit": {"description": "How many.", "type": ["integer", "null"]},
                    "lines": {
                        "description": "Lines.",
                        "type": ["array", "null"],
                        "items": {
                            "type": "object",
                            "properties": {
                                "quantity": {"description": "How much.", "type": "integer"},
                            },
                            "required": ["quantity"],
                            "additionalProperties": false,
                        },
                    },
                },
                "required": ["query", "priority", "limit", "lines"],
                "additionalProperties": false,
            })
        );
    }
}
