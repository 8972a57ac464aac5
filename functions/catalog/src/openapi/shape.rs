//! Schemas that many operations are made of.

use serde_json::{Value, json};

pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

pub(crate) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object that has these properties at least, those that are required.
pub(crate) fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

/// An object that has all of these, and no others.
pub(crate) fn whole(properties: Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(|all| all.keys()).collect();
    json!({
        "type": "object", "required": names, "properties": properties,
        "additionalProperties": false,
    })
}
