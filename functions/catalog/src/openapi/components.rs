//! The schemas of the document, each under a name.
//!
//! Generators of clients make a class of each object and of each list of values. What has no name is
//! named by where it stands, so the same thing gets many names, and other ones whenever something
//! changes. Therefore the document has each once, named by its type, and the body and the answer of an
//! operation by the operation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use toolkit::{Declaration, TOOL_PREFIX, named_result_schema};

use crate::schema::{is_nullable, not_null, plain, without_nulls};

/// Where the schemas stand in the document.
const PLACE: &str = "#/components/schemas/";

/// Where the parts of a schema stand in it.
const PARTS: &str = "#/$defs/";

/// How the names of objects in bodies end. An object of the same type in an answer is another one: what
/// may be left out there is not what may be left out here.
const INPUT: &str = "Input";

/// The name of an object that may have any members.
const ANY: &str = "AnyObject";

/// The schemas, by their names.
#[derive(Debug, Default)]
pub(crate) struct Components(BTreeMap<String, Value>);

impl Components {
    /// A reference to the schema of the body of an operation.
    pub(crate) fn body(&mut self, operation: &Declaration, schema: Value) -> Value {
        self.root(&format!("{}{INPUT}", base(operation)), schema, INPUT)
    }

    /// A reference to the schema of the answer of an operation. The answer of a tool is named by the
    /// tool, and so is the result in it.
    pub(crate) fn answer(&mut self, operation: &Declaration, mut schema: Value) -> Value {
        let name = if operation.definition.is_some() {
            let base = base(operation);
            rename_result(&mut schema, &format!("{base}Result"));
            format!("{base}Answer")
        } else {
            title(&schema)
        };
        self.root(&name, plain(without_nulls(schema)), "")
    }

    /// A reference to the schema of a type in answers.
    pub(crate) fn of<T: JsonSchema>(&mut self) -> Value {
        let schema = named_result_schema::<T>();
        let name = title(&schema);
        self.root(&name, plain(without_nulls(schema)), "")
    }

    /// Adds a schema under this name. Lists of values in it are named by it and their fields.
    pub(crate) fn add(&mut self, name: &str, schema: Value) -> Value {
        self.root(name, schema, "")
    }

    /// Adds the choice of these schemas under this name.
    pub(crate) fn add_choice(&mut self, name: &str, schemas: Value) {
        self.keep(name, json!({ "anyOf": schemas }));
    }

    /// All schemas, as the document has them.
    pub(crate) fn into_value(self) -> Value {
        self.0.into_iter().collect::<Map<_, _>>().into()
    }

    fn root(&mut self, name: &str, mut schema: Value, suffix: &'static str) -> Value {
        let parts = schema.as_object_mut().and_then(|schema| schema.shift_remove("$defs"));
        let parts = match parts {
            Some(Value::Object(parts)) => parts,
            _ => Map::new(),
        };
        Naming { components: self, parts, suffix }.placed(schema, name)
    }

    /// Keeps a schema. What one operation requires of it and another does not, as their callers may see
    /// it, is not required.
    fn keep(&mut self, name: &str, schema: Value) {
        let Some(known) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), schema);
            return;
        };
        if *known == schema {
            return;
        }
        debug_assert_eq!(
            without_required(known),
            without_required(&schema),
            "two schemas are called {name}: rename the type of one with #[schemars(rename = …)]"
        );
        let others = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Value::Object(known) = known {
            if let Some(Value::Array(required)) = known.get_mut("required") {
                required.retain(|field| others.contains(field));
            }
            if known.get("required").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                known.shift_remove("required");
            }
        }
    }
}

/// The beginning of the names that an operation gives: `CreateCase` of `dynamics365_create_case`.
fn base(operation: &Declaration) -> String {
    pascal(operation.id.trim_start_matches(TOOL_PREFIX))
}

/// The words of a name with underscores, each with a capital, without the underscores.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(word).collect()
}

/// The name of a schema's own type.
fn title(schema: &Value) -> String {
    schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Gives the type of a tool's result this name.
fn rename_result(answer: &mut Value, name: &str) {
    let Some(Value::String(place)) = answer.pointer_mut("/properties/result/$ref") else { return };
    let old = place.trim_start_matches(PARTS).to_owned();
    *place = format!("{PARTS}{name}");
    if let Some(Value::Object(parts)) = answer.get_mut("$defs")
        && let Some(part) = parts.shift_remove(&old)
    {
        parts.insert(name.to_owned(), part);
    }
}

fn without_required(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(schema) = &mut schema {
        schema.shift_remove("required");
    }
    schema
}

/// Takes the objects and the lists of values out of one schema.
struct Naming<'a> {
    components: &'a mut Components,
    /// Its parts that have names, by these.
    parts: Map<String, Value>,
    /// How the names of its objects end.
    suffix: &'static str,
}

impl Naming<'_> {
    /// What stands in the place of a schema. It gets this name if it has none of its own, and if it needs
    /// one.
    fn placed(&mut self, schema: Value, name: &str) -> Value {
        let mut schema = match schema {
            Value::Object(schema) => schema,
            // Anything, as where no keyword says more.
            Value::Bool(true) => Map::new(),
            other => return other,
        };
        schema.shift_remove("title");
        let part = schema.get("$ref").and_then(Value::as_str);
        let part = part.and_then(|part| part.strip_prefix(PARTS)).map(str::to_owned);
        if let Some(part) = part
            && let Some(of_part) = self.parts.get(&part).cloned()
        {
            let is_object = of_part.get("properties").is_some();
            let name = if is_object { format!("{part}{}", self.suffix) } else { part };
            let mut placed = self.placed(of_part, &name);
            schema.shift_remove("$ref");
            // What is said of it here goes before what its type says.
            if let Value::Object(placed) = &mut placed {
                placed.extend(schema);
            }
            return placed;
        }
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for (property, inner) in properties {
                *inner = self.placed(inner.take(), &format!("{name}{}", pascal(property)));
            }
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(inner @ Value::Object(_)) = schema.get_mut(keyword) {
                *inner = self.placed(inner.take(), name);
            }
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for inner in schema.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten()
            {
                *inner = self.placed(inner.take(), name);
            }
        }
        self.named(schema, name)
    }

    /// A reference to a schema, if it is of an object or a list of values; else the schema.
    fn named(&mut self, schema: Map<String, Value>, name: &str) -> Value {
        let has_type = |name: &str| match schema.get("type") {
            Some(Value::Array(types)) => types.iter().any(|one| one == name),
            one => one.is_some_and(|one| one == name),
        };
        let is_free = has_type("object")
            && !schema.contains_key("properties")
            && schema.get("additionalProperties").is_none_or(|one| *one == true);
        let is_list = has_type("string") && schema.contains_key("enum");
        let needs_name = is_free || is_list || schema.contains_key("properties");
        let mut schema = Value::Object(schema);
        if !needs_name {
            return schema;
        }
        let takes_null = is_nullable(&schema);
        not_null(&mut schema);
        let mut reference = json!({"$ref": format!("{PLACE}{}", if is_free { ANY } else { name })});
        if is_free {
            if let Some(description) = schema.get_mut("description") {
                reference["description"] = description.take();
            }
            let description = "An object that may have any members.";
            self.components.keep(
                ANY,
                json!({"type": "object", "description": description, "additionalProperties": true}),
            );
        } else {
            self.components.keep(name, schema);
        }
        if takes_null { json!({"anyOf": [reference, {"type": "null"}]}) } else { reference }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_of_values_have_names() {
        let mut components = Components::default();
        let schema = json!({
            "type": "object",
            "properties": {
                "line": {"$ref": "#/$defs/Line", "description": "The first."},
                "lines": {"type": ["array", "null"], "items": {"$ref": "#/$defs/Line"}},
                "kind": {"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": "null"}]},
                "when": {"type": ["string", "null"], "enum": ["now", "then", null]},
                "rest": {"type": "object", "additionalProperties": true, "description": "What else."},
                "anything": true,
            },
            "required": ["line"],
            "$defs": {
                "Line": {
                    "type": "object",
                    "description": "A line.",
                    "properties": {"text": {"$ref": "#/$defs/Text"}},
                },
                "Kind": {"type": "string", "enum": ["a", "b"]},
                "Text": {"type": "string", "description": "A text.", "maxLength": 5},
                "Unused": {"type": "object", "properties": {}},
            },
        });
        let place = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        assert_eq!(components.root("WriteInput", schema, INPUT), place("WriteInput"));
        let nothing = json!({"type": "null"});
        let mut first = place("LineInput");
        first["description"] = "The first.".into();
        let mut rest = place("AnyObject");
        rest["description"] = "What else.".into();
        assert_eq!(
            components.into_value(),
            json!({
                "AnyObject": {
                    "type": "object",
                    "description": "An object that may have any members.",
                    "additionalProperties": true,
                },
                "Kind": {"type": "string", "enum": ["a", "b"]},
                "LineInput": {
                    "type": "object",
                    "description": "A line.",
                    "properties": {
                        "text": {"type": "string", "description": "A text.", "maxLength": 5},
                    },
                },
                "WriteInput": {
                    "type": "object",
                    "properties": {
                        "line": first,
                        "lines": {"type": ["array", "null"], "items": place("LineInput")},
                        "kind": {"anyOf": [place("Kind"), nothing]},
                        "when": {"anyOf": [place("WriteInputWhen"), nothing]},
                        "rest": rest,
                        "anything": {},
                    },
                    "required": ["line"],
                },
                "WriteInputWhen": {"type": "string", "enum": ["now", "then"]},
            })
        );
    }

    #[test]
    fn what_one_operation_alone_requires_is_not_required() {
        let schema = |required: Value| json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": required});
        let mut components = Components::default();
        components.add("Thing", schema(json!(["a", "b"])));
        components.add("Thing", schema(json!(["b"])));
        assert_eq!(components.0["Thing"], schema(json!(["b"])));
    }

    #[test]
    #[should_panic(expected = "two schemas are called Thing")]
    fn two_schemas_of_one_name_do_not_pass() {
        let mut components = Components::default();
        components.add("Thing", json!({"type": "object", "properties": {"a": {}}}));
        components.add("Thing", json!({"type": "object", "properties": {"b": {}}}));
    }
}
