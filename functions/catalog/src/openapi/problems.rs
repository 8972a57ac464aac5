//! Describes the answers to requests that failed.

use std::collections::BTreeMap;

use auth::Cause;
use crm::reference::Candidate;
use http::StatusCode;
use serde_json::{Map, Value, json};
use toolkit::{DataverseDetails, Declaration, ErrorCode, Preview, WriteState};

use crate::openapi::components::Components;

/// The statuses that API Gateway may answer itself, with a body of its own: for whatever does not reach
/// a function, and if a function does not answer.
const GATEWAY: [StatusCode; 5] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// The statuses after which the same call may succeed by itself.
const PASSING: [StatusCode; 2] = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];

/// The name of the response with this status.
fn name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("Problem");
    words.split_whitespace().collect()
}

/// The name of the response with this status where only API Gateway has it.
fn gateways_name(status: StatusCode) -> String {
    format!("Gateway{}", name(status))
}

/// Where the answers to failed requests of an operation stand, by their statuses.
pub(crate) fn of(operation: &Declaration) -> BTreeMap<StatusCode, Value> {
    let reference = |name: String| json!({"$ref": format!("#/components/responses/{name}")});
    // A 405 is left out, because the document itself lists the methods of each path.
    let codes = operation.problems.iter().filter(|code| **code != ErrorCode::MethodNotAllowed);
    let mut all: BTreeMap<_, _> =
        codes.map(|code| (code.status(), reference(name(code.status())))).collect();
    for status in GATEWAY {
        all.entry(status).or_insert_with(|| reference(gateways_name(status)));
    }
    all
}

/// The responses, by their names.
pub(crate) fn responses() -> Value {
    let mut by_status: BTreeMap<StatusCode, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        by_status.entry(code.status()).or_default().push(*code);
    }
    let mut responses: Map<String, Value> = by_status
        .into_iter()
        .map(|(status, codes)| (name(status), response(status, &codes)))
        .collect();
    for status in GATEWAY {
        responses.insert(gateways_name(status), gateways_response());
    }
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
        // The same for both: generated clients read the body by the first, whatever its type is.
        let refusal = json!({"schema": {"$ref": "#/components/schemas/Refusal"}});
        response["description"] =
            format!("{}. Or what API Gateway says itself.", meanings.join("; ")).into();
        response["content"] = json!({
            "application/problem+json": refusal,
            "application/json": refusal,
        });
    }
    if PASSING.contains(&status) {
        response["headers"] = json!({
            "Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."},
        });
    }
    response
}

/// The response with a status of an operation that never answers so itself.
fn gateways_response() -> Value {
    let message = json!({"schema": {"$ref": "#/components/schemas/GatewayMessage"}});
    json!({
        "description": "What API Gateway says itself.",
        "content": {"application/json": message},
    })
}

/// Adds the schemas that responses share.
pub(crate) fn add_schemas(components: &mut Components) {
    let problem = problem(components);
    let problem = components.add("Problem", problem);
    let message = components.add(
        "GatewayMessage",
        json!({
            "type": "object",
            "description": "What API Gateway says where no function answers.",
            "properties": {"message": {"type": ["string", "null"]}},
            "required": ["message"],
        }),
    );
    components.add_choice("Refusal", json!([problem, message]));
}

/// The schema of a problem: the problem details of RFC 9457, with members of our own.
fn problem(components: &mut Components) -> Value {
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
            "cause": components.of::<Cause>(),
            "set_up_step": {"type": "integer", "minimum": 1, "maximum": 6},
            "write": components.of::<WriteState>(),
            "candidates": {"type": "array", "items": components.of::<Candidate>()},
            "confirmation_id": {
                "type": "string",
                "description": "Under which the call waits until somebody says yes.",
            },
            "preview": components.of::<Preview>(),
            "dataverse": components.of::<DataverseDetails>(),
            "request_id": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail", "code", "retryable", "request_id"],
    })
}
