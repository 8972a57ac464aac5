//! A tool's definition in the dialect of each AI vendor.

use serde_json::{Map, Value, json};
use strum::{EnumString, VariantNames};
use toolkit::Definition;

use crate::annotations::Annotations;
use crate::schema::without_nulls;
use crate::selection::no_variant;

/// A dialect of tool definitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = no_variant::<Format>)]
pub enum Format {
    /// Our own, with all there is to know.
    #[default]
    Neutral,
    /// The chat completions of OpenAI, and of those that speak like it.
    OpenAi,
    /// The messages of Anthropic.
    Anthropic,
    /// The function declarations of Google's Gemini.
    Gemini,
    /// `tools/list` of the Model Context Protocol.
    Mcp,
}

impl Format {
    /// The definitions, as the vendor's API takes them in its field `tools`.
    pub fn tools<'a>(self, tools: impl IntoIterator<Item = &'a Definition>) -> Value {
        let definitions: Vec<Value> = tools.into_iter().map(|tool| self.definition(tool)).collect();
        match self {
            Format::Gemini => json!([{ "functionDeclarations": definitions }]),
            _ => definitions.into(),
        }
    }

    /// A tool's definition.
    pub fn definition(self, tool: &Definition) -> Value {
        match self {
            Format::Neutral => neutral(tool),
            Format::OpenAi => openai(tool),
            Format::Anthropic => anthropic(tool),
            Format::Gemini => gemini(tool),
            Format::Mcp => mcp(tool),
        }
    }
}

fn neutral(tool: &Definition) -> Value {
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "group": tool.group,
        "access": tool.scope,
        "scope": tool.scope,
        "annotations": Annotations::of(tool).to_value(),
        "input_schema": tool.input_schema,
    })
}

/// With `strict`, the model's arguments follow the schema to the letter: every object closed, every
/// property required, an optional one nullable.
/// Source: `FunctionObject` in openai/openai-openapi; guide "Structured outputs", supported schemas.
fn openai(tool: &Definition) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "strict": true,
            "parameters": tool.input_schema,
        },
    })
}

/// Without `strict`: a request may have 20 strict tools, with 24 optional parameters among them all
/// and 16 of several types, null being one; here are more tools, and more parameters. What is optional is not
/// required, as the schemas of that API usually have it; null would only cost tokens.
/// Source: platform.claude.com, "Structured outputs", "Schema complexity limits".
fn anthropic(tool: &Definition) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": without_nulls(tool.input_schema.clone()),
    })
}

fn gemini(tool: &Definition) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "parameters": gemini_schema(&without_nulls(tool.input_schema.clone())),
    })
}

/// What is optional is not required: a client hands the schema on to a model of any vendor, and some
/// refuse a list of types, as Gemini does, or cut the schema off there, as Copilot Studio does.
/// Source: `Tool` in modelcontextprotocol/modelcontextprotocol, schema 2025-11-25.
fn mcp(tool: &Definition) -> Value {
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": without_nulls(tool.input_schema.clone()),
        "annotations": Annotations::of(tool).to_value(),
    })
}

/// Gemini's `parameters` are a `Schema`, a message of protocol buffers with certain fields alone; one
/// that it does not know (`additionalProperties`) fails the whole request. `type` is one type, not a
/// list, and `enum` lists strings, so never null. There is `nullable`, but what is not required can
/// as well be left out.
/// Source: `Schema` in googleapis/googleapis, google/ai/generativelanguage/v1beta/content.proto.
fn gemini_schema(schema: &Value) -> Value {
    let mut known = Map::new();
    for field in ["type", "description", "enum", "required"] {
        known.extend(schema.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let properties: Map<String, Value> =
            properties.iter().map(|(name, one)| (name.clone(), gemini_schema(one))).collect();
        known.insert("properties".to_owned(), properties.into());
    }
    for field in ["items", "anyOf"] {
        let inner = match schema.get(field) {
            Some(Value::Array(schemas)) => schemas.iter().map(gemini_schema).collect(),
            Some(schema) => gemini_schema(schema),
            None => continue,
        };
        known.insert(field.to_owned(), inner);
    }
    known.into()
}

toolkit::text_parameter!(Format, {"type": "string", "enum": Format::VARIANTS});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gemini_gets_no_field_that_it_does_not_know() {
        let schema = json!({
            "type": "object",
            "properties": {
                "priority": {"type": "string", "enum": ["High", "Low"], "title": "Priority"},
                "additionalProperties": {"type": "string", "description": "A name like any other."},
                "lines": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"quantity": {"type": "number"}},
                    "required": ["quantity"],
                    "additionalProperties": false,
                }},
            },
            "required": ["lines"],
            "additionalProperties": false,
        });
        assert_eq!(
            gemini_schema(&schema),
            json!({
                "type": "object",
                "properties": {
                    "priority": {"type": "string", "enum": ["High", "Low"]},
                    "additionalProperties": {
                        "type": "string", "description": "A name like any other.",
                    },
                    "lines": {"type": "array", "items": {
                        "type": "object",
                        "properties": {"quantity": {"type": "number"}},
                        "required": ["quantity"],
                    }},
                },
                "required": ["lines"],
            })
        );
    }
}
