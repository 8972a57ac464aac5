//! Changes JSON schemas: without null, without names of types.

use serde_json::Value;

/// Whether null is a valid value. A schema that says nothing about types takes anything.
pub(crate) fn is_nullable(schema: &Value) -> bool {
    let Value::Object(object) = schema else { return *schema == true };
    let some = |keyword: &str| {
        let schemas = object.get(keyword).and_then(Value::as_array);
        schemas.map(|schemas| schemas.iter().any(is_nullable))
    };
    match object.get("type") {
        Some(Value::String(one)) => one == "null",
        Some(Value::Array(types)) => types.iter().any(|one| one == "null"),
        _ => match object.get("enum").or(object.get("const")) {
            Some(Value::Array(values)) => values.contains(&Value::Null),
            Some(value) => value.is_null(),
            None if object.contains_key("$ref") => false,
            None => some("anyOf").or_else(|| some("oneOf")).unwrap_or(true),
        },
    }
}

/// The schema in which a property that may be null is not required.
pub(crate) fn optional(mut schema: Value) -> Value {
    each(&mut schema, &mut not_required);
    schema
}

/// The schema of arguments: a property that may be null is not required, and no text is empty.
pub(crate) fn arguments(schema: Value) -> Value {
    let mut schema = optional(schema);
    each(&mut schema, &mut |schema| {
        let Value::Object(object) = schema else { return };
        let is_text = match object.get("type") {
            Some(Value::Array(types)) => types.iter().any(|one| one == "string"),
            one => one.is_some_and(|one| one == "string"),
        };
        if is_text && !object.contains_key("enum") {
            object.insert("minLength".to_owned(), 1.into());
        }
    });
    schema
}

/// The schema in which a property that may be null is neither required nor null.
pub(crate) fn without_nulls(mut schema: Value) -> Value {
    each(&mut schema, &mut |schema| {
        not_required(schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.values_mut().for_each(not_null);
        }
    });
    schema
}

/// The schema without the names of our own types, from which generators would name classes, and
/// without formats of integers that only Rust has.
pub(crate) fn plain(mut schema: Value) -> Value {
    each(&mut schema, &mut |schema| {
        let Value::Object(object) = schema else { return };
        object.shift_remove("title");
        let format = object.get("format").and_then(Value::as_str).unwrap_or_default();
        if format.starts_with("uint") {
            object.shift_remove("format");
        }
    });
    schema
}

/// Changes a schema, then all schemas within it.
fn each(schema: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    change(schema);
    for keyword in ["properties", "$defs"] {
        if let Some(Value::Object(schemas)) = schema.get_mut(keyword) {
            schemas.values_mut().for_each(|schema| each(schema, change));
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(schemas)) = schema.get_mut(keyword) {
            schemas.iter_mut().for_each(|schema| each(schema, change));
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema @ Value::Object(_)) = schema.get_mut(keyword) {
            each(schema, change);
        }
    }
}

fn not_required(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    let Some(Value::Object(properties)) = object.get("properties").cloned() else { return };
    let Some(Value::Array(required)) = object.get_mut("required") else { return };
    required.retain(|name| {
        let property = name.as_str().and_then(|name| properties.get(name));
        property.is_none_or(|property| !is_nullable(property))
    });
    if required.is_empty() {
        object.shift_remove("required");
    }
}

pub(crate) fn not_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(schemas)) = object.get_mut(keyword) {
            schemas.retain(|one| one.get("type") != Some(&Value::from("null")));
            // A choice of one schema is that schema.
            if let [Value::Object(only)] = schemas.as_slice() {
                let only = only.clone();
                object.shift_remove(keyword);
                object.extend(only);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strict() -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "priority": {"type": ["string", "null"], "enum": ["High", null]},
                "of": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "anything": {"description": "What it was."},
                "lines": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"price": {"type": ["number", "null"]}},
                    "required": ["price"],
                }},
            },
            "required": ["name", "priority", "of", "anything", "lines"],
            "additionalProperties": false,
        })
    }

    #[test]
    fn what_may_be_null_need_not_be_given() {
        let mut expected = strict();
        expected["required"] = json!(["name", "lines"]);
        let Value::Object(line) = &mut expected["properties"]["lines"]["items"] else { panic!() };
        line.remove("required");
        assert_eq!(optional(strict()), expected);

        let properties = &mut expected["properties"];
        properties["priority"] = json!({"type": "string", "enum": ["High"]});
        properties["of"] = json!({"type": "number"});
        properties["lines"]["items"]["properties"]["price"] = json!({"type": "number"});
        assert_eq!(without_nulls(strict()), expected);
    }
}
