//! The service protection limits.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::harness::Emulated;

#[tokio::test]
async fn too_many_requests_are_refused_until_the_window_has_passed() {
    let emulated = Emulated::start().await;
    let limits = json!({"requests": 2, "window_seconds": 2});
    emulated.control(Method::PUT, "limits", limits).await;
    emulated.get("WhoAmI").await.expect(200);
    let answer = emulated.get("WhoAmI").await;
    answer.expect(200);
    assert_eq!(answer.header("x-ms-ratelimit-burst-remaining-xrm-requests"), "0");
    let answer = emulated.get("WhoAmI").await;
    answer.refused(
        429,
        "0x80072322",
        "Number of requests exceeded the limit of 2 over time window of 2 seconds.",
    );
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_secs(wait)).await;
    emulated.get("WhoAmI").await.expect(200);
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "limits", json!({"concurrent": 1})).await;
    let slow = json!({"path": "/WhoAmI", "kind": "slow", "delay_ms": 200, "after_commit": true});
    emulated.control(Method::POST, "faults", slow).await;
    // The delay of a fault does not count as time of the service. So only real work can overlap: a
    // large batch.
    let line = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
                GET contacts HTTP/1.1\r\n\r\n";
    let body = format!("{}--b--\r\n", line.repeat(900));
    let long = crate::harness::send(
        emulated
            .request(Method::POST, "$batch")
            .header("content-type", "multipart/mixed; boundary=b")
            .body(body),
    );
    let short = async {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            let answer = emulated.get("RetrieveVersion").await;
            if answer.status == 429 {
                return Some(answer);
            }
        }
        None
    };
    let (long, refused) = tokio::join!(long, short);
    assert_eq!(long.unwrap().status, 200);
    refused.expect("no request was refused while another ran").refused(
        429,
        "0x80072326",
        "Number of concurrent requests exceeded the limit of 1.",
    );
}

#[tokio::test]
async fn each_limit_can_be_had_by_fault() {
    let emulated = Emulated::start().await;
    for (limit, code, part) in [
        ("requests", "0x80072322", "limit of 6000 over time window of 300 seconds."),
        ("execution_time", "0x80072321", "exceeded limit of 1,200,000  milliseconds over"),
        ("concurrency", "0x80072326", "exceeded the limit of 52."),
    ] {
        let fault = json!({"kind": "throttle", "limit": limit, "retry_after": 60});
        emulated.control(Method::POST, "faults", fault).await;
        let answer = emulated.get("WhoAmI").await;
        answer.refused_with(429, code, part);
        assert_eq!(answer.header("retry-after"), "60");
        emulated.get("WhoAmI").await.expect(200);
    }
}

#[tokio::test]
async fn an_over_long_url_is_refused_but_not_inside_a_batch() {
    let emulated = Emulated::start().await;
    let filter = format!("fullname eq '{}'", "x".repeat(33_000));
    let path = format!("contacts?$select=fullname&$filter={}", crate::harness::encode(&filter));
    assert_eq!(emulated.get(&path).await.status, 414);
    let body = format!(
        "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         GET {path} HTTP/1.1\r\n\r\n--b--\r\n"
    );
    let request = emulated.request(Method::POST, "$batch").body(body);
    let request = request.header("content-type", "multipart/mixed; boundary=b");
    let answer = crate::harness::send(request).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}
