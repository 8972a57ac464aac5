//! The JSON schemas that the service gives.
//!
//! Those of arguments are such that every vendor's strict mode accepts them. Every object is closed.
//! Every property is required, and an optional one is nullable. No keywords limit numbers or lengths,
//! because the server checks those.

use crm::reference::Whose;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
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

/// Where the schemas of a schema's parts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    /// In their places: some clients of models take no references.
    InPlace,
    /// In `$defs`, under the names of their types: from these, generators of clients name classes.
    ByName,
}

/// The schema of a tool's arguments.
pub fn strict_schema<T: JsonSchema>() -> Value {
    arguments::<T>(Parts::InPlace)
}

/// The schema of a tool's arguments, with its parts by their names.
pub(crate) fn named_strict_schema<T: JsonSchema>() -> Value {
    arguments::<T>(Parts::ByName)
}

fn arguments<T: JsonSchema>(parts: Parts) -> Value {
    let mut schema = generate::<T>(read(), parts);
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
    let schema = generate::<T>(read(), Parts::InPlace);
    let properties = schema.get("properties").and_then(Value::as_object);
    let whose =
        properties.into_iter().flatten().filter(|(_, schema)| schema.get(Whose::KEYWORD).is_some());
    whose.map(|(name, _)| name.clone()).collect()
}

/// The schema of a body from an administrator, for the documentation.
pub(crate) fn input_schema<T: JsonSchema>() -> Value {
    input::<T>(Parts::InPlace)
}

/// The schema of a body from an administrator, with its parts by their names.
pub(crate) fn named_input_schema<T: JsonSchema>() -> Value {
    input::<T>(Parts::ByName)
}

fn input<T: JsonSchema>(parts: Parts) -> Value {
    let mut schema = generate::<T>(read(), parts);
    if let Value::Object(object) = &mut schema {
        for keyword in ["$schema", "title", "description"] {
            object.shift_remove(keyword);
        }
    }
    schema
}

/// The schema of an answer.
pub fn result_schema<T: JsonSchema>() -> Value {
    result::<T>(Parts::InPlace)
}

/// The schema of an answer, with its parts by their names. Its own name is its `title`.
pub fn named_result_schema<T: JsonSchema>() -> Value {
    result::<T>(Parts::ByName)
}

fn result<T: JsonSchema>(parts: Parts) -> Value {
    let mut schema = generate::<T>(SchemaSettings::draft2020_12().for_serialize(), parts);
    if let Value::Object(object) = &mut schema {
        object.shift_remove("$schema");
    }
    schema
}

/// The settings for what is read.
fn read() -> SchemaSettings {
    SchemaSettings::draft2020_12().for_deserialize()
}

fn generate<T: JsonSchema>(settings: SchemaSettings, parts: Parts) -> Value {
    let settings = settings
        .with(|settings| settings.inline_subschemas = parts == Parts::InPlace)
        .with_transform(RecursiveTransform(list_values));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Makes a list of values of an enum whose variants have doc comments. What is derived is a choice of
/// schemas, one for each value: generators of clients make a type of each, and refuse an answer whose
/// value is not that of the first. The doc comments go into the description.
fn list_values(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Array(variants)) = object.get("oneOf") else { return };
    let Some(variants) = variants.iter().map(values).collect::<Option<Vec<_>>>() else { return };
    let mut texts: Vec<String> =
        object.get("description").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    let mut all = Vec::new();
    for (values, description) in variants {
        if let (Some(description), [Value::String(value)]) = (description, values.as_slice()) {
            texts.push(format!("`{value}`: {}", description.replace('\n', " ")));
        }
        all.extend(values);
    }
    object.shift_remove("oneOf");
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), all.into());
    if !texts.is_empty() {
        object.insert("description".to_owned(), texts.join(" ").into());
    }
}

/// The texts that a schema takes, and its description. `None` if it takes anything else.
fn values(schema: &Value) -> Option<(Vec<Value>, Option<&str>)> {
    if schema.get("type")? != "string" {
        return None;
    }
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => return None,
    };
    Some((values, schema.get("description").and_then(Value::as_str)))
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
            if let Some(Value::Object(parts)) = object.get_mut("$defs") {
                parts.values_mut().for_each(strict);
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

    #[test]
    fn parts_have_the_names_of_their_types() {
        let schema = named_strict_schema::<Arguments>();
        let properties = &schema["properties"];
        let nullable = |name: &str| json!([{"$ref": format!("#/$defs/{name}")}, {"type": "null"}]);
        assert_eq!(properties["priority"]["anyOf"], nullable("CasePriority"), "{schema:#}");
        assert_eq!(properties["lines"]["items"], json!({"$ref": "#/$defs/Line"}));
        assert_eq!(schema["$defs"]["Line"]["additionalProperties"], false);
        assert_eq!(schema["$defs"]["CasePriority"]["enum"], json!(["High", "Normal", "Low"]));
    }

    /// How hot it is.
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Heat {
        /// Above
        /// thirty.
        Hot,
        /// The rest.
        Cold,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is of interest")]
    struct Weather {
        /// At noon.
        heat: Heat,
        night: Option<Heat>,
    }

    #[test]
    fn an_enum_is_a_list_of_values() {
        let values = |text: &str| {
            json!({
                "description": format!("{text} `hot`: Above thirty. `cold`: The rest."),
                "type": "string",
                "enum": ["hot", "cold"],
            })
        };
        let schema = result_schema::<Weather>();
        assert_eq!(schema["properties"]["heat"], values("At noon."));
        let night = json!([values("How hot it is."), {"type": "null"}]);
        assert_eq!(schema["properties"]["night"]["anyOf"], night);

        let schema = named_result_schema::<Weather>();
        let heat = json!({"$ref": "#/$defs/Heat", "description": "At noon."});
        assert_eq!(schema["properties"]["heat"], heat);
        assert_eq!(schema["$defs"]["Heat"], values("How hot it is."));
    }
}
