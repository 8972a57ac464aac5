//! The tools, one operation each.

use serde_json::{Value, json};
use toolkit::{Access, Definition, ErrorCode};

use crate::annotations::{Annotations, scope};
use crate::answer::answer_schema;
use crate::openapi::operation::Operation;
use crate::schema::arguments;

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

/// The schema that is shared by all of them stands in one place of the document.
fn answer(tool: &Definition) -> Value {
    let mut schema = answer_schema(tool);
    schema["properties"]["escalation"] = json!({
        "$ref": "#/components/schemas/Escalation",
        "description": "Why a person should take over.",
    });
    schema
}
