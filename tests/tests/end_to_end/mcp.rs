//! The tools and templates over the Model Context Protocol.

mod batches;

use std::collections::BTreeSet;

use catalog::{Format, answer_schema};
use serde_json::{Value, json};
use stack::{API_KEY, Options};
use toolkit::sha256_hex;

use crate::harness::{Bench, MAREN};
use crate::schemas::samples;

/// The answer to a message.
struct Reply {
    status: u16,
    content_type: String,
    allow: String,
    request_id: String,
    body: Value,
}

impl Reply {
    /// The result of a message that must have one.
    #[track_caller]
    fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{:#}", self.body);
        assert_eq!(self.content_type, "application/json");
        assert_eq!(self.body["id"], 1);
        assert!(self.body["result"].is_object(), "{:#}", self.body);
        &self.body["result"]
    }

    /// The answer of a tool.
    #[track_caller]
    fn answer(&self) -> &Value {
        let result = self.result();
        assert_eq!(result["isError"], false, "{result:#}");
        &result["structuredContent"]
    }

    /// The problem of a tool, as programs see it.
    #[track_caller]
    fn problem(&self, code: &str) -> &Value {
        let result = self.result();
        assert_eq!(result["isError"], true, "{result:#}");
        assert_eq!(result["_meta"]["problem"]["code"], code, "{result:#}");
        assert!(result.get("structuredContent").is_none());
        &result["_meta"]["problem"]
    }

    /// The text that a model reads.
    fn text(&self) -> &str {
        self.result()["content"][0]["text"].as_str().unwrap()
    }

    /// The answer must be a fault of the protocol.
    #[track_caller]
    fn fault(&self, code: i64) {
        assert_eq!(self.body["error"]["code"], code, "{:#}", self.body);
        assert!(self.body.get("result").is_none());
    }
}

/// A message with this id.
fn message(id: u32, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The message that calls a tool.
fn call(id: u32, tool: &str, arguments: Value) -> Value {
    let name = format!("dynamics365_{tool}");
    message(id, "tools/call", json!({"name": name, "arguments": arguments}))
}

/// A client, with the address and headers that are set up once.
struct Client<'a> {
    bench: &'a Bench,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Client<'a> {
    fn of(bench: &'a Bench) -> Client<'a> {
        let headers = vec![
            ("authorization", "Bearer local-dev-key"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        Client { bench, query: "", headers }
    }

    fn with(mut self, name: &'a str, value: &'a str) -> Client<'a> {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
        self
    }

    fn at(mut self, query: &'a str) -> Client<'a> {
        self.query = query;
        self
    }

    async fn send(&self, method: &str, body: impl Into<reqwest::Body>) -> Reply {
        let url = format!("{}/mcp{}", self.bench.stack.url(), self.query);
        let mut request = reqwest::Client::new().request(method.parse().unwrap(), url).body(body);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Reply {
            status: response.status().as_u16(),
            content_type: header("content-type"),
            allow: header("allow"),
            request_id: header("x-request-id"),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default(),
        }
    }

    async fn ask(&self, method: &str, params: Value) -> Reply {
        self.send("POST", message(1, method, params).to_string()).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.send("POST", call(1, tool, arguments).to_string()).await
    }

    async fn names(&self, kind: &str) -> Vec<String> {
        let reply = self.ask(&format!("{kind}/list"), json!({})).await;
        let all = reply.result()[kind].as_array().unwrap().clone();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_site_is_refused_before_anything_else() {
    let allowed_origins = "https://chat.example".parse().unwrap();
    let bench = Bench::start_with(Options { allowed_origins, ..Options::default() }).await;
    for origin in ["https://evil.example", "null", "https://chat.example:8443", ""] {
        let client = Client::of(&bench).with("origin", origin);
        for (method, body) in [("POST", "{"), ("GET", ""), ("DELETE", "")] {
            let reply = client.send(method, body).await;
            assert_eq!(reply.status, 403, "{origin}: {:#}", reply.body);
            assert_eq!(reply.content_type, "application/json");
            reply.fault(-32600);
            let message = reply.body["error"]["message"].as_str().unwrap();
            assert!(message.contains("Origin") && message.contains("AllowedOrigins"), "{message}");
        }
        // The origin is checked before the key.
        let reply = client.with("authorization", "Bearer nobody").send("POST", "{").await;
        assert_eq!(reply.status, 403);
    }
    assert!(bench.requests().await.is_empty());
    for origin in ["https://chat.example", "https://CHAT.example:443"] {
        Client::of(&bench).with("origin", origin).ask("tools/list", json!({})).await.result();
    }
    // Without a list, no site may call.
    let bench = Bench::start().await;
    let own = bench.stack.url();
    let client = Client::of(&bench).with("origin", &own);
    assert_eq!(client.ask("tools/list", json!({})).await.status, 403);
    Client::of(&bench).ask("tools/list", json!({})).await.result();
}

#[tokio::test]
async fn a_client_is_greeted() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let params = json!({
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        let reply = client.ask("initialize", params).await;
        let result = reply.result();
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["capabilities"], json!({"tools": {}, "prompts": {}}));
        assert_eq!(result["serverInfo"]["name"], "dynamics365-tools");
        assert!(result["instructions"].as_str().unwrap().contains("next_step"));
    }
    // The server does not agree to a version that wants more than it does.
    let params = json!({
        "protocolVersion": "2024-10-07", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let reply = client.ask("initialize", params).await;
    assert_eq!(reply.result()["protocolVersion"], "2025-11-25");
    // Since 2026-07-28 there is no handshake, and each request describes its client.
    let meta = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    let modern = Client::of(&bench)
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", "server/discover");
    let reply = modern.ask("server/discover", meta.clone()).await;
    let versions = reply.result()["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-11-25")));
    let modern = modern.with("mcp-method", "tools/list");
    let reply = modern.ask("tools/list", meta).await;
    assert_eq!(reply.result()["resultType"], "complete");
    assert_eq!(
        reply.result()["tools"].as_array().unwrap().len(),
        crate::harness::staffs_tools().len()
    );
    assert!(reply.result()["ttlMs"].as_u64().unwrap() > 0);
}

/// `outputSchema` has an object at its root (schema 2025-11-25). It has neither lists of types nor
/// references: Copilot Studio cuts a schema off at a list of types, and leaves out a tool with
/// references (learn.microsoft.com, Copilot Studio, "Troubleshoot MCP integration", known issues).
#[tokio::test]
async fn the_tools_are_those_of_the_catalogue() {
    fn each(schema: &Value, tool: &str) {
        match schema {
            Value::Object(members) => {
                assert!(!members.contains_key("$ref"), "{tool}");
                assert!(!members.get("type").is_some_and(Value::is_array), "{tool}: {schema}");
                members.values().for_each(|schema| each(schema, tool));
            }
            Value::Array(schemas) => schemas.iter().for_each(|schema| each(schema, tool)),
            _ => {}
        }
    }
    let bench = Bench::start().await;
    let reply = Client::of(&bench).ask("tools/list", json!({})).await;
    let tools = reply.result()["tools"].as_array().unwrap();
    assert_eq!(tools.len(), crate::harness::staffs_tools().len());
    for (tool, definition) in tools.iter().zip(crate::harness::staffs_tools()) {
        let mut expected = Format::Mcp.definition(&definition);
        expected["outputSchema"] = answer_schema(&definition);
        assert_eq!(*tool, expected);
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            assert_eq!(schema["type"], "object");
            jsonschema::meta::validate(schema).unwrap();
            each(schema, definition.name);
        }
    }
}

/// Collects what a text must hold: every value except addresses.
fn values(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "url" && !name.ends_with("_url"))
            .for_each(|(_, value)| values(value, all)),
        Value::Array(items) => items.iter().for_each(|value| values(value, all)),
        Value::String(text) if text.contains('\n') => {
            all.extend(text.lines().map(|line| line.replace('"', "\\\"")));
        }
        Value::String(text) => all.push(text.clone()),
        value => all.push(value.to_string()),
    }
}

#[tokio::test]
async fn every_tool_answers_as_its_schema_says() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let definitions = crate::harness::staffs_tools();
    let tokens = |text: &str| bpe_openai::o200k_base().count(text);
    let (mut texts, mut structured) = (0, 0);
    for (tool, arguments) in samples() {
        let name = format!("dynamics365_{tool}");
        let definition = definitions.iter().find(|one| one.name == name).unwrap();
        let reply = client.call(tool, arguments).await;
        let answer = reply.answer();
        let validator = jsonschema::validator_for(&answer_schema(definition)).unwrap();
        let errors: Vec<_> = validator.iter_errors(answer).map(|one| one.to_string()).collect();
        assert!(errors.is_empty(), "{tool}: {errors:?}");

        // Some clients show a model the structure, others the text. Both must say everything.
        let text = reply.text();
        let mut all = Vec::new();
        values(answer, &mut all);
        assert!(!all.is_empty());
        for value in all {
            assert!(text.contains(&value), "{tool}: {value} is not in\n{text}");
        }
        assert!(!text.contains("pagetype=") && !text.trim_start().starts_with('{'), "{text}");
        texts += tokens(text);
        structured += tokens(&answer.to_string());
    }
    println!("{texts} tokens as text, {structured} structured");
    assert!(texts < structured);
}

#[tokio::test]
async fn a_call_is_the_same_as_over_http() {
    let bench = Bench::start().await;
    let client = Client::of(&bench).with("x-conversation-id", "chat-9");
    let arguments = json!({"contact": MAREN, "subject": "Over MCP", "description": "d"});
    let first = client.call("create_case", arguments.clone()).await;
    assert_eq!(first.answer()["result"]["created"], true);
    // In the same chat of the same client, it is the same call, whichever way it comes.
    let headers = [("x-conversation-id", "chat-9")];
    let again = bench.call_with("create_case", arguments, &headers).await;
    assert_eq!(again.result()["created"], false);
    assert_eq!(again.result()["case"]["id"], first.answer()["result"]["case"]["id"]);
    assert_eq!(bench.count("incidents", "title", "Over MCP").await, 1);

    // An optional argument may be null, as strict modes send it, or left out.
    let nulls = json!({"query": "brandt", "limit": null});
    assert_eq!(
        client.call("search_contacts", nulls).await.answer(),
        client.call("search_contacts", json!({"query": "brandt"})).await.answer()
    );

    let read = || bench.request("GET", "/v1/connections/default/activity?limit=10", None);
    let mut outcomes = Vec::new();
    for _ in 0..50 {
        let log = read().await.body;
        let entries = log["entries"].as_array().unwrap().iter();
        outcomes = entries
            .filter(|entry| entry["tool"] == "dynamics365_create_case")
            .map(|entry| (entry["outcome"].clone(), entry["conversation"].clone()))
            .collect();
        if outcomes.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(outcomes, vec![(json!("ok"), json!("chat-9")); 2]);
}

#[tokio::test]
async fn what_is_new_in_each_call_stands_in_its_meta() {
    let bench = Bench::start().await;
    // A key that is set for all calls is ignored, because the second call would count as the first.
    let client = Client::of(&bench).with("idempotency-key", "set once for the client");
    let params = |subject: &str, meta: Value| {
        let arguments = json!({"contact": MAREN, "subject": subject, "description": "d"});
        json!({"name": "dynamics365_create_case", "arguments": arguments, "_meta": meta})
    };
    let mut ids = BTreeSet::new();
    for (key, value, subject, created) in [
        ("idempotency-key", json!("one"), "a", true),
        ("Idempotency-Key", json!("one"), "a", false),
        ("idempotency-key", json!("two"), "b", true),
        ("idempotency-key", json!(null), "c", true),
        ("other", json!("one"), "d", true),
    ] {
        let reply = client.ask("tools/call", params(subject, json!({key: value}))).await;
        let result = &reply.answer()["result"];
        assert_eq!(result["created"], created, "{key} {value}");
        ids.insert(result["case"]["id"].to_string());
    }
    assert_eq!(ids.len(), 4);
    for meta in [
        json!({"idempotency-key": 7}),
        json!({"idempotency-key": ""}),
        json!({"idempotency-key": "k".repeat(256)}),
        json!({"idempotency-key": "ké"}),
        json!({"x-conversation-id": "a\nb"}),
    ] {
        client.ask("tools/call", params("x", meta)).await.fault(-32602);
    }
    let reply = client.ask("tools/call", params("x", json!({"X-Connection-Id": "emea"}))).await;
    reply.problem("connection_not_found");
    assert_eq!(bench.count("incidents", "title", "x").await, 0);
}

#[tokio::test]
async fn an_error_of_a_tool_is_for_the_model_to_mend() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let reply = client.call("get_case", json!({"case": "CAS-99"})).await;
    let problem = reply.problem("not_found");
    assert!(reply.text().contains(problem["next_step"].as_str().unwrap()));
    let reply = client.call("get_case", json!({"number": "CAS-99"})).await;
    reply.problem("invalid_arguments");
    assert!(reply.text().contains("number"), "{}", reply.text());
    let reply = client.call("get_contact", json!({"contact": "Brandt"})).await;
    let candidates = reply.problem("ambiguous")["candidates"].as_array().unwrap();
    assert!(candidates.len() > 1);
    for candidate in candidates {
        assert!(reply.text().contains(candidate["id"].as_str().unwrap()), "{}", reply.text());
    }
    insta::assert_snapshot!("mcp_ambiguous", reply.text());

    let bench = Bench::start().await;
    bench.control("PUT", "client-secret", Some(json!({"state": "expired"}))).await;
    let reply = Client::of(&bench).call("get_case", json!({"case": "CAS-99"})).await;
    reply.problem("connection_broken");
    // What the administrator must do is for programs, and what may be said is for the model.
    assert!(reply.text().contains("say: Our system cannot be reached"), "{}", reply.text());
    assert!(!reply.text().contains("secret"), "{}", reply.text());
}

#[tokio::test]
async fn faults_of_the_protocol_are_told_as_such() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    client.call("no_such_tool", json!({})).await.fault(-32602);
    client.ask("tools/call", json!({"arguments": {}})).await.fault(-32602);
    client.ask("tools/call", json!({"name": "x", "arguments": "y"})).await.fault(-32602);
    client.ask("no/such/method", json!({})).await.fault(-32601);
    client.ask("prompts/get", json!({"name": "no-such-prompt"})).await.fault(-32602);
    let reply = client.send("POST", "{").await;
    assert_eq!(reply.status, 400);
    reply.fault(-32700);
    for body in [
        "7",
        "{}",
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}"#,
    ] {
        let reply = client.send("POST", body).await;
        assert_eq!(reply.status, 400, "{body}");
        reply.fault(-32600);
    }
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let reply = client.send("POST", notification).await;
    assert_eq!((reply.status, &reply.body), (202, &Value::Null));
    // There are no sessions to listen to or to end.
    for method in ["GET", "DELETE"] {
        let reply = client.send(method, "").await;
        assert_eq!((reply.status, reply.allow.as_str()), (405, "POST"), "{method}");
        reply.fault(-32600);
    }
    // Every refusal is JSON.
    let reply = Client::of(&bench).with("content-type", "text/plain").ask("ping", json!({})).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (415, "application/json"));
    reply.fault(-32600);
    // The answer is JSON, whatever the client accepts.
    let reply = Client::of(&bench).with("accept", "*/*").ask("ping", json!({})).await;
    assert_eq!(*reply.result(), json!({}));
}

#[tokio::test]
async fn a_key_shows_what_it_allows() {
    let bench = Bench::start().await;
    let keys = json!({"keys": [
        {"client": "all", "sha256": sha256_hex(API_KEY), "connections": ["*"],
         "scopes": ["read", "write", "admin"], "for": "staff"},
        {"client": "reader", "sha256": sha256_hex("reader"), "connections": ["default"],
         "scopes": ["read"], "for": "staff"},
        {"client": "elsewhere", "sha256": sha256_hex("elsewhere"),
         "connections": ["emea", "apac"], "scopes": ["read", "write"], "for": "staff"},
    ]});
    bench.store("dynamics365/api-keys", &keys.to_string()).await;

    let reader = Client::of(&bench).with("authorization", "Bearer reader");
    let definitions = crate::harness::staffs_tools();
    let reading: Vec<_> = definitions
        .iter()
        .filter(|one| !one.effect.writes())
        .map(|one| one.name.to_owned())
        .collect();
    assert_eq!(reader.names("tools").await, reading);
    // A prompt says nothing of the tools that this key does not have.
    assert_eq!(reader.names("prompts").await.len(), 4);
    let prompt = reader.ask("prompts/get", json!({"name": "customer-service"})).await;
    let prompt = prompt.result()["messages"].to_string();
    assert!(prompt.contains("dynamics365_get_case") && !prompt.contains("dynamics365_create"));
    reader.call("get_case", json!({"case": "CAS-01001-Q7W2E9"})).await.answer();
    let note = json!({"record_type": "contact", "record": MAREN, "text": "t"});
    reader.call("create_note", note).await.problem("forbidden");

    let elsewhere = Client::of(&bench).with("authorization", "Bearer elsewhere");
    let case = json!({"case": "CAS-01001-Q7W2E9"});
    elsewhere.call("get_case", case.clone()).await.problem("invalid_arguments");
    let elsewhere = elsewhere.with("x-connection-id", "default");
    elsewhere.call("get_case", case.clone()).await.problem("forbidden");
    let elsewhere = elsewhere.with("x-connection-id", "emea");
    elsewhere.call("get_case", case).await.problem("connection_not_found");

    let nobody = Client::of(&bench).with("authorization", "Bearer nobody");
    let reply = nobody.ask("tools/list", json!({})).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (401, "application/problem+json"));
    assert_eq!(reply.body["code"], "unauthenticated");
}

#[tokio::test]
async fn a_key_that_is_limited_to_tools_has_no_others() {
    let bench = Bench::start().await;
    let form = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
        "tools": ["dynamics365_get_contact_by_email", "dynamics365_create_case"],
    });
    let made = bench.request("POST", "/v1/keys", Some(form)).await.body;
    let authorization = format!("Bearer {}", made["key"].as_str().unwrap());
    let client = Client::of(&bench).with("authorization", &authorization);
    assert_eq!(client.names("tools").await.len(), 2);
    client.call("search_leads", json!({"query": "x"})).await.problem("forbidden");
    let prompt = client.ask("prompts/get", json!({"name": "customer-service"})).await;
    let prompt = prompt.result()["messages"].to_string();
    assert!(prompt.contains("create_case") && !prompt.contains("search_contacts"), "{prompt}");
    // The account manager's is for the company's own people.
    client.ask("prompts/get", json!({"name": "account-manager"})).await.fault(-32602);
}

#[tokio::test]
async fn the_address_can_ask_for_fewer_tools() {
    let bench = Bench::start().await;
    let client = Client::of(&bench).at("?template=customer-service");
    let listed = client.names("tools").await;
    let answer = bench.request("GET", "/v1/tools?template=customer-service", None).await;
    let expected = answer.body["tools"].as_array().unwrap().iter();
    let expected: Vec<_> = expected.map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(listed, expected);
    assert_eq!(client.names("prompts").await, ["customer-service"]);
    client.call("get_products", json!({})).await.fault(-32602);
    // Nothing is said of the others.
    let unknown = json!({"contact": "nobody@nowhere.example"});
    let step = async |query: &'static str| {
        let reply = Client::of(&bench).at(query).call("get_contact", unknown.clone()).await;
        let step = reply.problem("not_found")["next_step"].as_str().unwrap().to_owned();
        assert!(reply.text().contains(&step), "{}", reply.text());
        step
    };
    let whole = "Ask for another address; or look by name with dynamics365_search_contacts.";
    assert_eq!(step("").await, whole);
    assert_eq!(step("?template=customer-service").await, whole);
    assert_eq!(step("?template=full-specialist&group=contact&access=read").await, whole);
    let case = json!({"contact": MAREN, "name": "Over MCP"});
    let made = Client::of(&bench).at("?access=write").call("create_opportunity", case).await;
    assert_eq!(made.answer()["hints"], json!(["The contact has other open opportunities."]));
    let client = Client::of(&bench).at("?access=read&group=case");
    let unknown = json!({"contact": "nobody@nowhere.example"});
    let reply = client.call("get_contact_cases", unknown).await;
    assert_eq!(reply.problem("not_found")["next_step"], "Ask for another address.");
    assert_eq!(client.names("tools").await.len(), 3);
    for query in ["?template=none", "?tools=all"] {
        let reply = Client::of(&bench).at(query).ask("tools/list", json!({})).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!("invalid_arguments")));
    }
}

#[tokio::test]
async fn templates_are_prompts() {
    let bench = Bench::start().await;
    let client = Client::of(&bench);
    let ids = ["customer-service", "sales-assistant", "account-manager", "full-specialist"];
    assert_eq!(client.names("prompts").await, ids);
    for id in ids {
        let params = json!({"name": id, "arguments": {"company": "Fabrikam & Söhne"}});
        let reply = client.ask("prompts/get", params).await;
        let messages = reply.result()["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["role"], "user");
        let path = format!("/v1/templates/{id}?company=Fabrikam%20%26%20S%C3%B6hne");
        let template = bench.request("GET", &path, None).await.body;
        assert_eq!(messages[0]["content"]["text"], template["system_prompt"]);
    }
    let arguments = json!({"company": "Fabrikam", "time_zone": "Europe/Berlin"});
    let params = json!({"name": "customer-service", "arguments": arguments});
    let reply = client.ask("prompts/get", params).await;
    let text = reply.result()["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("Fabrikam") && text.contains("Today is "), "{text}");
    assert!(text.ends_with("Europe/Berlin. Say and take days and times in this time zone."));
    for arguments in [
        json!({"firm": "x"}),
        json!({"company": "x".repeat(101)}),
        json!({"time_zone": "Berlin"}),
        json!({"time_zone": 1}),
    ] {
        let params = json!({"name": "customer-service", "arguments": arguments});
        client.ask("prompts/get", params).await.fault(-32602);
    }
}

/// Clients and models can set the `_meta`: only a token, which they cannot make up, says there who the
/// visitor is. A chat counts there alone, unless the key says otherwise.
#[tokio::test]
async fn a_visitor_is_never_who_the_meta_says() {
    let bench = Bench::start().await;
    let codes = json!({"codes": {"company": "Contoso"}});
    bench.request("PUT", "/v1/connections/default/visitors", Some(codes)).await;
    let key = format!("Bearer {}", stack::VISITOR_KEY);
    let id = bench.rows("contacts").await[0]["contactid"].as_str().unwrap().to_owned();
    let call = async |client: &Client<'_>, tool: &str, arguments: Value, meta: Value| {
        let name = format!("dynamics365_{tool}");
        client.ask("tools/call", json!({"name": name, "arguments": arguments, "_meta": meta})).await
    };
    let client = Client::of(&bench).with("authorization", &key);
    for meta in [
        json!({"x-visitor-email": MAREN}),
        json!({"X-Visitor-Email": MAREN}),
        json!({"x-visitor-id": id}),
        json!({"x-visitor-email": MAREN, "x-conversation-id": "chat"}),
    ] {
        let answer = call(&client, "get_contact", json!({}), meta).await;
        answer.problem("visitor_unverified");
    }
    let named = Client::of(&bench).with("authorization", &key).with("x-visitor-email", MAREN);
    let own = call(&named, "get_contact", json!({}), json!({})).await;
    assert_eq!(own.answer()["result"]["contact"]["email"], MAREN);

    let send = json!({"email": MAREN});
    let in_header =
        Client::of(&bench).with("authorization", &key).with("x-conversation-id", "chat");
    for tool in ["send_visitor_code", "verify_visitor"] {
        let arguments =
            if tool == "verify_visitor" { json!({"code": "123456"}) } else { send.clone() };
        let refused = call(&in_header, tool, arguments, json!({})).await;
        refused.problem("invalid_arguments");
    }
    call(&client, "send_visitor_code", send.clone(), json!({"x-conversation-id": "chat"}))
        .await
        .answer();
    let form = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
        "conversation": "header",
    });
    let made = bench.request("POST", "/v1/keys", Some(form)).await.body;
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    let client = Client::of(&bench).with("authorization", &key).with("x-conversation-id", "chat");
    call(&client, "send_visitor_code", send, json!({})).await.answer();
}
