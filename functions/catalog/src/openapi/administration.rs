//! Connections, the sidebar, and the activity log.

use crm::labels::Choice as _;
use crm::record::RecordType;
use serde_json::{Value, json};
use toolkit::inspection::{Organization, SecretExpiry, User};
use toolkit::{ErrorCode, Scope, result_schema};

use crate::openapi::operation::{Operation, connection_id};
use crate::openapi::shape::{list, object, text};
use crate::schema::optional;

const CONNECTIONS: &str = "/v1/connections";

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("get", CONNECTIONS, "list_connections", "connections", Scope::Admin)
            .summary("List connections")
            .query("limit", limit(), "100 by default.")
            .query("cursor", text(), "The `next` of an earlier answer.")
            .answers(200, "Those of the key, as when last checked.", connections())
            .fails(&ErrorCode::ALL),
        about("put", "", "set_up_connection", Scope::Admin)
            .summary("Set a connection up")
            .description("The credentials are tried first; only what works is stored.")
            .body(form())
            .answers(200, "It has been changed.", connection())
            .answers(201, "It has been set up.", connection()),
        about("get", "", "get_connection", Scope::Admin).summary("Look at a connection").answers(
            200,
            "How it is now.",
            connection(),
        ),
        about("delete", "", "remove_connection", Scope::Admin)
            .summary("Remove a connection")
            .answers(200, "For seven days it can be had back by setting it up again.", removed()),
        about("post", "/test", "test_connection", Scope::Admin)
            .summary("Test a connection")
            .answers(200, "How it is now.", connection()),
        about("get", "/sidebar-fields", "get_sidebar_fields", Scope::Read)
            .summary("List the fields of the sidebar")
            .answers(200, "The fields.", fields(json!({"standard": {"type": "boolean"}}))),
        about("put", "/sidebar-fields", "set_sidebar_fields", Scope::Admin)
            .summary("Choose the fields of the sidebar")
            .body(chosen())
            .answers(200, "The fields.", fields(json!({"standard": {"type": "boolean"}}))),
        about("get", "/sidebar-fields/available", "get_available_fields", Scope::Admin)
            .summary("List what can be added to the sidebar")
            .needed("table", table(), "Of which table.")
            .answers(200, "The columns.", available()),
        about("get", "/sidebar", "get_sidebar", Scope::Read)
            .summary("Get the sidebar for a contact")
            .needed("contact", json!({"type": "string", "minLength": 1}), "Id, email or full name.")
            .answers(200, "Each field with its value.", fields(json!({"value": {}}))),
        about("get", "/activity", "get_activity", Scope::Admin)
            .summary("Read the activity log")
            .query("from", moment(), "From then on.")
            .query("to", moment(), "Until then.")
            .query("tool", text(), "Calls of that tool.")
            .query("outcome", text(), "`ok`, or the code of an error.")
            .query("conversation", text(), "Of that chat.")
            .query("limit", limit(), "50 by default.")
            .query("cursor", text(), "The `next` of an earlier answer.")
            .answers(200, "The latest first.", activity()),
    ]
}

/// An operation on one connection.
fn about(method: &'static str, below: &str, id: &str, scope: Scope) -> Operation {
    Operation::new(method, format!("{CONNECTIONS}/{{id}}{below}"), id, "connections", scope)
        .in_path("id", connection_id(), "Which connection.")
        .fails(&ErrorCode::ALL)
}

/// How many there may be on a page.
fn limit() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 200})
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn day() -> Value {
    json!({"type": "string", "format": "date"})
}

fn table() -> Value {
    let labels: Vec<_> = RecordType::ALL.iter().map(|(_, label, _)| *label).collect();
    json!({"type": "string", "enum": labels})
}

/// How a connection was when it was last checked, and how it is found to be now.
fn known_state() -> Value {
    json!({"type": "string", "enum": ["healthy", "broken", "unknown"]})
}

fn state() -> Value {
    json!({"type": "string", "enum": ["healthy", "broken", "unanswered"]})
}

fn form() -> Value {
    // An empty one is answered like a wrong one: with the set-up step that it comes from.
    let credentials = json!({
        "tenant_id": {"type": "string"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string", "format": "password", "writeOnly": true},
        "instance_url": {"type": "string"},
        "secret_expires_on": {
            "type": ["string", "null"],
            "pattern": "^\\s*([0-9]{4}-[0-9]{2}-[0-9]{2})?\\s*$",
            "description": "A date such as 2027-12-01. Empty where it is not known.",
        },
        "label": {"type": ["string", "null"]},
    });
    let needed = ["tenant_id", "client_id", "client_secret", "instance_url"];
    let mut form = object(credentials, &needed);
    form["additionalProperties"] = false.into();
    form
}

fn connections() -> Value {
    let entry = json!({
        "id": connection_id(),
        "label": text(),
        "organization": text(),
        "instance_url": text(),
        "state": known_state(),
        "cause": text(),
        "set_up_step": {"type": "integer"},
        "checked_at": moment(),
        "secret_expires_on": day(),
    });
    let entry = object(entry, &["id", "instance_url", "state"]);
    object(json!({"connections": list(entry), "next": text()}), &["connections"])
}

fn connection() -> Value {
    let mut secret = optional(result_schema::<SecretExpiry>());
    secret["properties"]["begins_with"] = text();
    if let Some(secret) = secret.as_object_mut() {
        // A connection that does not work knows less.
        secret.remove("required");
    }
    let tool = json!({
        "name": text(), "available": {"type": "boolean"}, "missing_privileges": list(text()),
    });
    let view = json!({
        "id": connection_id(),
        "label": text(),
        "instance_url": text(),
        "tenant_id": text(),
        "client_id": text(),
        "checked_at": moment(),
        "state": state(),
        "organization": optional(result_schema::<Organization>()),
        "user": optional(result_schema::<User>()),
        "secret": secret,
        "tools": list(object(tool, &["name", "available"])),
        "problem": {"$ref": "#/components/schemas/Problem"},
        "hints": list(text()),
    });
    object(view, &["id", "checked_at", "state"])
}

fn removed() -> Value {
    let removed = json!({
        "id": connection_id(), "removed": {"type": "boolean"}, "recoverable_until": moment(),
    });
    object(removed, &["id", "removed"])
}

fn column() -> Value {
    let types = ["text", "number", "money", "yes_no", "date", "choice", "lookup"];
    json!({"column": text(), "label": text(), "type": {"type": "string", "enum": types}})
}

/// The fields of the sidebar, and what else there is to each.
fn fields(more: Value) -> Value {
    let mut field = column();
    field["table"] = table();
    for (name, schema) in more.as_object().into_iter().flatten() {
        field[name] = schema.clone();
    }
    let field = object(field, &["table", "column", "label", "type"]);
    object(json!({"fields": list(field), "hints": list(text())}), &["fields"])
}

fn chosen() -> Value {
    let mut field = object(json!({"table": table(), "column": text()}), &["table", "column"]);
    field["additionalProperties"] = false.into();
    let mut chosen = object(json!({"fields": list(field)}), &["fields"]);
    chosen["properties"]["fields"]["maxItems"] = 20.into();
    chosen["additionalProperties"] = false.into();
    chosen
}

fn available() -> Value {
    let field = object(column(), &["column", "label", "type"]);
    object(json!({"table": table(), "fields": list(field)}), &["table", "fields"])
}

fn activity() -> Value {
    let outcomes = ErrorCode::ALL.map(ErrorCode::as_str);
    let outcomes: Vec<_> = std::iter::once("ok").chain(outcomes).collect();
    let entry = json!({
        "at": moment(),
        "kind": {"type": "string", "enum": ["tool_call", "check", "set_up"]},
        "tool": text(),
        "outcome": {"type": "string", "enum": outcomes},
        "duration_ms": {"type": "integer"},
        "trips": {"type": "integer"},
        "conversation": text(),
        "client": text(),
        "records": list(json!({"type": "string", "format": "uuid"})),
        "dataverse_request_id": text(),
        "request_id": text(),
    });
    let entry = object(entry, &["at", "kind", "outcome", "duration_ms", "trips", "request_id"]);
    object(json!({"entries": list(entry), "next": text()}), &["entries"])
}
