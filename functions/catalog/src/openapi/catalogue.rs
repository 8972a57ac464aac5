//! The catalogue itself.

use serde_json::{Value, json};
use toolkit::{Definition, ErrorCode, Scope};

use crate::openapi::operation::Operation;
use crate::openapi::shape::{list, text, whole};
use crate::tools::groups;
use crate::{Format, Template};

const FAILURES: [ErrorCode; 7] = [
    ErrorCode::InvalidArguments,
    ErrorCode::Unauthenticated,
    ErrorCode::Forbidden,
    ErrorCode::NotFound,
    ErrorCode::ServiceUnavailable,
    ErrorCode::DeadlineExceeded,
    ErrorCode::Internal,
];

pub(crate) fn operations(tools: &[Definition]) -> Vec<Operation> {
    let group = json!({"type": "string", "enum": groups(tools)});
    let get = |path, id| Operation::new("get", path, id, "catalog", Scope::Read).fails(&FAILURES);
    let format = json!({"type": "string", "enum": Format::ALL.map(Format::name)});
    let template = json!({"type": "string", "enum": Template::ALL.map(Template::id)});
    let in_format = "In the dialect of which vendor. Without it: our own.";
    vec![
        get("/v1/tools", "list_tools")
            .summary("List the tools")
            .query("format", format.clone(), in_format)
            .query("group", group, "Those of one group.")
            .query("template", template.clone(), "Those of a starter template.")
            .query(
                "access",
                json!({"type": "string", "enum": ["read", "write"]}),
                "Those that only look, or those that change something.",
            )
            .kept(
                "The tools, as the vendor's API takes them.",
                whole(json!({"tools": list(json!({"type": "object"}))})),
            ),
        get("/v1/templates", "list_templates")
            .summary("List the starter templates")
            .kept("The templates.", whole(json!({"templates": list(entry())}))),
        get("/v1/templates/{id}", "get_template")
            .summary("Get a starter template, ready to use")
            .in_path("id", template, "Which template.")
            .query(
                "company",
                json!({"type": "string", "minLength": 1, "maxLength": 100}),
                "Whose bot it is. Without it: our company.",
            )
            .query("format", format, in_format)
            .kept(
                "The template.",
                whole(json!({
                    "id": text(), "title": text(), "description": text(), "system_prompt": text(),
                    "tools": list(json!({"type": "object"})), "settings": {"type": "object"},
                })),
            ),
        get("/v1/openapi.json", "get_openapi")
            .summary("Get this document")
            .kept("An OpenAPI document.", json!({"type": "object"})),
    ]
}

fn entry() -> Value {
    whole(json!({
        "id": text(), "title": text(), "description": text(), "tools": list(text()),
    }))
}
