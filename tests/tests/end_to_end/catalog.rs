//! The catalogue for those who build bots: tools, templates, the OpenAPI document.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};
use stack::{API_KEY, VISITOR_KEY};
use toolkit::sha256_hex;

use crate::harness::{Answer, Bench};

/// The templates.
const TEMPLATES: [&str; 4] =
    ["customer-service", "sales-assistant", "account-manager", "full-specialist"];

async fn get(bench: &Bench, path: &str) -> Answer {
    bench.request("GET", path, None).await
}

async fn tools(bench: &Bench, query: &str) -> Vec<Value> {
    let answer = get(bench, &format!("/v1/tools{query}")).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body["tools"].as_array().unwrap().clone()
}

/// The names of the tools, wherever a dialect has them.
fn names(tools: &[Value]) -> Vec<&str> {
    tools
        .iter()
        .flat_map(|tool| match &tool["functionDeclarations"] {
            Value::Array(declarations) => declarations.iter().collect(),
            _ => vec![tool],
        })
        .map(|tool| tool["name"].as_str().or(tool["function"]["name"].as_str()).unwrap())
        .collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn strict_schema(tool: &str) -> Value {
    let definitions = crate::harness::staffs_tools();
    definitions.iter().find(|one| one.name == tool).unwrap().input_schema.clone()
}

/// Checks that the arguments are those of the strict schema. A property that may be null there is
/// not required here.
fn check_arguments(schema: &Value, strict: &Value) {
    let properties = strict["properties"].as_object().unwrap();
    assert_eq!(keys(&schema["properties"]), keys(&strict["properties"]));
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    for (name, property) in properties {
        let types = property["type"].as_array().into_iter().flatten();
        let is_nullable = types.clone().any(|one| one == "null");
        assert_eq!(required.contains(&&json!(name)), !is_nullable, "{name}");
    }
    each(schema, &mut |schema, _| {
        assert!(schema["type"].is_string(), "{schema}");
        schema["properties"].as_object().into_iter().flatten().for_each(|(name, _)| {
            check_argument_name(name);
        });
    });
}

/// Calls a function on a schema and on all below it, with how many objects it lies in.
fn each(schema: &Value, check: &mut dyn FnMut(&Value, usize)) {
    fn below(schema: &Value, depth: usize, check: &mut dyn FnMut(&Value, usize)) {
        check(schema, depth);
        for property in schema["properties"].as_object().into_iter().flat_map(|all| all.values()) {
            below(property, depth + 1, check);
        }
        if schema["items"].is_object() {
            below(&schema["items"], depth, check);
        }
    }
    below(schema, 0, check);
}

/// All keywords of our schemas. Every vendor takes them, and `each` covers them.
fn check_keywords(schema: &Value) {
    let known =
        ["type", "description", "enum", "items", "properties", "required", "additionalProperties"];
    for keyword in keys(schema) {
        assert!(known.contains(&keyword), "{keyword}");
    }
    assert!(schema["type"] != "array" || schema["items"].is_object());
}

/// Whether every vendor takes the name: letters, digits, `_` and `-`, a letter first, at most 63.
///
/// OpenAI allows 64 (`FunctionDefinition.name` in openai/openai-python), Anthropic and the Model
/// Context Protocol 128, Gemini 63 to 128 by its version (`FunctionDeclaration.name` in
/// googleapis/googleapis, generativelanguage/v1beta/content.proto), and on Vertex AI a letter or `_`
/// must come first.
fn check_name(name: &Value) {
    let name = name.as_str().unwrap();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    assert!(name.bytes().all(allowed) && (1..=63).contains(&name.len()), "{name}");
    assert!(name.starts_with(|first: char| first.is_ascii_alphabetic()), "{name}");
}

/// Whether every vendor takes the argument's name. Vertex AI takes letters, digits and `_`, no
/// digit first, at most 64. Anthropic takes `^[a-zA-Z0-9_.-]{1,64}$`.
fn check_argument_name(name: &str) {
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    assert!((1..=64).contains(&name.len()), "{name}");
}

#[tokio::test]
async fn our_own_format_has_all_there_is_to_know() {
    let bench = Bench::start().await;
    let tools = tools(&bench, "").await;
    assert_eq!(tools.len(), crate::harness::staffs_tools().len());
    for (tool, definition) in tools.iter().zip(crate::harness::staffs_tools()) {
        assert_eq!(
            keys(tool),
            [
                "name",
                "title",
                "description",
                "group",
                "access",
                "scope",
                "annotations",
                "input_schema"
            ]
        );
        let access = definition.scope.as_str();
        assert_eq!((&tool["access"], &tool["scope"]), (&json!(access), &json!(access)));
        assert_eq!(tool["input_schema"], definition.input_schema);
    }
    let quote = tools.iter().find(|tool| tool["name"] == "dynamics365_create_quote").unwrap();
    assert_eq!(quote["group"], "engagement");
}

/// OpenAI's strict mode: every object closed, every property required; the root an object, without
/// `anyOf`; in each schema at most ten levels, 5,000 properties, 1,000 values of enums, 120,000
/// characters of names and values; no `allOf`, `not`, `if`, `dependentRequired` or the like. Source:
/// OpenAI's guide "Structured outputs", "Supported schemas". Bounds and patterns are taken, but not
/// with fine-tuned models; we send none. Older models took five levels. A description of 1,024
/// characters was once the most that the API took, and is still what Microsoft 365 Copilot advises.
#[tokio::test]
async fn openai_takes_the_tools_in_its_strict_mode() {
    let bench = Bench::start().await;
    let tools = tools(&bench, "?format=openai").await;
    assert_eq!(tools.len(), crate::harness::staffs_tools().len());
    for tool in &tools {
        assert_eq!(keys(tool), ["type", "function"]);
        assert_eq!(tool["type"], "function");
        let function = &tool["function"];
        assert_eq!(keys(function), ["name", "description", "strict", "parameters"]);
        assert_eq!(function["strict"], true);
        check_name(&function["name"]);
        assert!(function["description"].as_str().unwrap().len() <= 1024);
        assert_eq!(function["parameters"]["type"], "object");
        let (mut properties, mut values, mut characters) = (0, 0, 0);
        each(&function["parameters"], &mut |schema, depth| {
            check_keywords(schema);
            assert!(depth <= 5);
            if let Value::Object(all) = &schema["properties"] {
                let names: Vec<_> = all.keys().cloned().collect();
                assert_eq!(schema["required"], json!(names));
                assert_eq!(schema["additionalProperties"], false);
                properties += names.len();
                characters += names.iter().map(String::len).sum::<usize>();
            }
            let of_enum = schema["enum"].as_array().into_iter().flatten();
            values += of_enum.clone().count();
            characters += of_enum.filter_map(Value::as_str).map(str::len).sum::<usize>();
        });
        assert!(properties <= 5000 && values <= 250 && characters <= 120_000);
    }
}

/// Anthropic's tools: a name, a description, and a JSON schema whose root is an object (`ToolParam`
/// of anthropic-sdk-python). The API refuses `anyOf`, `oneOf` and `allOf` at the root, property names
/// other than `^[a-zA-Z0-9_.-]{1,64}$`, and, of managed agents, any `$ref` (platform.claude.com,
/// "Self-hosted sandboxes" of managed agents; the API's own error messages).
#[tokio::test]
async fn anthropic_takes_the_tools() {
    let bench = Bench::start().await;
    let tools = tools(&bench, "?format=anthropic").await;
    assert_eq!(tools.len(), crate::harness::staffs_tools().len());
    for tool in &tools {
        assert_eq!(keys(tool), ["name", "description", "input_schema"]);
        check_name(&tool["name"]);
        assert_eq!(tool["input_schema"]["type"], "object");
        each(&tool["input_schema"], &mut |schema, _| check_keywords(schema));
        jsonschema::meta::validate(&tool["input_schema"]).unwrap();
        let name = tool["name"].as_str().unwrap();
        check_arguments(&tool["input_schema"], &strict_schema(name));
    }
}

/// Gemini's `Schema` has the fields of the message of that name in googleapis,
/// generativelanguage/v1beta/content.proto. Any other fails the request ("Unknown name … Cannot find
/// field"), `additionalProperties` too, which Vertex AI takes; and so does a list of types ("Proto
/// field is not repeating"). A description is required.
#[tokio::test]
async fn gemini_takes_the_tools() {
    let bench = Bench::start().await;
    let tools = tools(&bench, "?format=gemini").await;
    assert_eq!(tools.len(), 1);
    assert_eq!(keys(&tools[0]), ["functionDeclarations"]);
    let declarations = tools[0]["functionDeclarations"].as_array().unwrap();
    assert_eq!(declarations.len(), crate::harness::staffs_tools().len());
    let strict = crate::harness::staffs_tools();
    for (declaration, definition) in declarations.iter().zip(&strict) {
        assert_eq!(keys(declaration), ["name", "description", "parameters"]);
        check_name(&declaration["name"]);
        assert!(!declaration["description"].as_str().unwrap().is_empty());
        each(&declaration["parameters"], &mut |schema, _| {
            check_keywords(schema);
            assert!(schema.get("additionalProperties").is_none());
            let types = ["string", "number", "integer", "boolean", "array", "object"];
            assert!(types.contains(&schema["type"].as_str().unwrap()), "{schema}");
            let values = schema["enum"].as_array().into_iter().flatten();
            assert!(values.clone().all(Value::is_string), "{schema}");
            // An object without properties is refused.
            if schema["type"] == "object" {
                assert!(!schema["properties"].as_object().unwrap().is_empty());
            }
        });
        check_arguments(&declaration["parameters"], &definition.input_schema);
    }
}

/// `Tool` of the Model Context Protocol, schemas 2025-11-25 and 2026-07-28. All four hints are given, for what is
/// left out counts as destructive and open to the world.
#[tokio::test]
async fn mcp_lists_the_tools() {
    let bench = Bench::start().await;
    let tools = tools(&bench, "?format=mcp").await;
    assert_eq!(tools.len(), crate::harness::staffs_tools().len());
    for (tool, definition) in tools.iter().zip(crate::harness::staffs_tools()) {
        assert_eq!(keys(tool), ["name", "title", "description", "inputSchema", "annotations"]);
        check_name(&tool["name"]);
        assert_eq!(tool["inputSchema"]["type"], "object");
        each(&tool["inputSchema"], &mut |schema, _| check_keywords(schema));
        let hints = &tool["annotations"];
        let all = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
        assert_eq!(keys(hints), all);
        assert_eq!(hints["readOnlyHint"], !definition.effect.writes());
        assert!(hints["readOnlyHint"] == false || hints["destructiveHint"] == false);
        check_arguments(&tool["inputSchema"], &definition.input_schema);
    }
    let hints = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        tool["annotations"].clone()
    };
    assert_eq!(hints("dynamics365_update_case")["destructiveHint"], true);
    assert_eq!(hints("dynamics365_update_case")["idempotentHint"], true);
    assert_eq!(hints("dynamics365_create_case")["destructiveHint"], false);
    assert_eq!(hints("dynamics365_create_case")["idempotentHint"], false);
}

#[test]
fn the_tools_of_mcp_in_tokens() {
    let count = |value: &Value| bpe_openai::o200k_base().count(&value.to_string());
    let format = catalog::Format::Mcp;
    let (mut read, mut whole) = (0, 0);
    for definition in crate::harness::staffs_tools() {
        let tool = format.definition(&definition);
        whole += count(&tool);
        // Title and annotations are for the client. A model does not see them.
        read += count(&json!({
            "name": tool["name"], "description": tool["description"],
            "inputSchema": tool["inputSchema"],
        }));
    }
    println!("{read} tokens for the model, {whole} with what is for the client");
    assert!(read < 4500, "{read}");
}

#[tokio::test]
async fn each_vendors_list() {
    let bench = Bench::start().await;
    for format in ["neutral", "openai", "anthropic", "gemini", "mcp"] {
        let tools = tools(&bench, &format!("?format={format}")).await;
        let tools = match &tools[0]["functionDeclarations"] {
            Value::Array(declarations) => declarations.clone(),
            _ => tools,
        };
        let lines: Vec<_> = tools.iter().map(Value::to_string).collect();
        assert_eq!(lines.len(), crate::harness::staffs_tools().len());
        insta::assert_snapshot!(format!("tools_{format}"), lines.join("\n"));
    }
}

#[tokio::test]
async fn filters() {
    let bench = Bench::start().await;
    let all = crate::harness::staffs_tools();
    let mut groups: Vec<_> = all.iter().map(|tool| tool.group).collect();
    groups.dedup();
    assert_eq!(groups.len(), 7);
    let mut together = Vec::new();
    for group in groups {
        let of_group = tools(&bench, &format!("?group={group}&format=gemini")).await;
        together.extend(names(&of_group).into_iter().map(str::to_owned));
    }
    assert_eq!(together, all.iter().map(|tool| tool.name).collect::<Vec<_>>());

    let reading = tools(&bench, "?access=read&format=mcp").await;
    let writing = tools(&bench, "?access=write&format=openai").await;
    assert_eq!(reading.len() + writing.len(), crate::harness::staffs_tools().len());
    assert!(reading.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true));
    assert!(names(&writing).contains(&"dynamics365_create_note"));

    let both = tools(&bench, "?group=case&access=write&template=customer-service").await;
    assert_eq!(names(&both), ["dynamics365_create_case", "dynamics365_update_case"]);
    let none = tools(&bench, "?group=lead&template=customer-service").await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn what_is_not_known_is_refused_and_what_is_known_is_named() {
    let bench = Bench::start().await;
    for (path, expected) in [
        ("/v1/tools?format=grok", "neutral, openai, anthropic, gemini, mcp"),
        ("/v1/tools?group=cases", "contact, account, lead, opportunity, case, activity"),
        ("/v1/tools?template=sales", "customer-service, sales-assistant"),
        ("/v1/tools?access=admin", "read, write"),
        ("/v1/tools?page=2", "format, group, template, access"),
        ("/v1/tools?group=case&group=lead", "once"),
        ("/v1/templates?format=openai", "known are: none"),
        ("/v1/templates/sales-assistant?name=x", "company, format, time_zone"),
        ("/v1/templates/sales-assistant?time_zone=Berlin", "such as Europe/Berlin"),
        ("/v1/templates/sales-assistant?time_zone=", "such as Europe/Berlin"),
        ("/v1/templates/sales-assistant?company=", "empty"),
        ("/v1/templates/sales-assistant?company=a%0Ab", "line breaks"),
    ] {
        let answer = get(&bench, path).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{path} {problem:#}");
    }
    let answer = get(&bench, "/v1/templates/sales").await;
    let problem = answer.problem("not_found");
    assert!(problem["next_step"].as_str().unwrap().contains("sales-assistant"));
    let answer = bench.request("DELETE", "/v1/templates", None).await;
    assert_eq!(answer.problem("method_not_allowed")["detail"], "that path takes GET");
    assert_eq!((answer.status, answer.allow.as_deref()), (405, Some("GET")));
}

#[tokio::test]
async fn a_tool_is_called_below_the_list() {
    let bench = Bench::start().await;
    bench.call("search_contacts", json!({"query": "quist"})).await.result();
    get(&bench, "/v1/tools/dynamics365_search_contacts").await.problem("method_not_allowed");
    bench.request("POST", "/v1/tools", Some(json!({}))).await.problem("method_not_allowed");
}

#[tokio::test]
async fn it_takes_the_scope_to_read() {
    let bench = Bench::start().await;
    let key = json!({
        "client": "writer", "sha256": sha256_hex("writer"), "connections": ["*"],
        "scopes": ["write"], "for": "staff",
    });
    bench.store("dynamics365/api-keys", &json!({ "keys": [key] }).to_string()).await;
    for path in ["/v1/tools", "/v1/templates", "/v1/templates/full-specialist"] {
        bench.request_with_key("writer", "GET", path, None).await.problem("forbidden");
        bench.request_with_key("nobody", "GET", path, None).await.problem("unauthenticated");
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let bench = Bench::start().await;
    let http = reqwest::Client::new();
    let fetch = async |path: &str, known: Option<&str>| {
        let mut request = http.get(format!("{}{path}", bench.stack.url())).bearer_auth(API_KEY);
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        request.send().await.unwrap()
    };
    let header = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let mut tags = BTreeSet::new();
    let paths =
        ["/v1/tools", "/v1/tools?format=mcp", "/v1/templates/full-specialist", "/v1/openapi.json"];
    for path in paths {
        let first = fetch(path, None).await;
        let tag = header(&first, "etag").unwrap();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is not strong");
        assert_eq!(header(&first, "cache-control").unwrap(), "private, max-age=300");
        assert_eq!(tag, format!("\"{}\"", sha256_hex(first.text().await.unwrap())));

        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let again = fetch(path, Some(&known)).await;
            assert_eq!(again.status(), 304, "{known}");
            assert_eq!(header(&again, "etag").unwrap(), tag);
            assert_eq!(header(&again, "cache-control").unwrap(), "private, max-age=300");
            assert_eq!(header(&again, "content-type"), None);
            assert!(again.bytes().await.unwrap().is_empty());
        }
        assert_eq!(fetch(path, Some("\"other\"")).await.status(), 200);
        tags.insert(tag);
    }
    assert_eq!(tags.len(), paths.len());
}

#[tokio::test]
async fn a_template_says_which_day_it_is_where_the_visitor_is() {
    let bench = Bench::start().await;
    let prompt = async |query: &str| {
        let answer = get(&bench, &format!("/v1/templates/customer-service{query}")).await;
        answer.body["system_prompt"].as_str().unwrap().to_owned()
    };
    let without = prompt("").await;
    let today = || jiff::Timestamp::now().in_tz("Pacific/Auckland").unwrap().date();
    let before = today();
    let with = prompt("?time_zone=Pacific/Auckland").await;
    let line = with.strip_prefix(&without).unwrap();
    // Midnight may come between.
    assert!([before, today()].iter().any(|day| line.contains(&day.to_string())), "{line}");
    assert!(line.contains("in the time zone Pacific/Auckland. Say and take days and times"));
}

#[tokio::test]
async fn templates_are_ready_to_use() {
    let bench = Bench::start().await;
    let answer = get(&bench, "/v1/templates").await;
    let listed = answer.body["templates"].as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(|template| template["id"].as_str().unwrap()).collect();
    assert_eq!(ids, TEMPLATES);
    for entry in listed {
        let id = entry["id"].as_str().unwrap();
        let path =
            format!("/v1/templates/{id}?company=Fabrikam%20%26%20S%C3%B6hne&format=anthropic");
        let template = get(&bench, &path).await.body;
        assert_eq!(
            keys(&template),
            ["id", "title", "description", "system_prompt", "tools", "settings"]
        );
        let prompt = template["system_prompt"].as_str().unwrap();
        assert!(prompt.contains("Fabrikam & Söhne"), "{prompt}");
        let of_template = tools(&bench, &format!("?template={id}&format=anthropic")).await;
        assert_eq!(template["tools"], json!(of_template));
        assert_eq!(entry["tools"], json!(names(&of_template)));
        let writing = tools(&bench, &format!("?template={id}&access=write")).await;
        assert_eq!(template["settings"]["write_tools"], json!(names(&writing)));
        // A model reads it with every message.
        let tokens = bpe_openai::o200k_base().count(prompt);
        println!("{tokens:5} tokens for the prompt of {id}");
        assert!(tokens < 1500, "{id}: {tokens}");
    }
    let full = tools(&bench, "?template=full-specialist").await;
    assert_eq!(full.len(), crate::harness::staffs_tools().len());
}

#[tokio::test]
async fn a_template_is_a_request_to_openai() {
    let schema: Value =
        serde_json::from_str(include_str!("vendors/openai-chat-completions.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let bench = Bench::start().await;
    for id in TEMPLATES {
        let template = get(&bench, &format!("/v1/templates/{id}?format=openai")).await.body;
        let listed = tools(&bench, &format!("?template={id}&format=openai")).await;
        assert_eq!(template["tools"], json!(listed));
        let request = json!({
            "model": "gpt-5.5",
            "messages": [
                {"role": "system", "content": template["system_prompt"]},
                {"role": "user", "content": "Hello! My printer has stopped."},
            ],
            "tools": template["tools"],
            "tool_choice": "auto",
            "parallel_tool_calls": true,
        });
        let errors: Vec<_> =
            validator.iter_errors(&request).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{id}: {errors:?}");
        // The tools of another vendor's dialect do not fit.
        let mut request = request;
        request["tools"] = tools(&bench, &format!("?template={id}&format=mcp")).await.into();
        assert!(!validator.is_valid(&request));
    }
}

async fn document(bench: &Bench) -> Value {
    let answer = get(bench, "/v1/openapi.json").await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body
}

/// Each operation with its method and path.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(|(method, operation)| (method.clone(), path.clone(), operation.clone()))
        })
        .collect()
}

/// Checks values against a schema of the document, whose references lead to places in it.
pub(crate) fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({"allOf": [schema], "components": document["components"]});
    jsonschema::validator_for(&whole).unwrap()
}

/// What is wrong with an answer, according to the document.
fn faults(document: &Value, method: &str, path: &str, answer: &Answer) -> Vec<String> {
    let responses = &document["paths"][path][method]["responses"];
    let mut response = &responses[answer.status.to_string()];
    if let Some(place) = response["$ref"].as_str() {
        response = document.pointer(place.trim_start_matches('#')).unwrap();
    }
    let schema = &response["content"][answer.content_type.as_str()]["schema"];
    if schema.is_null() {
        return vec![format!("{} {} is not documented", answer.status, answer.content_type)];
    }
    let validator = validator(document, schema);
    validator.iter_errors(&answer.body).map(|error| error.to_string()).collect()
}

#[tokio::test]
async fn the_document_holds_together() {
    fn references<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                all.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, all));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, all)),
            _ => {}
        }
    }
    let bench = Bench::start().await;
    let document = document(&bench).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut all = Vec::new();
    references(&document, &mut all);
    assert!(all.len() > crate::harness::staffs_tools().len() * 10);
    for place in all {
        assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
    }

    let operations = operations(&document);
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, one)| one["operationId"].clone())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), operations.len());
    for (method, path, operation) in &operations {
        // Every key may ask for the version, and needs one scope for all the rest.
        let scopes = operation["security"][0]["api_key"].as_array().unwrap();
        assert_eq!(scopes.len(), usize::from(*path != "/v1/version"), "{path}");
        for status in ["400", "401", "403", "429", "500", "503"] {
            assert!(operation["responses"][status].is_object(), "{method} {path}: {status}");
        }
        // A name in braces is a parameter of the path.
        let named = operation["parameters"].as_array().unwrap().iter();
        let named: Vec<_> = named
            .filter(|one| one["in"] == "path")
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(named.len(), path.matches('{').count(), "{path}");
    }
}

#[tokio::test]
async fn the_document_says_where_the_api_is_whatever_headers_say() {
    let (one, other) = tokio::join!(Box::pin(Bench::start()), Box::pin(Bench::start()));
    let http = reqwest::Client::new();
    let mut tags = BTreeSet::new();
    for bench in [&one, &other] {
        let url = bench.stack.url();
        let request = http.get(format!("{url}/v1/openapi.json")).bearer_auth(API_KEY);
        let request = request.header("x-forwarded-host", "evil.example");
        let request = request.header("forwarded", "host=evil.example;proto=http");
        let response = request.send().await.unwrap();
        // Whoever keeps the document of one address does not take it for that of another.
        tags.insert(response.headers()["etag"].to_str().unwrap().to_owned());
        let document: Value = response.json().await.unwrap();
        assert_eq!(document["servers"], json!([{ "url": url }]));
    }
    assert_eq!(tags.len(), 2);
}

/// Generators of clients make a type of each value of such a choice, and then refuse the others.
#[tokio::test]
async fn no_schema_is_a_choice_of_single_values() {
    fn check(value: &Value, place: &str) {
        match value {
            Value::Object(object) => {
                let choices = object.get("oneOf").or(object.get("anyOf")).and_then(Value::as_array);
                let is_single = |one: &Value| one.get("const").is_some();
                let are_single = choices.is_some_and(|all| all.iter().any(is_single));
                assert!(!are_single, "{place}: {value:#}");
                object.iter().for_each(|(name, value)| check(value, &format!("{place}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, place)),
            _ => {}
        }
    }
    let bench = Bench::start().await;
    for key in [API_KEY, VISITOR_KEY] {
        for path in ["/v1/openapi.json", "/v1/templates/full-specialist"] {
            let answer = bench.request_with_key(key, "GET", path, None).await;
            assert_eq!(answer.status, 200, "{path}: {:#}", answer.body);
            check(&answer.body, path);
        }
        for format in ["neutral", "openai", "anthropic", "gemini", "mcp"] {
            let path = format!("/v1/tools?format={format}");
            check(&bench.request_with_key(key, "GET", &path, None).await.body, &path);
        }
    }
    // Over the Model Context Protocol, tools say what they answer, too.
    for definition in stack::tools() {
        check(&catalog::answer_schema(&definition), definition.name);
    }
}

#[tokio::test]
async fn every_tool_is_in_the_document() {
    let bench = Bench::start().await;
    let document = document(&bench).await;
    for definition in crate::harness::staffs_tools() {
        let operation = &document["paths"][format!("/v1/tools/{}", definition.name)]["post"];
        assert_eq!(operation["operationId"], definition.name);
        let input = &operation["requestBody"]["content"]["application/json"]["schema"];
        let place = input["$ref"].as_str().unwrap().trim_start_matches('#');
        jsonschema::meta::validate(document.pointer(place).unwrap()).unwrap();
        // The document takes the arguments of the strict schema, and demands fewer.
        let strict = jsonschema::validator_for(&definition.input_schema).unwrap();
        let documented = validator(&document, input);
        assert!(!documented.is_valid(&json!({"no_such_argument": 1})), "{}", definition.name);
        let nothing: Value = keys(&definition.input_schema["properties"])
            .into_iter()
            .map(|name| (name.to_owned(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(strict.is_valid(&nothing), documented.is_valid(&nothing));
        let statuses: BTreeSet<u16> = keys(&operation["responses"])
            .into_iter()
            .map(|status| status.parse().unwrap())
            .collect();
        // These stand in the table of docs/calling-tools.md.
        let expected = [200, 400, 401, 403, 404, 409, 412, 422, 424, 429, 500, 503, 504];
        assert_eq!(statuses, BTreeSet::from(expected), "{}", definition.name);
    }
}

#[tokio::test]
async fn answers_are_as_the_document_says() {
    let bench = Bench::start().await;
    let document = document(&bench).await;
    for (tool, arguments) in crate::schemas::samples() {
        let path = format!("/v1/tools/dynamics365_{tool}");
        let schema = &document["paths"][&path]["post"]["requestBody"]["content"]["application/json"]
            ["schema"];
        assert!(validator(&document, schema).is_valid(&arguments), "{tool}");
        let answer = bench.call(tool, arguments).await;
        answer.result();
        assert_eq!(faults(&document, "post", &path, &answer), [] as [String; 0], "{tool}");
        let answer = bench.call(tool, json!({"no_such_argument": 1})).await;
        answer.problem("invalid_arguments");
        assert_eq!(faults(&document, "post", &path, &answer), [] as [String; 0], "{tool}");
    }
}

#[tokio::test]
async fn every_path_of_the_document_is_there() {
    let bench = Bench::start().await;
    let document = document(&bench).await;
    let mut operations = stack::declarations();
    // Nothing waits for a yes.
    operations.retain(|one| one.definition.is_none() && one.id != "press_button");
    // Operations that remove something come last.
    operations.sort_by_key(|one| one.method.as_str() == "DELETE");
    for one in operations {
        let (method, path) = (one.method.as_str(), one.path.as_ref());
        let operation = &document["paths"][path][method.to_lowercase()];
        let body = one.example.body.replace("http://127.0.0.1:3001", &bench.stack.emulator().url());
        let body: Option<Value> = (!body.is_empty()).then(|| serde_json::from_str(&body).unwrap());
        if let Some(body) = &body {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert!(validator(&document, schema).is_valid(body), "{method} {path}");
        }
        let url = crate::operations::url(&one);
        let answer = bench.request(method, &url, body).await;
        let faults = |answer| faults(&document, &method.to_lowercase(), path, answer);
        assert!((200..300).contains(&answer.status), "{method} {url} {:#}", answer.body);
        assert_eq!(faults(&answer), [] as [String; 0], "{url}");
        let answer = bench.request_with_key("nobody", method, &url, None).await;
        assert_eq!(faults(&answer), [] as [String; 0], "{url}");
    }
    let answer = bench.request("GET", "/v1/connections/default", None).await;
    answer.problem("connection_not_found");
    let path = "/v1/connections/{id}";
    assert_eq!(faults(&document, "get", path, &answer), [] as [String; 0]);
}
