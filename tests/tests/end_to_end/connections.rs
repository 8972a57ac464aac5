//! Setting connections up, inspecting them, and what the bundle remembers of them.

use std::collections::BTreeSet;
use std::time::Duration;

use dataverse_emulator::Emulator;
use serde_json::{Value, json};
use stack::Options;
use toolkit::sha256_hex;

use crate::harness::{Answer, Bench, MAREN};

const UNKNOWN: &str = "99999999-9999-4999-9999-999999999999";

fn with(mut form: Value, field: &str, value: &str) -> Value {
    form[field] = value.into();
    form
}

async fn set_up(bench: &Bench, id: &str, form: Value) -> Answer {
    let answer = bench.request("PUT", &format!("/v1/connections/{id}"), Some(form)).await;
    let shown = answer.body.to_string();
    assert!(!shown.contains(dataverse_emulator::CLIENT_SECRET), "{shown}");
    answer
}

/// Adds an API key beside the local one. Call it before any key is used.
async fn also_key(bench: &Bench, name: &str, connections: &[&str], scopes: &[&str]) {
    let key = |name: &str, connections: &[&str], scopes: &[&str]| {
        json!({
            "client": name, "sha256": sha256_hex(name), "connections": connections,
            "scopes": scopes, "for": "staff",
        })
    };
    let keys =
        [key(stack::API_KEY, &["*"], &["read", "write", "admin"]), key(name, connections, scopes)];
    bench.store("dynamics365/api-keys", &json!({ "keys": keys }).to_string()).await;
}

async fn works(bench: &Bench, connection: &str) -> Answer {
    let header = [("x-connection-id", connection)];
    bench.call_with("get_contact_by_email", json!({"email": MAREN}), &header).await
}

#[tokio::test]
async fn an_entra_that_cannot_be_reached_says_what_to_do_and_nothing_is_stored() {
    let nobody = "http://127.0.0.1:9".to_owned();
    let options = Options { other_instances: vec![nobody.clone()], ..Options::default() };
    let bench = Bench::start_with(options).await;
    let answer = set_up(&bench, "emea", with(bench.credentials(), "instance_url", &nobody)).await;
    let problem = answer.problem("dynamics_unavailable");
    assert_eq!(problem["detail"], "Microsoft Entra ID could not be reached");
    let action = problem["admin_action"].as_str().unwrap();
    assert!(action.contains("login.microsoftonline.com") && action.contains("status"), "{action}");
    assert!(problem["next_step"].as_str().unwrap().starts_with("Nothing was stored."));
    assert_eq!((&problem["retryable"], &problem["write"]), (&true.into(), &"not_happened".into()));
    works(&bench, "emea").await.problem("connection_not_found");
}

#[tokio::test]
async fn four_credentials_show_the_organization() {
    let bench = Bench::start().await;
    works(&bench, "emea").await.problem("connection_not_found");
    let mut entered = bench.credentials();
    entered["label"] = "EMEA, production".into();
    let answer = set_up(&bench, "emea", entered).await;
    assert_eq!(answer.status, 201);
    let view = &answer.body;
    assert_eq!(view["state"], "healthy");
    assert_eq!(view["organization"]["name"], "Contoso Demo");
    assert!(view["organization"]["version"].as_str().unwrap().starts_with("9.2"));
    assert_eq!(view["user"]["roles"], json!(["Customer Service Representative", "Salesperson"]));
    assert_eq!(view["secret"]["begins_with"], "emu");
    assert_eq!(view["secret"]["source"], "graph");
    assert!(view["secret"]["expires_on"].is_string());
    let tools = view["tools"].as_array().unwrap();
    assert_eq!(tools.len(), stack::tools().len());
    assert!(tools.iter().all(|tool| tool["available"] == true), "{view:#}");
    works(&bench, "emea").await.result();

    // Setting it up again is an update.
    let answer = set_up(&bench, "emea", bench.credentials()).await;
    assert_eq!(answer.status, 200);
    for (method, path) in [("GET", ""), ("POST", "/test")] {
        let again = bench.request(method, &format!("/v1/connections/emea{path}"), None).await;
        assert_eq!(again.status, 200);
        for field in ["state", "organization", "user", "tools", "secret"] {
            assert_eq!(again.body[field], answer.body[field], "{method} {field}");
        }
    }
    let list = bench.request("GET", "/v1/connections", None).await;
    let list = list.body["connections"].as_array().unwrap();
    let listed = list.iter().find(|one| one["id"] == "emea").unwrap();
    assert_eq!(listed["organization"], "Contoso Demo");
    assert_eq!(listed["state"], "healthy");
}

#[tokio::test]
async fn what_people_paste_is_understood() {
    let bench = Bench::start().await;
    let instance = bench.stack.emulator().url();
    for (field, value) in [
        ("tenant_id", format!("  {} ", dataverse_emulator::TENANT_ID)),
        ("tenant_id", format!("{{{}}}", dataverse_emulator::TENANT_ID.to_uppercase())),
        ("client_id", format!("urn:uuid:{}", dataverse_emulator::CLIENT_ID)),
        ("client_secret", format!("\"{}\"", dataverse_emulator::CLIENT_SECRET)),
        ("instance_url", format!("“{instance}”")),
        ("client_id", format!("{}\n", dataverse_emulator::CLIENT_ID)),
        ("client_secret", format!(" {} ", dataverse_emulator::CLIENT_SECRET)),
        ("instance_url", format!("{instance}/main.aspx?appid=1&pagetype=entitylist")),
        ("instance_url", format!("{instance}/api/data/v9.2/")),
        ("instance_url", format!(" {instance}/ ")),
        ("secret_expires_on", "2031-12-01".to_owned()),
        ("label", "Zürich".to_owned()),
    ] {
        let answer = set_up(&bench, "pasted", with(bench.credentials(), field, &value)).await;
        assert!(answer.status < 300, "{field} {value}: {:#}", answer.body);
        assert_eq!(answer.body["instance_url"], instance);
        works(&bench, "pasted").await.result();
    }
}

#[tokio::test]
async fn each_fault_has_its_cause_and_its_step_and_nothing_is_stored() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    let mut causes = BTreeSet::new();
    let mut check = |answer: &Answer, cause: &str, step: u8| {
        let problem = answer.problem("connection_broken");
        assert_eq!((&problem["cause"], &problem["set_up_step"]), (&json!(cause), &json!(step)));
        let action = problem["admin_action"].as_str().unwrap();
        assert!(action.starts_with(&format!("Set-up step {step}")), "{action}");
        assert!(action.contains(&format!("docs/setting-up.md#step-{step}-")), "{action}");
        assert_eq!(problem["write"], "not_happened");
        let next_step = problem["next_step"].as_str().unwrap();
        assert!(next_step.starts_with("Nothing was stored.") && !next_step.contains("visitor"));
        causes.insert(cause.to_owned());
    };
    for (field, value, cause, step) in [
        ("tenant_id", "my company", "tenant_invalid", 1),
        ("tenant_id", UNKNOWN, "tenant_unknown", 1),
        ("tenant_id", dataverse_emulator::CLIENT_ID, "tenant_unknown", 1),
        ("client_id", "my app", "client_invalid", 2),
        ("client_id", UNKNOWN, "application_unknown", 2),
        ("client_secret", UNKNOWN, "secret_id_given", 3),
        ("client_secret", "not~the~secret", "secret_wrong", 3),
        ("client_secret", " ", "secret_missing", 3),
        ("instance_url", "https://contoso.crm.dynamics.com.evil.example", "instance_invalid", 5),
    ] {
        let answer = set_up(&bench, "emea", with(bench.credentials(), field, value)).await;
        check(&answer, cause, step);
        // The stored connection still works, and nothing new is stored.
        works(&bench, "emea").await.result();
        let answer = set_up(&bench, "new", with(bench.credentials(), field, value)).await;
        check(&answer, cause, step);
        works(&bench, "new").await.problem("connection_not_found");
    }
    for (path, change, cause, step) in [
        ("application-user", json!({"state": "missing"}), "application_user_missing", 6),
        ("application-user", json!({"state": "disabled"}), "application_user_disabled", 6),
        ("application-user", json!({"state": "enabled", "roles": []}), "no_role", 6),
        ("client-secret", json!({"state": "expired"}), "secret_expired", 3),
    ] {
        bench.control("PUT", path, Some(change)).await;
        check(&set_up(&bench, "new", bench.credentials()).await, cause, step);
        bench.control("POST", "reset", None).await;
        works(&bench, "emea").await.result();
    }
    assert!(causes.len() >= 10, "{causes:?}");
    let list = bench.request("GET", "/v1/connections", None).await.body;
    assert!(!list.to_string().contains("\"new\""), "{list:#}");
}

#[tokio::test]
async fn swapped_ids_are_recognized_and_the_secret_is_sent_nowhere_else() {
    let bench = Bench::start().await;
    let mut swapped = bench.credentials();
    swapped["tenant_id"] = dataverse_emulator::CLIENT_ID.into();
    swapped["client_id"] = dataverse_emulator::TENANT_ID.into();
    bench.control("DELETE", "requests", None).await;
    let answer = set_up(&bench, "emea", swapped.clone()).await;
    let problem = answer.problem("connection_broken");
    assert_eq!((&problem["cause"], &problem["set_up_step"]), (&json!("ids_swapped"), &json!(1)));
    let log = bench.control("GET", "requests", None).await;
    let asked = log["value"].as_array().unwrap().iter();
    let asked: Vec<_> = asked.map(|one| (&one["method"], one["path"].as_str().unwrap())).collect();
    let discovery =
        format!("/{}/v2.0/.well-known/openid-configuration", dataverse_emulator::TENANT_ID);
    let of_tenant: Vec<_> =
        asked.iter().filter(|(_, path)| path.contains(dataverse_emulator::TENANT_ID)).collect();
    // Whoever owns the directory with the other id is not sent the secret.
    assert_eq!(of_tenant, [&(&json!("GET"), discovery.as_str())], "{asked:?}");

    // A connection that was stored by hand is told the same.
    bench.store("dynamics365/connections/hand", &swapped.to_string()).await;
    let answer = bench.request("GET", "/v1/connections/hand", None).await;
    assert_eq!(answer.body["problem"]["cause"], "ids_swapped", "{:#}", answer.body);
    let next_step = answer.body["problem"]["next_step"].as_str().unwrap();
    assert!(!next_step.contains("visitor"), "{next_step}");
}

/// The functions have a token for an hour more, and an administrator must not be told that all is
/// well.
#[tokio::test]
async fn a_look_finds_what_the_scheduled_check_finds_also_with_a_token_at_hand() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    bench.request("GET", "/v1/connections/emea", None).await;
    works(&bench, "emea").await.result();
    bench.control("PUT", "client-secret", Some(json!({"state": "expired"}))).await;
    works(&bench, "emea").await.result();
    let answer = bench.request("GET", "/v1/connections/emea", None).await;
    assert_eq!(answer.body["state"], "broken", "{:#}", answer.body);
    assert_eq!(answer.body["problem"]["cause"], "secret_expired");
    let list = bench.request("GET", "/v1/connections", None).await.body;
    let listed = list["connections"].as_array().unwrap();
    let listed = listed.iter().find(|one| one["id"] == "emea").unwrap();
    assert_eq!((&listed["state"], &listed["cause"]), (&json!("broken"), &json!("secret_expired")));
}

#[tokio::test]
async fn a_date_does_not_outlive_its_secret() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", Some(json!({"permissions": []}))).await;
    let mut entered = bench.credentials();
    entered["secret_expires_on"] = "2099-03-31".into();
    let answer = set_up(&bench, "emea", entered.clone()).await;
    assert_eq!(answer.body["secret"]["expires_on"], "2099-03-31", "{:#}", answer.body);

    // Somebody puts the new secret into Secrets Manager, and leaves the date.
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    entered["client_secret"] = dataverse_emulator::ROTATED_CLIENT_SECRET.into();
    bench.store("dynamics365/connections/emea", &entered.to_string()).await;
    for _ in 0..2 {
        let answer = bench.request("GET", "/v1/connections/emea", None).await;
        assert_eq!(answer.body["state"], "healthy", "{:#}", answer.body);
        assert_eq!(answer.body["secret"].get("expires_on"), None, "{:#}", answer.body);
        let hint = answer.body["hints"][0].as_str().unwrap();
        assert!(hint.contains("the date of an older client secret"), "{hint}");
    }
    entered["secret_expires_on"] = "2099-09-30".into();
    bench.store("dynamics365/connections/emea", &entered.to_string()).await;
    let answer = bench.request("GET", "/v1/connections/emea", None).await;
    assert_eq!(answer.body["secret"]["expires_on"], "2099-09-30", "{:#}", answer.body);
}

#[tokio::test]
async fn a_misspelt_field_is_named_with_the_right_one() {
    let bench = Bench::start().await;
    let mut misspelt = bench.credentials();
    let tenant = misspelt.as_object_mut().unwrap().remove("tenant_id").unwrap();
    misspelt["tenantId"] = tenant;
    let answer = set_up(&bench, "emea", misspelt.clone()).await;
    let detail = "the field tenantId must be called tenant_id";
    assert_eq!(answer.problem("invalid_arguments")["detail"], detail);
    bench.store("dynamics365/connections/emea", &misspelt.to_string()).await;
    let answer = bench.request("POST", "/v1/connections/emea/test", None).await;
    let detail = answer.body["problem"]["detail"].as_str().unwrap();
    assert!(detail.ends_with("its field tenantId must be called tenant_id"), "{detail}");
}

#[tokio::test]
async fn a_form_that_is_none_is_explained_without_its_values() {
    let bench = Bench::start().await;
    for body in [
        json!({"tenant_id": "t"}),
        json!([dataverse_emulator::CLIENT_SECRET]),
        with(bench.credentials(), "client_secrt", dataverse_emulator::CLIENT_SECRET),
        json!({"client_secret": {"value": dataverse_emulator::CLIENT_SECRET}}),
    ] {
        let answer = set_up(&bench, "emea", body).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["next_step"].as_str().unwrap().contains("instance_url"), "{problem:#}");
    }
    let answer = set_up(&bench, "emea", json!({"tenant_id": "t"})).await;
    let detail = "there is no such connection yet, and for a new one client_id is missing \
        (set-up step 2 (app registration))";
    assert_eq!(answer.problem("invalid_arguments")["detail"], detail);
    let answer = set_up(&bench, "Not An Id", bench.credentials()).await;
    answer.problem("invalid_arguments");
    let answer =
        set_up(&bench, "emea", with(bench.credentials(), "secret_expires_on", "soon")).await;
    let detail = "secret_expires_on: must be a date such as 2027-12-01";
    assert_eq!(answer.problem("invalid_arguments")["detail"], detail);
}

#[tokio::test]
async fn a_connection_that_breaks_says_so_and_what_is_stored_anew_is_picked_up() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    bench.control("POST", "clock", Some(json!({"advance_seconds": 7200}))).await;
    let answer = bench.request("POST", "/v1/connections/emea/test", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["state"], "broken");
    assert_eq!(answer.body["problem"]["cause"], "secret_wrong");
    let list = bench.request("GET", "/v1/connections", None).await.body;
    assert!(list.to_string().contains("secret_wrong"), "{list:#}");

    // The secret is stored without the set-up.
    let anew =
        with(bench.credentials(), "client_secret", dataverse_emulator::ROTATED_CLIENT_SECRET);
    bench.store("dynamics365/connections/emea", &anew.to_string()).await;
    bench.until_secrets_are_read_again().await;
    works(&bench, "emea").await.result();
    let answer = bench.request("POST", "/v1/connections/emea/test", None).await;
    assert_eq!(answer.body["state"], "healthy");
}

#[tokio::test]
async fn a_removed_connection_can_be_had_back() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    let answer = bench.request("DELETE", "/v1/connections/emea", None).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    assert!(answer.body["recoverable_until"].is_string());
    works(&bench, "emea").await.problem("connection_not_found");
    let answer = bench.request("DELETE", "/v1/connections/emea", None).await;
    answer.problem("connection_not_found");
    let answer = set_up(&bench, "emea", bench.credentials()).await;
    assert_eq!(answer.status, 201);
    works(&bench, "emea").await.result();
}

/// Makes the next request for this path so slow that the connection is removed meanwhile.
async fn removed_during(bench: &Bench, path: &str, method: &str, call: &str, body: Option<Value>) {
    set_up(bench, "emea", bench.credentials()).await;
    let slow = json!({
        "method": "GET", "path": path, "kind": "slow", "delay_ms": 1500, "times": 1,
        "after_commit": false,
    });
    bench.fault(slow).await;
    let answer = bench.request(method, call, body);
    let remove = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        bench.request("DELETE", "/v1/connections/emea", None).await
    };
    let (answer, removed) = tokio::join!(answer, remove);
    assert_eq!(removed.status, 200, "{:#}", removed.body);
    assert!(answer.took > std::time::Duration::from_secs(1), "{:?}", answer.took);
    answer.problem("connection_not_found");
    bench.control("DELETE", "faults", None).await;
}

#[tokio::test]
async fn a_look_that_ends_late_brings_no_removed_connection_back() {
    let bench = Bench::start().await;
    for (method, call) in [("GET", "/v1/connections/emea"), ("POST", "/v1/connections/emea/test")] {
        removed_during(&bench, "/WhoAmI", method, call, None).await;
        let list = bench.request("GET", "/v1/connections", None).await;
        assert!(!list.body.to_string().contains("emea"), "{:#}", list.body);
    }
}

#[tokio::test]
async fn a_connection_inherits_nothing_of_one_that_was_removed() {
    let bench = Bench::start().await;
    let path = "/v1/connections/emea/sidebar-fields";
    let fields = json!({"fields": [{"table": "contact", "column": "new_loyaltytier"}]});
    let columns = "/EntityDefinitions";
    removed_during(&bench, columns, "PUT", path, Some(fields)).await;
    set_up(&bench, "emea", bench.credentials()).await;
    let shown = bench.request("GET", path, None).await;
    assert_eq!(shown.body["fields"].as_array().unwrap().len(), 4, "{:#}", shown.body);
}

#[tokio::test]
async fn what_the_role_lacks_is_said_before_a_tool_is_called() {
    let bench = Bench::start().await;
    let roles = json!({"roles": ["Salesperson"]});
    bench.control("PUT", "application-user", Some(roles)).await;
    let answer = set_up(&bench, "emea", bench.credentials()).await;
    let tools = answer.body["tools"].as_array().unwrap();
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        // Who has shown who they are hears of their open cases.
        let is_case = name.contains("case") || name == "dynamics365_verify_visitor";
        assert_eq!(tool["available"], !is_case, "{tool}");
        let lacks = tool["missing_privileges"].to_string();
        assert_eq!(lacks.contains("prvReadIncident"), is_case, "{tool}");
        // A tool for several kinds of records says for which it does not work.
        if tool["name"] == "dynamics365_create_note" {
            let missing = ["prvReadIncident", "prvAppendToIncident"];
            let case = json!({"record_type": "case", "missing_privileges": missing});
            assert_eq!(tool["unavailable_for"], json!([case]));
        }
    }
    let header = [("x-connection-id", "emea")];
    let answer = bench.call_with("get_case", json!({"case": "CAS-01001-Q7W2E9"}), &header).await;
    let problem = answer.problem("permission_denied");
    assert!(problem["detail"].as_str().unwrap().contains("prvReadIncident"));
}

#[tokio::test]
async fn a_role_that_reaches_only_some_records_says_which() {
    let bench = Bench::start().await;
    let depths = json!({"prvWriteLead": "Basic", "prvReadLead": "Local", "prvCreateLead": "Basic"});
    let user =
        json!({"roles": ["Salesperson", "Customer Service Representative"], "depths": depths});
    bench.control("PUT", "application-user", Some(user)).await;
    let answer = set_up(&bench, "emea", bench.credentials()).await;
    let tools = answer.body["tools"].as_array().unwrap();
    let limited = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        assert_eq!(tool["available"], true, "{tool}");
        tool["limited"].clone()
    };
    let own = json!({"privilege": "prvWriteLead", "reaches": "own_records"});
    let unit = json!({"privilege": "prvReadLead", "reaches": "business_unit"});
    let update = limited("dynamics365_update_lead").to_string();
    assert!(update.contains(&own.to_string()) && update.contains(&unit.to_string()), "{update}");
    // Whoever makes a lead owns it.
    assert!(!limited("dynamics365_create_lead").to_string().contains("prvCreateLead"));
    assert_eq!(limited("dynamics365_get_contact"), Value::Null);
    // It is no reason for an alarm.
    assert_eq!(answer.body["state"], "healthy", "{:#}", answer.body);
    // The sample's leads are somebody else's.
    let header = [("x-connection-id", "emea")];
    let change = json!({"lead": "Nadia Ferreol", "rating": "Hot"});
    let answer = bench.call_with("update_lead", change, &header).await;
    let problem = answer.problem("permission_denied");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("(right: Write)") && detail.contains("reaches only some"), "{detail}");
    assert!(problem["admin_action"].as_str().unwrap().contains("limited"), "{problem:#}");
}

/// Without any one of the privileges the tool is refused, and with all of them it works.
#[tokio::test]
async fn each_tool_needs_the_privileges_that_it_names() {
    const BASE: [&str; 8] = [
        "prvReadUser",
        "prvAppendToUser",
        "prvReadTeam",
        "prvReadTransactionCurrency",
        "prvAppendToTransactionCurrency",
        "prvReadOrganization",
        "prvReadRole",
        "prvReadQueue",
    ];
    let bench = Bench::start().await;
    let mut problems = Vec::new();
    let mut sets: Vec<(&str, Vec<Value>, Vec<&str>)> = Vec::new();
    for definition in crate::harness::staffs_tools() {
        let tool = definition.name.trim_start_matches("dynamics365_");
        if definition.per_kind.is_empty() {
            sets.push((tool, crate::schemas::thorough(tool), definition.privileges.to_vec()));
        }
        for of_kind in definition.per_kind {
            let needed = definition.privileges.iter().chain(of_kind.privileges).copied();
            sets.push((tool, crate::schemas::about(tool, of_kind.kind), needed.collect()));
        }
    }
    for (tool, calls, needed) in sets {
        for left_out in std::iter::once(None).chain(needed.iter().map(Some)) {
            let privileges: Vec<_> =
                BASE.iter().chain(needed.iter().filter(|one| Some(*one) != left_out)).collect();
            let mut refused = Vec::new();
            for arguments in &calls {
                bench.control("POST", "reset", None).await;
                let user = json!({"privileges": privileges});
                bench.control("PUT", "application-user", Some(user)).await;
                let answer = bench.call(tool, arguments.clone()).await;
                match answer.status {
                    200 => {}
                    403 => refused.push(answer.body["detail"].to_string()),
                    _ => panic!("{tool} {left_out:?} {:#}", answer.body),
                }
            }
            match left_out {
                None if !refused.is_empty() => {
                    problems.push(format!("{tool} needs more: {refused:?}"));
                }
                Some(name) if !refused.iter().any(|detail| detail.contains(*name)) => {
                    problems.push(format!("{tool} does not need {name}"));
                }
                _ => {}
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn two_organizations_never_meet() {
    let other = Emulator::start(dataverse_emulator::Options::default()).await.unwrap();
    let bench =
        Bench::start_with(Options { other_instances: vec![other.url()], ..Options::default() })
            .await;
    also_key(&bench, "theirs", &["other"], &["read", "write", "admin"]).await;
    let answer =
        set_up(&bench, "other", with(bench.credentials(), "instance_url", &other.url())).await;
    assert_eq!(answer.body["instance_url"], other.url());
    let create = async |connection: &str, subject: &str| {
        let arguments = json!({"contact": MAREN, "subject": subject, "description": "d"});
        let headers = [("x-connection-id", connection), ("idempotency-key", "the same")];
        let answer = bench.call_with("create_case", arguments, &headers).await;
        answer.result()["case"]["url"].as_str().unwrap().to_owned()
    };
    for _ in 0..2 {
        assert!(create("default", "Ours").await.starts_with(&bench.stack.emulator().url()));
        assert!(create("other", "Theirs").await.starts_with(&other.url()));
    }
    assert_eq!(bench.count("incidents", "title", "Ours").await, 1);
    assert_eq!(bench.count("incidents", "title", "Theirs").await, 0);

    // The secret of one connection expires; the other still works.
    let expired = reqwest::Client::new()
        .put(format!("{}/_emulator/client-secret", other.url()))
        .json(&json!({"state": "wrong"}))
        .send();
    assert!(expired.await.unwrap().status().is_success());
    let answer = bench.request("POST", "/v1/connections/other/test", None).await;
    assert_eq!(answer.body["problem"]["cause"], "secret_wrong");
    works(&bench, "default").await.result();

    // A key that is bound to one connection reaches nothing of the other.
    for (method, path) in [
        ("GET", "/v1/connections/default"),
        ("POST", "/v1/connections/default/test"),
        ("PUT", "/v1/connections/default"),
        ("DELETE", "/v1/connections/default"),
        ("GET", "/v1/connections/default/activity"),
        ("GET", "/v1/connections/default/sidebar?contact=x"),
    ] {
        let answer =
            bench.request_with_key("theirs", method, path, Some(bench.credentials())).await;
        answer.problem("forbidden");
    }
    let list = bench.request_with_key("theirs", "GET", "/v1/connections", None).await.body;
    let ids: Vec<_> = list["connections"].as_array().unwrap().iter().map(|c| &c["id"]).collect();
    assert_eq!(ids, ["other"]);
}

#[tokio::test]
async fn only_administrators_set_up() {
    let bench = Bench::start().await;
    also_key(&bench, "bot", &["*"], &["read", "write"]).await;
    for (method, path) in [
        ("GET", "/v1/connections"),
        ("PUT", "/v1/connections/emea"),
        ("DELETE", "/v1/connections/default"),
        ("GET", "/v1/connections/default/activity"),
        ("PUT", "/v1/connections/default/sidebar-fields"),
    ] {
        let answer = bench.request_with_key("bot", method, path, Some(bench.credentials())).await;
        answer.problem("forbidden");
    }
    let path = format!("/v1/connections/default/sidebar?contact={MAREN}");
    let answer = bench.request_with_key("bot", "GET", &path, None).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    let answer = bench.request("PATCH", "/v1/connections/default", None).await;
    answer.problem("method_not_allowed");
    assert_eq!(answer.allow.as_deref(), Some("GET, PUT, DELETE"));
    let answer = bench.request("GET", "/v1/connections/default/nothing", None).await;
    answer.problem("not_found");
}

/// The entries of the log, once they are written.
async fn log(bench: &Bench, query: &str, at_least: usize) -> Vec<Value> {
    for _ in 0..100 {
        let path = format!("/v1/connections/default/activity?{query}");
        let answer = bench.request("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{:#}", answer.body);
        let entries = answer.body["entries"].as_array().unwrap().clone();
        if entries.len() >= at_least {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the log stays short");
}

#[tokio::test]
async fn what_was_done_is_in_the_log_and_what_was_said_is_not() {
    let bench = Bench::start().await;
    let header = [("x-conversation-id", "chat-1")];
    let case = json!({"contact": MAREN, "subject": "Secret words", "description": "More words"});
    let made = bench.call_with("create_case", case, &header).await;
    bench.call("get_case", json!({"case": "CAS-99999"})).await.problem("not_found");
    bench.call_with("get_contact", json!({"contact": MAREN}), &header).await.result();
    set_up(&bench, "default", with(bench.credentials(), "client_secret", "wrong")).await;
    bench.request("POST", "/v1/connections/default/test", None).await;

    let entries = log(&bench, "", 5).await;
    let text = json!(entries).to_string();
    for private in ["Secret words", "More words", "Maren", MAREN, dataverse_emulator::CLIENT_SECRET]
    {
        assert!(!text.contains(private), "{text}");
    }
    let of = |tool: &str| entries.iter().find(|entry| entry["tool"] == tool).unwrap();
    let create = of("dynamics365_create_case");
    assert_eq!((&create["outcome"], &create["trips"]), (&json!("ok"), &json!(2)));
    assert_eq!(create["conversation"], "chat-1");
    assert_eq!(create["records"][0], made.result()["case"]["id"]);
    assert_eq!(of("dynamics365_get_case")["outcome"], "not_found");
    assert_eq!(of("set_up_connection")["kind"], "set_up");
    assert_eq!(of("set_up_connection")["outcome"], "connection_broken");
    assert_eq!(of("test_connection")["kind"], "check");
    assert_eq!(of("test_connection")["trips"], 2);
    // The newest first.
    let times: Vec<_> = entries.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");

    let failed = of("set_up_connection");
    assert_eq!((&failed["cause"], &failed["set_up_step"]), (&json!("secret_wrong"), &json!(3)));
    assert_eq!(failed["code"], "AADSTS7000215");
    let request = format!("request_id={}", create["request_id"].as_str().unwrap());
    let record = format!("record={}", create["records"][0].as_str().unwrap());
    let today = &create["at"].as_str().unwrap()[..10];
    let today = format!("from={today}&to={today}");
    for (query, expected) in [
        ("tool=dynamics365_get_case", 1),
        ("outcome=ok&conversation=chat-1", 2),
        ("outcome=connection_broken", 1),
        ("outcome=failed", 2),
        (request.as_str(), 1),
        (record.as_str(), 2),
        (today.as_str(), 5),
        ("to=2026-01-01", 0),
    ] {
        assert_eq!(log(&bench, query, expected).await.len(), expected, "{query}");
    }
    let first = bench.request("GET", "/v1/connections/default/activity?limit=2", None).await;
    let next = first.body["next"].as_str().unwrap();
    let path = format!("/v1/connections/default/activity?limit=2&cursor={next}");
    let second = bench.request("GET", &path, None).await;
    assert_eq!(second.body["entries"][0], entries[2]);
    for (query, says) in [
        ("cursor=nonsense", "next"),
        ("limit=0", "1 to 200"),
        ("from=yesterday", "2026-12-01"),
        ("colour=red", "colour"),
        ("outcome=bad", "failed"),
        ("tool=get_case", "dynamics365_get_case"),
        ("record=CAS-1", "id of a record"),
    ] {
        let path = format!("/v1/connections/default/activity?{query}");
        let answer = bench.request("GET", &path, None).await;
        let detail = answer.problem("invalid_arguments")["detail"].to_string();
        assert!(detail.contains(says), "{detail}");
    }
}

/// A change takes as long as Entra ID and Dataverse take to answer.
#[tokio::test]
async fn of_two_changes_at_once_none_is_lost() {
    let latency = Duration::from_millis(150);
    let bench = Bench::start_with(Options { latency, ..Options::default() }).await;
    set_up(&bench, "emea", bench.credentials()).await;
    let slow = || set_up(&bench, "emea", json!({"secret_expires_on": "2099-03-31"}));
    let quick = async |change: Value| {
        tokio::time::sleep(latency).await;
        set_up(&bench, "emea", change).await
    };
    let (slow_one, quick_one) = tokio::join!(slow(), quick(json!({"label": "renamed"})));
    // The one that was tried first is stored first; the other finds that out.
    assert_eq!(slow_one.status, 200, "{:#}", slow_one.body);
    let problem = quick_one.problem("version_conflict");
    assert_eq!(problem["write"], "not_happened");
    set_up(&bench, "emea", json!({"label": "renamed"})).await;
    let answer = bench.request("GET", "/v1/connections/emea", None).await;
    assert_eq!(answer.body["label"], "renamed");

    // Somebody who removes a connection is not overruled by a rename.
    let removal = async {
        tokio::time::sleep(latency).await;
        bench.request("DELETE", "/v1/connections/emea", None).await
    };
    let rename = set_up(&bench, "emea", json!({"label": "again"}));
    let (renamed, removed) = tokio::join!(rename, removal);
    assert_eq!(removed.status, 200);
    renamed.problem("version_conflict");
    works(&bench, "emea").await.problem("connection_not_found");
}

#[tokio::test]
async fn an_outdated_date_stays_outdated_and_an_old_one_hinders_nothing() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", Some(json!({"permissions": []}))).await;
    let past = with(bench.credentials(), "secret_expires_on", "2020-01-31");
    let answer = set_up(&bench, "emea", past.clone()).await;
    let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
    assert!(detail.starts_with("secret_expires_on: must not be in the past"), "{detail}");
    let far = with(bench.credentials(), "secret_expires_on", "2099-01-31");
    let answer = set_up(&bench, "emea", far.clone()).await;
    let hint = answer.body["hints"][0].as_str().unwrap();
    assert!(hint.contains("more than 24 months away"), "{hint}");

    // It was stored by hand, and says nothing about a change of the label.
    bench.store("dynamics365/connections/emea", &past.to_string()).await;
    let answer = set_up(&bench, "emea", json!({"label": "B"})).await;
    assert_eq!((answer.status, &answer.body["label"]), (200, &json!("B")));

    bench.store("dynamics365/connections/emea", &far.to_string()).await;
    bench.request("GET", "/v1/connections/emea", None).await;
    bench.control("PUT", "client-secret", Some(json!({"state": "rotated"}))).await;
    let rotated = with(far, "client_secret", dataverse_emulator::ROTATED_CLIENT_SECRET);
    bench.store("dynamics365/connections/emea", &rotated.to_string()).await;
    bench.request("GET", "/v1/connections/emea", None).await;
    let answer = set_up(&bench, "emea", json!({"label": "C"})).await;
    assert_eq!(answer.body["secret"].get("expires_on"), None, "{:#}", answer.body);
    let hint = answer.body["hints"][0].as_str().unwrap();
    assert!(hint.contains("the date of an older client secret"), "{hint}");
}

#[tokio::test]
async fn the_secret_stays_with_its_application_and_its_environment() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    for (field, value) in [
        ("tenant_id", "contoso.example"),
        ("client_id", UNKNOWN),
        ("instance_url", "https://contoso.crm.dynamics.cn"),
    ] {
        let answer = set_up(&bench, "emea", json!({field: value})).await;
        let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
        assert!(detail.starts_with("client_secret is missing"), "{detail}");
    }
    let label = format!("two\nlines {}", "x".repeat(100));
    let answer = set_up(&bench, "emea", json!({"label": label})).await;
    answer.problem("invalid_arguments");
    works(&bench, "emea").await.result();
}

#[tokio::test]
async fn a_connection_whose_secret_was_deleted_by_hand_is_broken_wherever_one_looks() {
    let bench = Bench::start().await;
    set_up(&bench, "emea", bench.credentials()).await;
    bench.stack.secrets().delete("dynamics365/connections/emea").await.unwrap();
    let answer = bench.request("GET", "/v1/connections/emea", None).await;
    assert_eq!((answer.status, &answer.body["state"]), (200, &json!("broken")));
    assert_eq!(answer.body["problem"]["code"], "connection_not_found");
    let list = bench.request("GET", "/v1/connections", None).await.body;
    assert!(list.to_string().contains("connection_not_found"), "{list:#}");
    bench.request("GET", "/v1/connections/nobody", None).await.problem("connection_not_found");
}

#[tokio::test]
async fn an_administrator_is_told_nothing_for_a_visitor() {
    let bench = Bench::start().await;
    for error in [
        json!({"status": 403, "error": {"code": "0x80040220", "message": "no"}}),
        json!({"status": 403, "error": {"code": "0x80099999", "message": "no"}}),
        json!({"status": 400, "error": {"code": "0x80040265", "message": "a plug-in"}}),
        json!({"status": 503, "error": {"code": "0x80060888", "message": "later"}}),
    ] {
        bench.control("POST", "reset", None).await;
        let mut fault = error;
        fault["kind"] = "answer".into();
        fault["path"] = "/api/data".into();
        fault["times"] = 1_000_000.into();
        bench.control("POST", "faults", Some(fault)).await;
        let refused = set_up(&bench, "emea", bench.credentials()).await.body;
        let looked = bench.request("GET", "/v1/connections/default", None).await.body;
        for text in [refused.to_string(), looked["problem"].to_string()] {
            for word in ["visitor", "person", "Say that", "Apologise"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }
}
