//! Writes a tool's definition in the dialect of each AI vendor.

use serde_json::{Map, Value, json};
use strum::{EnumString, VariantNames};
use toolkit::{Audience, Definition};

use crate::annotations::Annotations;
use crate::names::no_variant;
use crate::schema::without_nulls;

/// A dialect of tool definitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = no_variant::<Format>)]
pub enum Format {
    /// Our own dialect, which has everything that is known of a tool.
    #[default]
    Neutral,
    /// The dialect of OpenAI's chat completions, which other vendors understand, too.
    OpenAi,
    /// The dialect of Anthropic's messages.
    Anthropic,
    /// The dialect of the function declarations of Google's Gemini.
    Gemini,
    /// The dialect of `tools/list` in the Model Context Protocol.
    Mcp,
}

impl Format {
    /// The definitions for this audience, as the vendor's API takes them in its field `tools`.
    pub fn tools<'a>(
        self,
        tools: impl IntoIterator<Item = &'a Definition>,
        audience: Audience<'_>,
    ) -> Value {
        let for_audience = tools.into_iter().map(|tool| tool.for_audience(audience));
        let definitions: Vec<Value> = for_audience.map(|tool| self.definition(&tool)).collect();
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

/// With `strict`, the model's arguments follow the schema to the letter. The schema must close
/// every object and require every property; an optional one is nullable.
/// Source: `FunctionObject` in openai/openai-openapi; guide "Structured outputs", supported
/// schemas.
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

/// Without `strict`, because a request may have at most 20 strict tools, 24 optional parameters in
/// all, and 16 parameters with several types (null counts as a type). There are more tools than
/// that, with more of both. Optional parameters are not required, as is usual with that API. Null
/// would only cost tokens.
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

/// Optional parameters are not required, instead of nullable. A client passes the schema on to a
/// model of any vendor, and some refuse a list of types (Gemini) or cut the schema off there
/// (Copilot Studio).
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

/// Gemini's `parameters` are a `Schema`, a message of protocol buffers. An unknown field, such as
/// `additionalProperties`, fails the whole request. `type` is one type and not a list, and `enum`
/// only lists strings, so never null. There is `nullable`, but it is not needed where a parameter
/// may be left out.
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
