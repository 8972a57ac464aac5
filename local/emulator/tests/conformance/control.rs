//! The control calls: faults, the log and the reset.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch::{batch, change_set, get, statuses, write};
use crate::harness::{Emulated, encode, send};

async fn arm(emulated: &Emulated, fault: Value) {
    emulated.control(Method::POST, "faults", fault).await;
}

#[tokio::test]
async fn a_dropped_request_has_no_answer_and_is_done_only_after_commit() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    for (after_commit, more) in [(false, 0), (true, 1)] {
        arm(
            &emulated,
            json!({"method": "POST", "path": "/contacts", "kind": "drop",
                   "after_commit": after_commit}),
        )
        .await;
        let request = emulated.request(Method::POST, "contacts");
        let answer = send(request.json(&json!({"lastname": "Lost"}))).await;
        assert!(answer.unwrap_err().is_request());
        assert_eq!(emulated.count("contacts").await, before + more, "{after_commit}");
    }
    let statuses: Vec<_> =
        emulated.requests().await.iter().map(|entry| entry["status"].clone()).collect();
    assert_eq!(statuses, [Value::Null, Value::Null]);
}

#[tokio::test]
async fn unavailable_before_and_after_commit() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    for (after_commit, more) in [(false, 0), (true, 1)] {
        arm(
            &emulated,
            json!({"path": "/contacts", "kind": "unavailable", "after_commit": after_commit,
                   "retry_after": 3}),
        )
        .await;
        let answer = emulated.post("contacts", json!({"lastname": "Somewhere"})).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), "3");
        assert_eq!(emulated.count("contacts").await, before + more, "{after_commit}");
    }
}

#[tokio::test]
async fn slow_unauthorized_and_plugin() {
    let emulated = Emulated::start().await;
    arm(&emulated, json!({"kind": "slow", "delay_ms": 120})).await;
    let started = Instant::now();
    emulated.get("WhoAmI").await.expect(200);
    assert!(started.elapsed() >= Duration::from_millis(120));
    arm(&emulated, json!({"kind": "unauthorized"})).await;
    let answer = emulated.get("WhoAmI").await;
    assert_eq!(answer.status, 401);
    answer.header("www-authenticate");
    arm(&emulated, json!({"kind": "plugin", "message": "Not on a Sunday."})).await;
    emulated.get("WhoAmI").await.refused(400, "0x80040265", "Not on a Sunday.");
    emulated.get("WhoAmI").await.expect(200);
}

#[tokio::test]
async fn an_answer_can_be_anything() {
    let emulated = Emulated::start().await;
    let page = json!({"path": "/contacts", "kind": "answer", "status": 404, "body": "<html></html>",
        "headers": {"content-type": "text/html"}});
    arm(&emulated, page).await;
    let answer = emulated.get("contacts?$top=1").await;
    assert_eq!((answer.status, answer.text.as_str()), (404, "<html></html>"));
    assert!(!answer.headers.contains_key("req_id"), "{answer:?}");

    let before = emulated.count("contacts").await;
    let error = json!({"code": "0x8004a104", "message": "Disabled."});
    let refusal = json!({"path": "/contacts", "kind": "answer", "status": 403, "error": error,
        "after_commit": true});
    arm(&emulated, refusal).await;
    let answer = emulated.post("contacts", json!({"lastname": "Made"})).await;
    answer.refused(403, "0x8004a104", "Disabled.");
    answer.header("x-ms-service-request-id");
    assert_eq!(emulated.count("contacts").await, before + 1);

    let location = json!({"location": "https://parked.example/"});
    arm(&emulated, json!({"kind": "answer", "status": 302, "headers": location})).await;
    let no_redirects = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().no_proxy().redirect(no_redirects).build().unwrap();
    let answer = send(client.get(format!("{}/WhoAmI", emulated.api()))).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, "https://parked.example/"));

    arm(&emulated, json!({"kind": "answer", "status": 204})).await;
    assert_eq!(emulated.get("WhoAmI").await.status, 204);
    arm(&emulated, json!({"kind": "answer", "status": 200, "json": {}})).await;
    assert_eq!(*emulated.get("WhoAmI").await.expect(200), json!({}));
    arm(&emulated, json!({"kind": "answer", "status": 200, "base64": "AAE="})).await;
    assert_eq!(emulated.get("WhoAmI").await.text, "\u{0}\u{1}");
}

#[tokio::test]
async fn a_part_of_a_batch_and_the_other_services_can_be_answered_so() {
    let emulated = Emulated::start().await;
    let error = json!({"code": "0x80040216", "message": "An unexpected error occurred."});
    let fault = json!({"path": "/accounts", "kind": "answer", "status": 400, "error": error});
    arm(&emulated, fault.clone()).await;
    let parts = [get("WhoAmI"), get("accounts?$top=1"), get("contacts?$top=1")];
    let headers = [("prefer", "odata.continue-on-error")];
    let answer = batch(&emulated, &parts, &headers).await;
    assert_eq!(statuses(&answer), ["200 OK", "400 Bad Request", "200 OK"]);
    assert!(answer.text.contains("0x80040216"), "{}", answer.text);

    let whole = change_set(&[write(1, "POST", "/api/data/v9.2/accounts", &json!({"name": "A"}))]);
    for (after_commit, more) in [(false, 0), (true, 1)] {
        let before = emulated.count("accounts").await;
        let mut fault = fault.clone();
        fault["after_commit"] = after_commit.into();
        arm(&emulated, fault).await;
        let answer = batch(&emulated, std::slice::from_ref(&whole), &[]).await;
        assert_eq!(statuses(&answer), ["400 Bad Request"]);
        assert_eq!(emulated.count("accounts").await, before + more, "{after_commit}");
    }

    let odd = json!({"token_type": "Bearer", "expires_in": u64::MAX, "access_token": "a\nb"});
    arm(
        &emulated,
        json!({"path": "/oauth2/v2.0/token", "kind": "answer", "status": 200, "json": odd}),
    )
    .await;
    emulated.get("WhoAmI").await.expect(200);
    assert_eq!(*emulated.ask_for_token(dataverse_emulator::TENANT_ID, &[]).await.expect(200), odd);
    arm(&emulated, json!({"path": "/applications", "kind": "answer", "status": 407})).await;
    let request = emulated.bare(Method::GET, "/v1.0/applications(appId='x')");
    assert_eq!(send(request).await.unwrap().status, 407);
}

#[tokio::test]
async fn unknown_names_are_refused_in_two_forms() {
    let emulated = Emulated::start().await;
    let set = "Resource not found for the segment 'nothings'.";
    let column = "Could not find a property named 'nothing' on type \
                  'Microsoft.Dynamics.CRM.contact'.";
    let property = "Invalid property 'nothing' was found in entity \
                    'Microsoft.Dynamics.CRM.contact'.";
    let body = json!({"nothing": 1});
    let other = json!({"unknown_names": "other"});
    emulated.control(Method::PUT, "error-forms", other).await;
    emulated.get("nothings").await.refused(404, "0x8006088a", set);
    emulated.get("contacts?$select=nothing").await.refused(400, "0x0", column);
    emulated.get("contacts?$filter=nothing%20eq%201").await.refused(400, "0x0", column);
    emulated.post("contacts", body.clone()).await.refused(400, "0x0", property);
    let bind = json!({"nothing@odata.bind": "/accounts(1)"});
    emulated.post("contacts", bind).await.refused_with(400, "0x0", "An undeclared property");
    let whole = change_set(&[write(1, "POST", "/api/data/v9.2/contacts", &body)]);
    let answer = batch(&emulated, &[whole], &[]).await;
    assert!(answer.text.contains("\"0x0\""), "{}", answer.text);
    // Everything else is unchanged.
    emulated.get("contacts?$skip=1").await.refused_with(400, "0x80060888", "Skip Clause");

    emulated.control(Method::POST, "reset", Value::Null).await;
    let token = emulated.new_token().await;
    let nothings = emulated.bare(Method::GET, "/api/data/v9.2/nothings").bearer_auth(token);
    send(nothings).await.unwrap().refused(404, "0x80060888", set);
}

#[tokio::test]
async fn a_path_inside_a_lambda_can_be_refused() {
    let emulated = Emulated::start().await;
    let of = |filter: &str| format!("activitypointers?$top=1&$filter={}", encode(filter));
    let parties = "activitypointer_activity_parties/any";
    let path = of(&format!("{parties}(p:p/partyid_contact/emailaddress1 eq 'a@b.example')"));
    let condition = of(&format!(
        "{parties}(p:p/participationtypemask eq 1 and Microsoft.Dynamics.CRM.In(\
         PropertyName='p/partyid_contact/emailaddress1',PropertyValues=['a@b.example']))"
    ));
    let own = of(&format!("{parties}(p:p/participationtypemask eq 1)"));
    let outside = format!("incidents?$filter={}", encode("customerid_contact/fullname eq 'A'"));
    emulated.get(&path).await.expect(200);
    emulated.get(&condition).await.expect(200);
    emulated.control(Method::PUT, "lambda-paths", json!({"refused": true})).await;
    for refused in [&path, &condition] {
        let answer = emulated.get(refused).await;
        answer.refused(400, "0x80040216", "An unexpected error occurred.");
    }
    emulated.get(&own).await.expect(200);
    emulated.get(&outside).await.expect(200);
    let headers = [("prefer", "odata.continue-on-error")];
    let answer = batch(&emulated, &[get(&own), get(&path), get(&own)], &headers).await;
    assert_eq!(statuses(&answer), ["200 OK", "400 Bad Request", "200 OK"]);
    emulated.control(Method::POST, "reset", Value::Null).await;
    let token = emulated.new_token().await;
    let request = emulated.bare(Method::GET, &format!("/api/data/v9.2/{path}"));
    send(request.bearer_auth(token)).await.unwrap().expect(200);
}

#[tokio::test]
async fn a_row_can_hold_what_no_client_could_write() {
    let emulated = Emulated::start().await;
    let id = emulated.post("contacts", json!({"lastname": "Long"})).await.created();
    let long = "x".repeat(5_000_000);
    emulated.patch(&format!("contacts({id})"), json!({"firstname": long})).await.expect(400);
    let path = format!("rows/contacts/{id}");
    let columns = json!({"firstname": long, "description": long, "address1_city": null});
    emulated.control(Method::PATCH, &path, columns).await;
    let answer = emulated.get(&format!("contacts({id})?$select=firstname,description")).await;
    assert_eq!(answer.expect(200)["description"].as_str().map(str::len), Some(5_000_000));
    assert_eq!(answer.body["firstname"].as_str().map(str::len), Some(5_000_000));
    let email = emulated.post("emails", json!({"subject": "s", "description": long})).await;
    email.created();

    for (path, columns, status) in [
        (path.as_str(), json!({"nothing": 1}), 400),
        (path.as_str(), json!({"firstname": 1}), 400),
        (path.as_str(), json!({"contactid": id}), 400),
        // A row that is to be made along is no column.
        (path.as_str(), json!({"parentcustomerid_account": {"name": "x"}}), 400),
        ("rows/contacts/1", json!({}), 400),
        ("rows/contacts/00000000-0000-0000-0000-000000000001", json!({}), 404),
        ("rows/nothings/00000000-0000-0000-0000-000000000001", json!({}), 404),
    ] {
        let answer = emulated.try_control(Method::PATCH, path, columns.clone()).await;
        assert_eq!(answer.status, status, "{path} {columns} {answer:?}");
        assert!(answer.body["error"].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let emulated = Emulated::start().await;
    for (host, status) in [("evil.example", 403), ("localhost", 200), ("127.0.0.1:1", 200)] {
        for path in ["/_emulator/", "/api/data/v9.2/WhoAmI"] {
            let request = emulated.bare(Method::GET, path).header("host", host);
            let answer = send(request.bearer_auth(emulated.new_token().await)).await.unwrap();
            // For a token request, the port is part of the organization's name.
            assert_eq!(answer.status == 403, status == 403, "{host} {path} {answer:?}");
            assert!(status == 200 || answer.text.contains("--host"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn faults_are_listed_cleared_and_checked() {
    let emulated = Emulated::start().await;
    arm(&emulated, json!({"kind": "drop", "times": 3})).await;
    let armed = emulated.control(Method::GET, "faults", Value::Null).await;
    assert_eq!(armed.body["value"][0]["times"], 3);
    emulated.control(Method::DELETE, "faults", Value::Null).await;
    emulated.get("WhoAmI").await.expect(200);
    for (call, nonsense) in [
        ("faults", json!({"kind": "explode"})),
        ("faults", json!({"kind": "drop", "times": 0})),
        ("faults", json!({"kind": "drop", "afterCommit": true})),
        ("seed", json!({"table": "nonsense", "rows": 1})),
        ("clock", json!({"advance_seconds": i64::MAX})),
    ] {
        let answer = emulated.try_control(Method::POST, call, nonsense.clone()).await;
        assert_eq!(answer.status, 400, "{nonsense}");
        assert!(answer.body["error"].is_string());
    }
    let columns = json!([["emailaddress1", "nothing"]]);
    for rule in [
        json!({"table": "lead", "matching": "contact", "columns": columns}),
        json!({"table": "lead", "matching": "nonsense", "columns": []}),
        json!({"table": "lead", "matching": "contact", "columns": []}),
        json!({"table": "lead", "columns": [["emailaddress1", "emailaddress1"]]}),
    ] {
        let rules = json!({"rules": [rule]});
        let answer = emulated.try_control(Method::PUT, "duplicate-rules", rules.clone()).await;
        assert_eq!(answer.status, 400, "{rules}");
        assert!(answer.body["error"].is_string());
    }
    let change = json!({"roles": ["Boss"]});
    let answer = emulated.try_control(Method::PUT, "application-user", change).await;
    let error = answer.expect(400)["error"].as_str().unwrap();
    assert!(error.contains("Salesperson"), "{error}");
    assert_eq!(emulated.try_control(Method::GET, "nonsense", Value::Null).await.status, 404);
    let answer = emulated.try_control(Method::GET, "rows/nonsense", Value::Null).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn the_log_tells_what_was_asked_and_over_which_connection() {
    let emulated = Emulated::start().await;
    emulated.get("contacts?$top=1&$select=fullname").await.expect(200);
    emulated.get("nonsense").await.expect(404);
    let log = emulated.requests().await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[0]["method"], "GET");
    assert_eq!(log[0]["path"], "/api/data/v9.2/contacts");
    assert_eq!(log[0]["query"], "$top=1&$select=fullname");
    assert_eq!((&log[0]["status"], &log[1]["status"]), (&json!(200), &json!(404)));
    assert!(log[0]["duration_ms"].is_number() && log[0]["started_at"].is_string());
    assert_eq!(log[0]["connection"], log[1]["connection"], "the client keeps its connection");
    emulated.control(Method::DELETE, "requests", Value::Null).await;
    assert!(emulated.requests().await.is_empty());
}

#[tokio::test]
async fn reset_brings_everything_back() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    emulated.post("contacts", json!({"lastname": "Gone soon"})).await.created();
    emulated.control(Method::PUT, "apps", json!({"sales": false, "service": true})).await;
    let answer = emulated.get("opportunities?$top=1").await;
    answer.refused(404, "0x80060888", "Resource not found for the segment 'opportunities'.");
    emulated.get("incidents?$top=1").await.expect(200);
    let rule =
        json!({"table": "contact", "matching": "account", "columns": [["lastname", "name"]]});
    emulated.control(Method::PUT, "duplicate-rules", json!({"rules": [rule]})).await;
    arm(&emulated, json!({"kind": "drop"})).await;
    emulated.control(Method::POST, "reset", Value::Null).await;
    assert_eq!(emulated.count("contacts").await, before);
    // Tokens go on: they are Entra ID's, and not the organization's.
    emulated.get("opportunities?$top=1").await.expect(200);
    let token = emulated.new_token().await;
    let request = emulated
        .bare(Method::POST, "/api/data/v9.2/contacts")
        .header("mscrm.suppressduplicatedetection", "false")
        .json(&json!({"lastname": "Litware, Inc."}));
    send(request.bearer_auth(token)).await.unwrap().expect(204);
}

#[tokio::test]
async fn latency_holds_every_answer_back() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "latency", json!({"ms": 80})).await;
    let started = Instant::now();
    emulated.get("WhoAmI").await.expect(200);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_table_can_be_filled_for_load_tests() {
    let emulated = Emulated::start().await;
    let before = emulated.count("contacts").await;
    emulated.control(Method::POST, "seed", json!({"table": "contact", "rows": 1_000})).await;
    assert_eq!(emulated.count("contacts").await, before + 1_000);
    emulated.post("contacts", json!({"lastname": "One more"})).await.created();
}
