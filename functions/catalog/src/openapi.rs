//! The OpenAPI document. It leaves out `/mcp`, because the Model Context Protocol describes itself.
//!
//! It is made from the same declarations by which requests are routed and checked. Nulls are left
//! out of answers, so members that may be null are not required there.

mod operation;
mod problems;

use std::borrow::Cow;
use std::sync::LazyLock;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use toolkit::operation::{Empty, NoParameters, Nothing, Section};
use toolkit::{
    Audience, Declaration, Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope,
    Serves, ToolError,
};

use crate::Catalog;
use crate::tools_list::PROBLEMS;

/// Gives the document.
pub(crate) struct GetOpenApi;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Document(#[schemars(with = "Map<String, Value>")] Value);

impl Operation for GetOpenApi {
    const ID: &'static str = "get_openapi";
    const TITLE: &'static str = "Get this document";
    const SECTION: Section = Section::Catalog;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Reads;
    const IS_KEPT: bool = true;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "An OpenAPI document.")];
    const PROBLEMS: &'static [ErrorCode] = &PROBLEMS;
    const EXAMPLE: Example = Example::PLAIN;

    type About = Nothing;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = Document;

    fn path() -> Cow<'static, str> {
        "/v1/openapi.json".into()
    }
}

impl Endpoint for GetOpenApi {
    type Home = Catalog;

    async fn call(
        _: &Catalog,
        request: Request<'_, GetOpenApi>,
    ) -> Result<Done<Document>, ToolError> {
        let caller = &request.caller;
        if caller.serves == Serves::Staff && caller.tools.is_none() {
            return Ok(Done::new(Document(DOCUMENT.clone())));
        }
        let reaches = |one: &Declaration| {
            let is_in_reach = caller.authorize_reach(one.is_for_visitors).is_ok();
            is_in_reach && one.definition.as_ref().is_none_or(|tool| caller.lists(tool))
        };
        let audience = Audience::of(caller);
        let operations = crate::declarations().into_iter().filter(reaches);
        let for_audience = |mut one: Declaration| {
            one.definition = one.definition.map(|it| it.for_audience(audience).into_owned());
            one
        };
        let operations: Vec<_> = operations.map(for_audience).collect();
        Ok(Done::new(Document(document(&operations))))
    }
}

/// The document for a key without limits, which never changes while the process runs.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&crate::declarations()));

fn document(operations: &[Declaration]) -> Value {
    let mut paths = Map::new();
    for declaration in operations {
        let item = paths.entry(declaration.path.to_string()).or_insert_with(|| json!({}));
        item[declaration.method.as_str().to_lowercase()] = operation::describe(declaration);
    }
    let has = |section: Section| operations.iter().any(|one| one.section == section);
    let connections = match has(Section::Connections) {
        true => ", and the connections that they work over",
        false => "",
    };
    let mut tags = vec![
        json!({"name": "tools", "description": "What a bot can do."}),
        json!({"name": "catalog", "description": "What there is, for those who build bots."}),
    ];
    for (section, tag) in [
        (
            Section::Conversations,
            json!({"name": "conversations", "description": "Chats with visitors."}),
        ),
        (
            Section::Connections,
            json!({"name": "connections", "description": "The Dynamics 365 environments."}),
        ),
        (Section::Keys, json!({"name": "keys", "description": "The API keys."})),
    ] {
        tags.extend(has(section).then_some(tag));
    }
    let tools = operations.iter().filter(|one| one.section == Section::Tools).count();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dynamics 365 tools for chat bots",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "{tools} tools over Microsoft Dynamics 365, what bot builders need to use \
                 them{connections}."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
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
