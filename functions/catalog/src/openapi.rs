//! The OpenAPI document. It leaves out `/mcp`, because the Model Context Protocol describes itself.
//!
//! It is made from the same declarations by which requests are routed and checked. Nulls are left
//! out of answers, so members that may be null are not required there.

mod components;
mod examples;
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
use crate::openapi::components::Components;
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
        let address = request.incoming.address.as_deref();
        if caller.serves == Serves::Staff && caller.tools.is_none() {
            return Ok(Done::new(Document(at(address, DOCUMENT.clone()))));
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
        Ok(Done::new(Document(at(address, document(&operations, audience)))))
    }
}

/// The document for a key without limits, which never changes while the process runs.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| document(&crate::declarations(), Audience::EVERYBODY));

/// The document of the API at this address.
fn at(address: Option<&str>, mut document: Value) -> Value {
    if let Some(address) = address {
        document["servers"] = json!([{ "url": address }]);
    }
    document
}

fn document(operations: &[Declaration], audience: Audience<'_>) -> Value {
    let mut components = Components::default();
    problems::add_schemas(&mut components);
    let mut paths = Map::new();
    for declaration in operations {
        let item = paths.entry(declaration.path.to_string()).or_insert_with(|| json!({}));
        item[declaration.method.as_str().to_lowercase()] =
            operation::describe(declaration, audience, &mut components);
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
            "schemas": components.into_value(),
            "responses": problems::responses(),
        },
    })
}

#[cfg(test)]
mod tests {
    use toolkit::{Caller, Grants};

    use super::*;

    /// The document for staff, and that for a bot which talks to visitors.
    fn documents() -> [Value; 2] {
        let visitors = Caller {
            client: "bot".to_owned(),
            connections: Grants::All,
            scopes: [Scope::Read, Scope::Write].into(),
            key: None,
            serves: Serves::Visitors,
            tools: None,
            vouches: true,
            confirm: auth::Confirm::None,
            message_is_enough: false,
            conversation_in_header: false,
        };
        let audiences = [Audience::EVERYBODY, Audience::of(&visitors)];
        audiences.map(|audience| document(&crate::declarations(), audience))
    }

    /// Calls a function on each schema of a body and of an answer, and on all within these, with where it
    /// is and whether it is what a name stands for.
    fn each(document: &Value, check: &mut dyn FnMut(&Value, &str, bool)) {
        fn below(
            schema: &Value,
            place: &str,
            has_name: bool,
            check: &mut dyn FnMut(&Value, &str, bool),
        ) {
            check(schema, place, has_name);
            for (name, one) in schema["properties"].as_object().into_iter().flatten() {
                below(one, &format!("{place}.{name}"), false, check);
            }
            for keyword in ["anyOf", "oneOf", "allOf"] {
                for one in schema[keyword].as_array().into_iter().flatten() {
                    below(one, place, false, check);
                }
            }
            for keyword in ["items", "additionalProperties"] {
                if schema[keyword].is_object() {
                    below(&schema[keyword], &format!("{place}[]"), false, check);
                }
            }
        }
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            below(schema, name, true, check);
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap().values();
                for one in responses.chain([&operation["requestBody"]]) {
                    for (_, media) in one["content"].as_object().into_iter().flatten() {
                        below(&media["schema"], &format!("{method} {path}"), false, check);
                    }
                }
            }
        }
    }

    #[test]
    fn what_generators_make_classes_of_has_a_name() {
        for document in documents() {
            let mut count = 0;
            each(&document, &mut |schema, place, has_name| {
                count += 1;
                let needs_name = ["properties", "enum"].iter().any(|it| schema.get(it).is_some())
                    || (schema["type"] == "object" && !schema["additionalProperties"].is_object());
                assert!(has_name || !needs_name, "{place}: {schema:#}");
                // No choice of values is left of an enum.
                assert!(schema.get("const").is_none() && schema.get("oneOf").is_none(), "{place}");
                if let Some(name) = schema["$ref"].as_str() {
                    assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{place}");
                }
            });
            assert!(count > 500, "{count}");
        }
    }

    #[test]
    fn names_are_good_and_stay() {
        let [staffs, visitors] = documents();
        let names = |document: &Value| -> Vec<String> {
            document["components"]["schemas"].as_object().unwrap().keys().cloned().collect()
        };
        for name in names(&staffs) {
            let is_good = name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
                // What stands at the end tells two types of one name apart.
                && !name.ends_with(|last: char| last.is_ascii_digit());
            assert!(is_good, "{name}");
        }
        assert!(names(&visitors).iter().all(|name| names(&staffs).contains(name)));
        insta::assert_snapshot!(names(&staffs).join("\n"));
    }

    #[test]
    fn every_body_and_every_answer_has_an_example() {
        for document in documents() {
            for (path, item) in document["paths"].as_object().unwrap() {
                for (method, operation) in item.as_object().unwrap() {
                    let successes = operation["responses"].as_object().unwrap().iter();
                    let successes = successes.filter(|(status, _)| status.starts_with("20"));
                    let body = operation.get("requestBody");
                    for one in successes.map(|(_, response)| response).chain(body) {
                        let media = &one["content"]["application/json"];
                        assert!(media["example"].is_object(), "{method} {path}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_operation_has_what_the_gateway_answers() {
        for document in documents() {
            for (path, item) in document["paths"].as_object().unwrap() {
                for (method, operation) in item.as_object().unwrap() {
                    for status in ["401", "403", "429", "500", "503"] {
                        let place = operation["responses"][status]["$ref"].as_str();
                        let place = place.unwrap_or_default().trim_start_matches('#');
                        let response = document.pointer(place).unwrap_or(&Value::Null);
                        let schema = &response["content"]["application/json"]["schema"];
                        assert!(schema["$ref"].is_string(), "{method} {path} {status}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_document_says_where_the_api_is() {
        let one = at(Some("https://api.example/dev"), DOCUMENT.clone());
        assert_eq!(one["servers"], json!([{"url": "https://api.example/dev"}]));
        assert_eq!(at(None, DOCUMENT.clone())["servers"], json!([{"url": "/"}]));
    }
}
