//! A sample event for each operation, in the form that API Gateway sends, for `sam local invoke`.

use serde_json::{Map, Value, json};
use toolkit::Declaration;
use url::form_urlencoded;

/// The samples that are written by hand. They belong to no operation, or to one that is not
/// declared.
pub(crate) const BY_HAND: [&str; 7] = [
    "authorizer.json",
    "health.json",
    "local-env.json",
    "mcp_call_tool.json",
    "mcp_get_prompt.json",
    "mcp_initialize.json",
    "mcp_list_tools.json",
];

const DOMAIN: &str = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";
const ADDRESS: &str = "203.0.113.7";
const AGENT: &str = "chat-platform/1.0";

/// The file name of the sample of an operation.
pub(crate) fn file_name(operation: &Declaration) -> String {
    format!("{}.json", operation.id)
}

/// The example of an operation as an event.
pub(crate) fn event(operation: &Declaration) -> String {
    let example = operation.example;
    let (method, route) = (operation.method.as_str(), operation.route());
    let mut path = operation.path.to_string();
    for (name, value) in example.path {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": &route,
        "rawPath": &path,
        "rawQueryString": example.query,
        "headers": headers(operation),
    });
    let query = form_urlencoded::parse(example.query.as_bytes());
    add(&mut event, "queryStringParameters", query.map(|(name, value)| (name, value.into())));
    let parameters = example.path.iter();
    add(&mut event, "pathParameters", parameters.map(|(name, value)| (*name, Value::from(*value))));
    event["requestContext"] = json!({
        "accountId": "123456789012",
        "apiId": "a1b2c3d4e5",
        "authorizer": {
            "lambda": {
                "client": "local", "connections": "*", "for": "staff",
                "scopes": "read write admin",
            },
        },
        "domainName": DOMAIN,
        "domainPrefix": "a1b2c3d4e5",
        "http": {
            "method": method,
            "path": &path,
            "protocol": "HTTP/1.1",
            "sourceIp": ADDRESS,
            "userAgent": AGENT,
        },
        "requestId": "SampleEvent0001=",
        "routeKey": &route,
        "stage": "$default",
        "time": "24/Nov/2026:09:00:00 +0000",
        "timeEpoch": 1_795_510_800_000_u64,
    });
    if !example.body.is_empty() {
        event["body"] = example.body.into();
    }
    event["isBase64Encoded"] = false.into();
    format!("{event:#}\n")
}

/// The headers, sorted by name.
fn headers(operation: &Declaration) -> Value {
    let mut headers =
        json!({ "accept": "application/json", "authorization": "Bearer local-dev-key" });
    let body = operation.example.body;
    if !body.is_empty() {
        headers["content-length"] = body.len().to_string().into();
    }
    if !body.is_empty() || operation.effect.writes() {
        headers["content-type"] = "application/json".into();
    }
    headers["host"] = DOMAIN.into();
    let tool = operation.definition.as_ref();
    if tool.is_some_and(|tool| !tool.is_idempotent) {
        let name = operation.id.trim_start_matches("dynamics365_").replace('_', "-");
        headers["idempotency-key"] = format!("sample-{name}-1").into();
    }
    headers["user-agent"] = AGENT.into();
    headers["x-amzn-trace-id"] = "Root=1-6924a3c0-000000000000000000000001".into();
    if tool.is_some() {
        headers["x-conversation-id"] = "sample-conversation".into();
    }
    headers["x-forwarded-for"] = ADDRESS.into();
    headers["x-forwarded-port"] = "443".into();
    headers["x-forwarded-proto"] = "https".into();
    headers
}

/// Adds an object with these members, unless there are none.
fn add<N: Into<String>>(event: &mut Value, name: &str, members: impl Iterator<Item = (N, Value)>) {
    let members: Map<String, Value> = members.map(|(name, value)| (name.into(), value)).collect();
    if !members.is_empty() {
        event[name] = members.into();
    }
}
