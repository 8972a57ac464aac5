//! `$batch`: its form, its change sets and its refusals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Emulated, encode, send, with};

const HTTP: &str = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n";

pub fn get(path: &str) -> String {
    format!(
        "--b\r\n{HTTP}\r\nGET /api/data/v9.2/{path} HTTP/1.1\r\nAccept: application/json\r\n\r\n"
    )
}

/// A request of a change set.
pub fn write(id: u32, method: &str, url: &str, body: &Value) -> String {
    format!(
        "--c\r\n{HTTP}Content-ID: {id}\r\n\r\n{method} {url} HTTP/1.1\r\n\
         Content-Type: application/json; type=entry\r\n\r\n{body}\r\n"
    )
}

pub fn change_set(requests: &[String]) -> String {
    format!(
        "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{}--c--\r\n",
        requests.concat()
    )
}

pub async fn batch(emulated: &Emulated, parts: &[String], headers: &[(&str, &str)]) -> Answer {
    let body = format!("{}--b--\r\n", parts.concat());
    let request = emulated
        .request(Method::POST, "$batch")
        .header("content-type", "multipart/mixed; boundary=\"b\"")
        .body(body);
    send(with(request, headers)).await.unwrap()
}

/// The status lines inside an answer.
pub fn statuses(answer: &Answer) -> Vec<&str> {
    answer.text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect()
}

#[tokio::test]
async fn requests_are_answered_in_order() {
    let emulated = Emulated::start().await;
    let parts = [get("WhoAmI"), get("contacts?$top=1&$select=fullname"), get("accounts/$count")];
    let answer = batch(&emulated, &parts, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(statuses(&answer), ["200 OK"; 3]);
    let boundary = answer.header("content-type").split("boundary=").nth(1).unwrap();
    assert!(boundary.starts_with("batchresponse_"), "{boundary}");
    assert!(answer.text.starts_with(&format!("--{boundary}\r\n{HTTP}\r\nHTTP/1.1 200 OK\r\n")));
    assert!(answer.text.ends_with(&format!("\r\n--{boundary}--\r\n")));
    let log = emulated.requests().await;
    assert_eq!(log.len(), 1, "a batch is one request");
    assert_eq!(log[0]["parts"].as_array().unwrap().len(), 3);
    assert_eq!(log[0]["parts"][1]["query"], "$top=1&$select=fullname");
    assert_eq!(log[0]["parts"][1]["status"], 200);
}

#[tokio::test]
async fn the_first_failure_ends_it_unless_told_otherwise() {
    let emulated = Emulated::start().await;
    let parts = [get("WhoAmI"), get("nonsense"), get("WhoAmI")];
    let answer = batch(&emulated, &parts, &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(statuses(&answer), ["200 OK", "404 Not Found"]);
    assert!(answer.text.contains("REQ_ID: "), "{}", answer.text);
    assert!(answer.text.contains("Resource not found for the segment 'nonsense'."));
    let answer = batch(&emulated, &parts, &[("prefer", "odata.continue-on-error")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(statuses(&answer), ["200 OK", "404 Not Found", "200 OK"]);
}

#[tokio::test]
async fn a_change_set_is_done_whole_and_its_rows_refer_to_each_other() {
    let emulated = Emulated::start().await;
    let account = json!({"name": "Batch Works"});
    let contact = json!({
        "lastname": "Referring", "parentcustomerid_account@odata.bind": "$1"
    });
    let requests = [
        write(1, "POST", "/api/data/v9.2/accounts", &account),
        write(2, "POST", &format!("{}/contacts", emulated.api()), &contact),
        write(3, "PATCH", "$1", &json!({"primarycontactid@odata.bind": "$2"})),
    ];
    let answer = batch(&emulated, &[change_set(&requests)], &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(statuses(&answer), ["204 No Content"; 3], "{}", answer.text);
    assert!(answer.text.contains("boundary=changesetresponse_"));
    for id in 1..=3 {
        assert!(answer.text.contains(&format!("Content-ID: {id}\r\n")), "{}", answer.text);
    }
    assert!(answer.text.contains(&format!("OData-EntityId: {}/accounts(", emulated.api())));
    let filter = encode("lastname eq 'Referring'");
    let path = format!(
        "contacts?$filter={filter}&$select=fullname\
         &$expand=parentcustomerid_account($select=name,_primarycontactid_value)"
    );
    let found = emulated.get(&path).await;
    let contact = &found.expect(200)["value"][0];
    assert_eq!(contact["parentcustomerid_account"]["name"], "Batch Works");
    assert_eq!(
        contact["parentcustomerid_account"]["_primarycontactid_value"],
        contact["contactid"]
    );
}

#[tokio::test]
async fn a_change_set_that_fails_leaves_nothing() {
    let emulated = Emulated::start().await;
    let (accounts, tasks) = (emulated.count("accounts").await, emulated.count("tasks").await);
    let requests = [
        write(1, "POST", "/api/data/v9.2/accounts", &json!({"name": "Never"})),
        write(2, "POST", "/api/data/v9.2/tasks", &json!({"subject": "x".repeat(201)})),
    ];
    let parts = [change_set(&requests), get("WhoAmI")];
    let answer = batch(&emulated, &parts, &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(statuses(&answer), ["400 Bad Request"]);
    assert!(answer.text.contains("Content-ID: 2\r\n"), "{}", answer.text);
    assert!(
        answer.text.contains(
            r#"{"error":{"code":"0x80044331","message":"A validation error occurred.  The length of the 'subject' attribute of the 'task' entity exceeded the maximum allowed length of '200'."}}"#
        ),
        "{}",
        answer.text
    );
    assert_eq!(emulated.count("accounts").await, accounts);
    assert_eq!(emulated.count("tasks").await, tasks);
    let answer = batch(&emulated, &parts, &[("prefer", "odata.continue-on-error")]).await;
    assert_eq!((answer.status, statuses(&answer)), (200, vec!["400 Bad Request", "200 OK"]));
}

#[tokio::test]
async fn a_failed_change_set_gives_the_batch_its_status() {
    let emulated = Emulated::start().await;
    let contact = emulated.post("contacts", json!({"lastname": "Stale"})).await.created();
    let path = format!("/api/data/v9.2/contacts({contact})");
    let body = json!({"jobtitle": "x"});
    let stale = write(1, "PATCH", &path, &body)
        .replace("type=entry\r\n", "type=entry\r\nIf-Match: W/\"1\"\r\n");
    let answer = batch(&emulated, &[change_set(std::slice::from_ref(&stale))], &[]).await;
    assert_eq!((answer.status, statuses(&answer)), (412, vec!["412 Precondition Failed"]));
    let missing = path.replace(&contact, "0f0e0d0c-0b0a-4908-8706-050403020100");
    let missing = write(1, "PATCH", &missing, &body)
        .replace("type=entry\r\n", "type=entry\r\nIf-Match: *\r\n");
    assert_eq!(batch(&emulated, &[change_set(&[missing])], &[]).await.status, 404);
    let fault = json!({"path": "/contacts", "kind": "throttle", "retry_after": 9});
    emulated.control(Method::POST, "faults", fault).await;
    let parts = [change_set(&[write(1, "PATCH", &path, &body)])];
    let answer = batch(&emulated, &parts, &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "9"));
    // Where the rest is carried out, the batch itself succeeds.
    let parts = [change_set(&[stale]), get("WhoAmI")];
    let answer = batch(&emulated, &parts, &[("prefer", "odata.continue-on-error")]).await;
    assert_eq!((answer.status, statuses(&answer).len()), (200, 2));
}

#[tokio::test]
async fn the_url_of_a_request_may_hold_spaces() {
    let emulated = Emulated::start().await;
    let path = "accounts?$select=name&$filter=name eq 'Northwind Traders' and statecode eq 0";
    let answer = batch(&emulated, &[get(path)], &[]).await;
    assert_eq!(statuses(&answer), ["200 OK"], "{answer:?}");
    assert!(answer.text.contains("Northwind Traders"));
    for broken in ["GET HTTP/1.1", "GET  HTTP/1.1", "GET /api/data/v9.2/WhoAmI HTTP/1.1 "] {
        let line = "GET /api/data/v9.2/WhoAmI HTTP/1.1";
        let answer = batch(&emulated, &[get("WhoAmI").replace(line, broken)], &[]).await;
        answer.refused_with(400, "0x80060888", "request line");
    }
}

#[tokio::test]
async fn what_is_not_a_batch_is_refused() {
    let emulated = Emulated::start().await;
    let body = json!({"name": "x"});
    let accounts = "/api/data/v9.2/accounts";
    let without_id = write(1, "POST", accounts, &body).replace("Content-ID: 1\r\n", "");
    let twice = [write(1, "POST", accounts, &body), write(1, "POST", accounts, &body)];
    for (parts, part_of_message) in [
        (vec![change_set(&[without_id])], "Content-ID header not present"),
        (vec![change_set(&twice)], "more than once"),
        (vec![change_set(&[write(1, "GET", accounts, &body)])], "An invalid HTTP method 'GET'"),
        (vec![change_set(&[])], "no requests"),
        (vec![get("WhoAmI").replace("/1.1", "/1.0")], "request line"),
        (vec![get("$batch")], "another batch"),
        (vec![get("WhoAmI").replace("/api/data/v9.2/", "/other/")], "not below"),
        (vec![get("WhoAmI").replace("application/http", "text/plain")], "application/http"),
        (vec![get("WhoAmI").replace("\r\n", "\n")], "CRLF"),
        (
            vec![get("WhoAmI").replace("\r\nAccept:", "\r\naccept: */*\r\nAccept:")],
            "multiple times",
        ),
        (vec![], "no requests"),
        (vec![get("WhoAmI").repeat(1_001)], "over the limit of 1000"),
    ] {
        let answer = batch(&emulated, &parts, &[]).await;
        answer.refused_with(400, "0x80060888", part_of_message);
    }
    let unfinished = emulated
        .request(Method::POST, "$batch")
        .header("content-type", "multipart/mixed; boundary=b")
        .body(get("WhoAmI"));
    send(unfinished).await.unwrap().refused_with(400, "0x80060888", "was not found");
    let answer = emulated.post("$batch", json!({"requests": []})).await;
    answer.refused_with(400, "0x80060888", "multipart/mixed");
}

#[tokio::test]
async fn faults_strike_inside_a_batch_too() {
    let emulated = Emulated::start().await;
    let fault = json!({"path": "/accounts", "kind": "throttle", "retry_after": 9});
    emulated.control(Method::POST, "faults", fault).await;
    let parts = [get("WhoAmI"), get("accounts?$top=1")];
    let answer = batch(&emulated, &parts, &[("prefer", "odata.continue-on-error")]).await;
    assert_eq!(statuses(&answer), ["200 OK", "429 Too Many Requests"]);
    assert!(answer.text.contains("Retry-After: 9\r\n"), "{}", answer.text);
}

#[tokio::test]
async fn a_drop_ends_the_whole_batch_and_the_log_tells_how_far_it_came() {
    let emulated = Emulated::start().await;
    let body = format!("{}{}--b--\r\n", get("WhoAmI"), get("accounts?$top=1"));
    for (path, told) in [("/accounts", [Some(200), None]), ("/$batch", [Some(200), Some(200)])] {
        emulated.control(Method::DELETE, "requests", Value::Null).await;
        let fault = json!({"path": path, "kind": "drop", "after_commit": true});
        emulated.control(Method::POST, "faults", fault).await;
        let request = emulated
            .request(Method::POST, "$batch")
            .header("content-type", "multipart/mixed; boundary=b")
            .body(body.clone());
        assert!(send(request).await.is_err(), "{path}");
        let log = emulated.requests().await;
        assert_eq!(log[0]["status"], Value::Null, "{path}");
        let parts = log[0]["parts"].as_array().unwrap();
        let statuses: Vec<_> = parts.iter().map(|part| part["status"].as_u64()).collect();
        assert_eq!(statuses, told, "{path}");
    }
}
