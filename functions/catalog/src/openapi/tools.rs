//! The tools, one operation each.

use serde_json::{Value, json};
use toolkit::{Access, Definition, ErrorCode};

use crate::annotations::{Annotations, scope};
use crate::openapi::operation::Operation;
use crate::schema::{arguments, optional};

pub(crate) fn operations(tools: &[Definition]) -> Vec<Operation> {
    tools.iter().map(operation).collect()
}

fn operation(tool: &Definition) -> Operation {
    let path = format!("/v1/tools/{}", tool.name);
    let headers: &[&str] = match tool.access {
        Access::Read => &["ConnectionId", "ConversationId"],
        Access::Write => &["ConnectionId", "ConversationId", "IdempotencyKey"],
    };
    Operation::new("post", path, tool.name, "tools", scope(tool))
        .summary(tool.title)
        .description(tool.description)
        .with("x-group", tool.group.into())
        .with("x-annotations", Annotations::of(tool).to_value())
        .headers(headers)
        .body(arguments(tool.input_schema.clone()))
        .answers(200, "What was asked for.", answer(tool))
        .fails(&ErrorCode::ALL)
}

fn answer(tool: &Definition) -> Value {
    json!({
        "type": "object",
        "properties": {
            "result": optional(tool.output_schema.clone()),
            "hints": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What the bot should do or know next.",
            },
            "escalation": {
                "$ref": "#/components/schemas/Escalation",
                "description": "Why a person should take over.",
            },
        },
        "required": ["result"],
        "additionalProperties": false,
    })
}
