//! The API as an OpenAPI document, but for `/mcp`: the Model Context Protocol describes itself.
//!
//! The tools' part is made of the same definitions that the tools run by. Nulls are left out of
//! answers, so what may be null is not required there.

mod administration;
mod catalogue;
mod operation;
mod problems;
mod shape;
mod tools;

use serde_json::{Map, Value, json};
use toolkit::{Definition, Incoming, ToolError};

use crate::openapi::operation::Operation;

/// The document.
pub(crate) fn show(tools: &[Definition], request: &Incoming) -> Result<Value, ToolError> {
    request.parameters(&[])?;
    Ok(document(tools))
}

fn document(tools: &[Definition]) -> Value {
    let mut paths = Map::new();
    let operations = tools::operations(tools)
        .into_iter()
        .chain(catalogue::operations(tools))
        .chain(administration::operations());
    for Operation { method, path, description } in operations {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = description;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dynamics 365 tools for chat bots",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "28 tools over Microsoft Dynamics 365, what bot builders need to use \
                            them, and the connections that they work over.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "tools", "description": "What a bot can do."},
            {"name": "catalog", "description": "What there is, for those who build bots."},
            {"name": "connections", "description": "The Dynamics 365 environments."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Each operation names the scope that it needs.",
                },
            },
            "parameters": operation::headers(),
            "schemas": problems::schemas(),
            "responses": problems::responses(),
        },
    })
}
