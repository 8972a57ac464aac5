//! The schema of a tool's answer.

use serde_json::{Value, json};
use toolkit::{Definition, Escalation, result_schema};

use crate::schema::without_nulls;

/// The schema of a tool's answer: its result, hints, and whether a person should take over.
///
/// Nulls are left out of answers, so a member that may be null is not required here, and is never
/// null. That leaves one type in each place. There are no references either: some clients take
/// neither lists of types nor references (Microsoft Copilot Studio, "Troubleshoot MCP
/// integration").
pub fn answer_schema(tool: &Definition) -> Value {
    let mut escalation = without_nulls(result_schema::<Escalation>());
    escalation["description"] = "Why a person should take over.".into();
    json!({
        "type": "object",
        "properties": {
            "result": without_nulls(tool.output_schema.clone()),
            "hints": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What the bot should do or know next.",
            },
            "escalation": escalation,
        },
        "required": ["result"],
        "additionalProperties": false,
    })
}
