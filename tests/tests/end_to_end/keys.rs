//! API keys that are made over the API.

use std::time::Duration;

use auth::{Connections, Environment};
use crm::visible::Access;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use stack::STATE_TABLE;
use state::State;
use toolkit::operation::{Function, Routes};
use toolkit::{CONFIRM_TOOL, Caller, Edge, Grants, Incoming, Scope};

use crate::harness::{Answer, Bench};

async fn make(bench: &Bench, with: &str, form: Value) -> Answer {
    bench.request_with_key(with, "POST", "/v1/keys", Some(form)).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test]
async fn a_key_works_is_changed_and_is_revoked() {
    let bench = Bench::start().await;
    let form = json!({"client": " chat ", "connections": ["default"], "scopes": ["read", "read"], "for": "staff"});
    let made = make(&bench, stack::API_KEY, form).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    let (key, id) = (text(&made.body, "key").to_owned(), text(&made.body, "id").to_owned());
    assert_eq!((text(&made.body, "client"), &made.body["scopes"]), ("chat", &json!(["read"])));
    assert_eq!(text(&made.body, "made_by"), "local development");

    let tools = || bench.request_with_key(&key, "GET", "/v1/tools", None);
    let keys = || bench.request_with_key(&key, "GET", "/v1/keys", None);
    assert_eq!(tools().await.status, 200);
    let refused = keys().await;
    let problem = refused.problem("forbidden");
    assert_eq!(problem["detail"], "this API key does not have the scope admin: it has read");
    assert!(text(problem, "admin_action").contains("PUT /v1/keys/{id}"), "{problem}");

    let path = format!("/v1/keys/{id}");
    let changed =
        bench.request("PUT", &path, Some(json!({"scopes": ["admin"], "for": "staff"}))).await;
    assert_eq!(changed.body["scopes"], json!(["admin"]));
    assert_eq!(changed.body["connections"], json!(["default"]));
    assert_eq!(tools().await.status, 403);
    let listed = keys().await;
    assert!(listed.body["keys"].as_array().unwrap().iter().any(|one| one["id"] == id.as_str()));
    assert!(!listed.body.to_string().contains(&key));

    let revoked = bench.request("DELETE", &path, None).await;
    assert_eq!(revoked.body, json!({"id": id, "revoked": true}));
    assert_eq!(tools().await.status, 401);
    for method in ["DELETE", "PUT"] {
        let body = (method == "PUT").then(|| json!({"scopes": ["read"], "for": "staff"}));
        bench.request(method, &path, body).await.problem("not_found");
    }
}

#[tokio::test]
async fn a_key_gives_away_no_more_than_it_has() {
    let bench = Bench::start().await;
    let form = |connections: &[&str]| json!({"client": "emea", "connections": connections, "scopes": ["admin"], "for": "staff"});
    let own = make(&bench, stack::API_KEY, form(&["emea", "apac"])).await;
    let own = text(&own.body, "key");
    for beyond in [&["*"][..], &["default"], &["emea", "default"]] {
        let refused = make(&bench, own, form(beyond)).await;
        let detail = text(refused.problem("forbidden"), "detail").to_owned();
        assert!(detail.contains("apac,emea"), "{detail}");
    }
    let within = make(&bench, own, form(&["emea"])).await;
    assert_eq!(within.status, 201);

    // Keys that reach further are neither seen nor touched.
    let all = make(&bench, stack::API_KEY, form(&["*"])).await;
    let listed = bench.request_with_key(own, "GET", "/v1/keys", None).await;
    assert_eq!(listed.body["keys"].as_array().unwrap().len(), 2, "{:#}", listed.body);
    let path = format!("/v1/keys/{}", text(&all.body, "id"));
    bench.request_with_key(own, "DELETE", &path, None).await.problem("not_found");
    let change = Some(json!({"scopes": ["read"], "for": "staff"}));
    bench.request_with_key(own, "PUT", &path, change).await.problem("not_found");
    let path = format!("/v1/keys/{}", text(&within.body, "id"));
    let wider = Some(json!({"connections": ["default"]}));
    bench.request_with_key(own, "PUT", &path, wider).await.problem("forbidden");
}

#[tokio::test]
async fn a_form_that_means_nothing_says_what_is_wrong() {
    let bench = Bench::start().await;
    let good =
        json!({"client": "chat", "connections": ["default"], "scopes": ["read"], "for": "staff"});
    for (field, value, says) in [
        ("client", json!("  "), "client"),
        ("client", json!("two\nlines"), "client"),
        ("client", json!("x".repeat(101)), "client"),
        ("connections", json!([]), "connections"),
        ("connections", json!(["Not An Id"]), "connections"),
        ("scopes", json!([]), "scopes"),
        ("scopes", json!(["reed"]), "scopes"),
    ] {
        let mut form = good.clone();
        form[field] = value;
        let answer = make(&bench, stack::API_KEY, form).await;
        let detail = text(answer.problem("invalid_arguments"), "detail").to_owned();
        assert!(detail.contains(says), "{detail}");
    }
    let sample = format!("/v1/keys/{}", connection::SAMPLE_KEY);
    for form in
        [json!({}), json!({"client": null}), json!({"scopes": ["read"], "connections": null})]
    {
        bench.request("PUT", &sample, Some(form)).await.problem("invalid_arguments");
    }
    bench.request("DELETE", "/v1/keys/nothing", None).await.problem("invalid_arguments");
}

#[tokio::test]
async fn a_damaged_key_is_looked_up_nowhere() {
    let bench = Bench::start().await;
    let form = json!({"client": "chat", "connections": ["*"], "scopes": ["read"], "for": "staff"});
    let made = make(&bench, stack::API_KEY, form).await;
    let mut key = text(&made.body, "key").to_owned();
    let last = key.pop().unwrap();
    key.push(if last == '0' { '1' } else { '0' });
    let before = bench.stack.aws_requests();
    for _ in 0..5 {
        assert_eq!(bench.request_with_key(&key, "GET", "/v1/tools", None).await.status, 401);
    }
    assert_eq!(bench.stack.aws_requests(), before);
}

/// The gateway keeps what a key allows for five minutes.
#[tokio::test]
async fn a_revoked_key_makes_no_successor_while_the_gateway_still_knows_it() {
    let bench = Bench::start().await;
    let form = json!({"client": "administrator", "connections": ["*"], "scopes": ["admin"], "for": "staff"});
    let made = make(&bench, stack::API_KEY, form).await.body;
    let known = Caller {
        client: "administrator".to_owned(),
        connections: Grants::All,
        scopes: [Scope::Admin].into(),
        key: Some(text(&made, "id").parse().unwrap()),
        serves: toolkit::Serves::Staff,
        tools: None,
        vouches: false,
        confirm: auth::Confirm::None,
        message_is_enough: false,
        conversation_in_header: false,
    };
    let emulator = bench.stack.emulator().url().parse().unwrap();
    let connections = Connections::new(
        toolkit::lambda::http_client().unwrap(),
        bench.stack.secrets(),
        Environment::local(emulator),
    );
    let state = State::at_endpoint(&bench.stack.aws_url(), STATE_TABLE);
    let home = connection::Administration::new(connections, state, stack::tools());
    let service = Edge::of(Function::new(home, connection::operations(Routes::default())).unwrap());
    let call = async |method: &str, path: &str, body: Value| {
        let incoming = Incoming {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            address: None,
            query: String::new(),
            headers: HeaderMap::new(),
            body: toolkit::Body::Text(body.to_string().into()),
            caller: Some(known.clone()),
            request_id: "r-1".to_owned(),
            deadline: tokio::time::Instant::now() + Duration::from_secs(20),
        };
        let reply = service.exchange(incoming).await;
        reply.map(|reply| reply.status.as_u16()).map_err(|error| error.code().as_str())
    };
    let successor =
        json!({"client": "x", "connections": ["*"], "scopes": ["admin"], "for": "staff"});
    assert_eq!(call("POST", "/v1/keys", successor.clone()).await, Ok(201));

    // It is narrowed, and cannot widen itself again.
    let path = format!("/v1/keys/{}", text(&made, "id"));
    let narrow = json!({"connections": ["emea"]});
    assert_eq!(bench.request("PUT", &path, Some(narrow)).await.status, 200);
    assert_eq!(call("PUT", &path, json!({"connections": ["*"]})).await, Err("forbidden"));
    assert_eq!(call("DELETE", "/v1/connections/default", json!(null)).await, Err("forbidden"));
    bench.request("DELETE", &path, None).await;
    assert_eq!(call("POST", "/v1/keys", successor).await, Err("unauthenticated"));
    assert_eq!(
        call("DELETE", "/v1/connections/default", json!(null)).await,
        Err("unauthenticated")
    );
}

#[tokio::test]
async fn a_page_tells_nothing_of_keys_that_one_may_not_see() {
    let bench = Bench::start().await;
    let form = |ids: &[&str]| json!({"client": "x", "connections": ids, "scopes": ["admin"], "for": "staff"});
    let own = make(&bench, stack::API_KEY, form(&["emea"])).await.body;
    for ids in [&["apac"][..], &["emea"], &["apac"], &["apac"], &["emea"], &["apac"]] {
        make(&bench, stack::API_KEY, form(ids)).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/keys?limit=1{cursor}");
        let page = bench.request_with_key(text(&own, "key"), "GET", &path, None).await.body;
        let [key] = page["keys"].as_array().unwrap().as_slice() else { panic!("{page:#}") };
        assert_eq!(key["connections"], json!(["emea"]));
        seen.push(key["id"].clone());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => {
                assert_eq!(key["id"], next);
                cursor = format!("&cursor={next}");
            }
            None => break,
        }
    }
    assert_eq!(seen.len(), 3);
}

/// Every operation that there is, called with the example that it declares.
#[tokio::test]
async fn a_key_for_visitors_reaches_no_administration() {
    let bench = Bench::start().await;
    let form = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
    });
    let own = make(&bench, stack::API_KEY, form).await.body;
    for key in [text(&own, "key"), stack::VISITOR_KEY] {
        for one in catalog::declarations() {
            let mut path = one.path.to_string();
            for (name, value) in one.example.path {
                path = path.replace(&format!("{{{name}}}"), value);
            }
            let path = format!("{path}?{}", one.example.query);
            let body = serde_json::from_str(one.example.body).ok();
            let answer = bench.request_with_key(key, one.method.as_str(), &path, body).await;
            let is_choice =
                one.definition.as_ref().is_some_and(|it| matches!(it.access, Access::Chosen(_)));
            if one.definition.as_ref().is_some_and(|tool| !tool.is_for_staff) {
                continue;
            }
            if is_choice {
                assert_eq!(answer.status, 403, "{path}: {:#}", answer.body);
                continue;
            }
            let is_refused = answer.status == 403 && answer.body["code"] == "forbidden";
            let is_for_staff =
                one.definition.as_ref().is_some_and(|tool| tool.access == Access::Staff);
            let is_open = (one.path.starts_with("/v1/tools") && !is_for_staff)
                || one.path.starts_with("/v1/templates")
                || one.path == "/v1/openapi.json"
                || one.path.starts_with("/v1/confirmations")
                || one.path.starts_with("/v1/conversations");
            assert_eq!(is_refused, !is_open, "{} {path}: {:#}", one.method, answer.body);
        }
    }
    let with_admin = json!({
        "client": "bot", "connections": ["*"], "scopes": ["admin"], "for": "visitors",
    });
    let refused = make(&bench, stack::API_KEY, with_admin).await;
    let detail = text(refused.problem("invalid_arguments"), "detail").to_owned();
    assert_eq!(detail, "scopes: a key for visitors cannot have the scope admin");
    let nobody = json!({"client": "bot", "connections": ["*"], "scopes": ["read"]});
    let refused = make(&bench, stack::API_KEY, nobody).await;
    assert_eq!(text(refused.problem("invalid_arguments"), "detail"), "for is missing");
}

#[tokio::test]
async fn a_key_has_the_tools_that_it_is_limited_to_and_no_others() {
    let bench = Bench::start().await;
    let made = async |limit: Value| {
        let mut form = json!({
            "client": "bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
            "vouches": true,
        });
        form.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        make(&bench, stack::API_KEY, form).await
    };
    let some = made(json!({"tools": ["dynamics365_get_contact_by_email"]})).await.body;
    let of_template = made(json!({"template": "customer-service"})).await.body;
    assert_eq!(text(&of_template, "template"), "customer-service");
    let email = json!({"email": crate::harness::MAREN});
    let by_email = "/v1/tools/dynamics365_get_contact_by_email";
    let products = "/v1/tools/dynamics365_get_products";
    for (key, count) in [(text(&some, "key"), 1), (text(&of_template, "key"), 10)] {
        let get = async |path: &str| bench.request_with_key(key, "GET", path, None).await.body;
        assert_eq!(get("/v1/tools").await["tools"].as_array().unwrap().len(), count);
        let call = async |path: &str, body: Value| {
            bench.request_with_key(key, "POST", path, Some(body)).await
        };
        // The key has the tool; nobody has said who the visitor is.
        call(by_email, email.clone()).await.problem("visitor_unverified");
        let refused = call(products, json!({"query": "x"})).await;
        let detail = text(refused.problem("forbidden"), "detail").to_owned();
        assert!(detail.ends_with("dynamics365_get_products is none of them"), "{detail}");

        let document = get("/v1/openapi.json").await;
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(paths.iter().filter(|path| path.starts_with("/v1/tools/")).count(), count);
        assert!(!paths.iter().any(|path| path.starts_with("/v1/connections")), "{paths:?}");
        let template = get("/v1/templates/customer-service").await;
        let prompt = text(&template, "system_prompt");
        assert_eq!(template["tools"].as_array().unwrap().len(), count);
        assert_eq!(prompt.contains("dynamics365_create_case"), count > 1, "{prompt}");
        assert!(prompt.contains("dynamics365_get_contact_by_email"));
    }
    for (limit, says) in [
        (json!({"tools": ["dynamics365_get_lead"]}), "tools[0]: there is no such tool"),
        (json!({"tools": []}), "tools: must name a tool at least"),
        (json!({"template": "nothing"}), "template must be one of: customer-service"),
        (
            json!({"tools": ["dynamics365_get_case"], "template": "customer-service"}),
            "template: cannot be given together with tools",
        ),
    ] {
        let refused = made(limit).await;
        let detail = text(refused.problem("invalid_arguments"), "detail").to_owned();
        assert!(detail.starts_with(says), "{detail}");
    }

    // Either takes the other's place, and null ends the limit.
    let path = format!("/v1/keys/{}", text(&some, "id"));
    let changed = bench.request("PUT", &path, Some(json!({"template": "sales-assistant"}))).await;
    assert_eq!(changed.body.get("tools"), None, "{:#}", changed.body);
    let changed = bench.request("PUT", &path, Some(json!({"template": null}))).await;
    assert_eq!(changed.body.get("template"), None, "{:#}", changed.body);
    let all = bench.request_with_key(text(&some, "key"), "GET", "/v1/tools", None).await.body;
    let visitors = |tool: &toolkit::Definition| match tool.access {
        Access::Open | Access::Verified => true,
        Access::Chosen(choice) => auth::Visitors::default().allows.contains(&choice),
        Access::Staff => false,
    };
    let listed = stack::tools();
    let is_listed = |tool: &&toolkit::Definition| visitors(tool) && tool.name != CONFIRM_TOOL;
    let listed = listed.iter().filter(is_listed).count();
    assert_eq!(all["tools"].as_array().unwrap().len(), listed);
}

#[tokio::test]
async fn an_answer_of_the_catalogue_is_kept_for_its_key_alone() {
    let bench = Bench::start().await;
    let http = reqwest::Client::new();
    let ask = async |key: &str, tag: Option<&str>| {
        let asked = http.get(format!("{}/v1/tools", bench.stack.url())).bearer_auth(key);
        let asked = tag.iter().fold(asked, |asked, tag| asked.header("if-none-match", *tag));
        let answer = asked.send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        (answer.status().as_u16(), header("etag"), header("vary"))
    };
    let form = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read"], "for": "visitors",
        "template": "customer-service",
    });
    let own = make(&bench, stack::API_KEY, form).await.body;
    let (_, whole, vary) = ask(stack::API_KEY, None).await;
    assert_eq!(vary, "Authorization, X-Connection-Id");
    assert_eq!(ask(stack::API_KEY, Some(&whole)).await.0, 304);
    let (status, some, _) = ask(text(&own, "key"), Some(&whole)).await;
    assert!(status == 200 && some != whole);
}

#[tokio::test]
async fn a_key_that_does_not_say_whom_it_serves_is_refused_alone() {
    let bench = Bench::start().await;
    let state = State::at_endpoint(&bench.stack.aws_url(), STATE_TABLE);
    let form = json!({
        "client": "old", "connections": ["default"], "scopes": ["read"], "for": "visitors",
    });
    let made = make(&bench, stack::API_KEY, form).await.body;
    let (key, id) = (text(&made, "key"), text(&made, "id"));
    let (hash, now) = state.key(id.parse().unwrap()).await.unwrap().unwrap();
    let old = state::MadeKey { serves: None, ..now.clone() };
    state.change_key(&hash, &now, &old).await.unwrap();
    let refused = bench.request_with_key(key, "GET", "/v1/tools", None).await;
    refused.problem("unauthenticated");
    let listed = bench.request("GET", "/v1/keys", None).await;
    let listed = listed.body["keys"].as_array().unwrap();
    assert!(listed.iter().any(|one| one["id"] == id && one.get("for").is_none()));
    let path = format!("/v1/keys/{id}");
    let named = bench.request("PUT", &path, Some(json!({"for": "visitors"}))).await;
    assert_eq!(named.body["for"], "visitors");
    assert_eq!(bench.request_with_key(key, "GET", "/v1/tools", None).await.status, 200);
}

#[tokio::test]
async fn an_administrators_key_has_no_limit_that_it_could_lift() {
    let bench = Bench::start().await;
    let limited = json!({
        "client": "boss", "connections": ["*"], "scopes": ["admin"], "for": "staff",
        "template": "customer-service",
    });
    make(&bench, stack::API_KEY, limited).await.problem("invalid_arguments");
}
