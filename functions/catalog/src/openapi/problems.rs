//! Describes the answers to requests that failed.

use std::collections::BTreeMap;

use auth::Cause;
use crm::reference::Candidate;
use http::StatusCode;
use serde_json::{Map, Value, json};
use toolkit::{DataverseDetails, ErrorCode, Escalation, Preview, WriteState, result_schema};

use crate::schema::optional;

/// The statuses that API Gateway may answer itself, with a body of its own.
const GATEWAY: [StatusCode; 5] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
];

/// The statuses after which the same call may succeed by itself.
const PASSING: [StatusCode; 2] = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];

/// The name of the response with this status.
pub(crate) fn name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("Problem");
    words.split_whitespace().collect()
}

/// The responses, by their names.
pub(crate) fn responses() -> Value {
    let mut by_status: BTreeMap<StatusCode, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        by_status.entry(code.status()).or_default().push(*code);
    }
    let responses: Map<String, Value> = by_status
        .into_iter()
        .map(|(status, codes)| (name(status), response(status, &codes)))
        .collect();
    responses.into()
}

fn response(status: StatusCode, codes: &[ErrorCode]) -> Value {
    let meanings: Vec<_> = codes.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
    let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
    let mut response = json!({
        "description": format!("{}.", meanings.join("; ")),
        "content": {"application/problem+json": problem},
    });
    if GATEWAY.contains(&status) {
        response["content"]["application/json"] =
            json!({"schema": {"$ref": "#/components/schemas/GatewayMessage"}});
    }
    if PASSING.contains(&status) {
        response["headers"] = json!({
            "Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."},
        });
    }
    response
}

/// The schemas that responses share.
pub(crate) fn schemas() -> Value {
    json!({
        "Problem": problem(),
        "Escalation": optional(result_schema::<Escalation>()),
        "GatewayMessage": {
            "type": "object",
            "description": "What API Gateway says before a function is reached.",
            "properties": {"message": {"type": ["string", "null"]}},
        },
    })
}

/// The schema of a problem: the problem details of RFC 9457, with members of our own.
fn problem() -> Value {
    let candidate = optional(result_schema::<Candidate>());
    json!({
        "type": "object",
        "description": "The problem details of RFC 9457.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "enum": ErrorCode::ALL},
            "retryable": {
                "type": "boolean",
                "description": "Whether the same call may succeed later by itself.",
            },
            "retry_after": {"type": "integer", "description": "In seconds."},
            "say": {"type": "string", "description": "What may be said of it in the chat."},
            "next_step": {"type": "string", "description": "For the bot."},
            "admin_action": {"type": "string", "description": "For whoever runs the connection."},
            "cause": result_schema::<Cause>(),
            "set_up_step": {"type": "integer", "minimum": 1, "maximum": 6},
            "write": result_schema::<WriteState>(),
            "candidates": {"type": "array", "items": candidate},
            "confirmation_id": {
                "type": "string",
                "description": "Under which the call waits until somebody says yes.",
            },
            "preview": optional(result_schema::<Preview>()),
            "dataverse": optional(result_schema::<DataverseDetails>()),
            "request_id": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail", "code", "retryable", "request_id"],
    })
}
