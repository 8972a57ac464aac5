//! Throttling, slowness, deadlines.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Bench, MAREN};

fn throttle(retry_after: u32, times: u32) -> serde_json::Value {
    json!({
        "method": "POST", "path": "/$batch", "kind": "throttle", "retry_after": retry_after,
        "times": times, "after_commit": false,
    })
}

#[tokio::test]
async fn a_short_wait_is_waited_out() {
    let bench = Bench::start().await;
    bench.fault(throttle(1, 1)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.result()["contact"]["name"], "Maren Quist");
    assert!(answer.took >= Duration::from_secs(1), "{:?}", answer.took);
    assert!(answer.took < Duration::from_secs(5), "{:?}", answer.took);
}

#[tokio::test]
async fn a_long_wait_is_passed_on_at_once() {
    let bench = Bench::start().await;
    bench.fault(throttle(60, 1)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    let problem = answer.problem("rate_limited");
    assert_eq!(problem["retry_after"], 60);
    assert_eq!(problem["retryable"], true);
    assert!(problem["dataverse"]["code"].as_str().unwrap().starts_with("0x800723"));
    assert_eq!(answer.retry_after.as_deref(), Some("60"));
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
}

/// A tool that reads waits three seconds in all, however often it is throttled, because each
/// waiting call holds a function. A tool that writes waits longer.
#[tokio::test]
async fn who_reads_waits_three_seconds_and_who_writes_waits_on() {
    let bench = Bench::start().await;
    bench.fault(throttle(5, 1)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(answer.problem("rate_limited")["retry_after"], 5);
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
    bench.fault(throttle(1, 9)).await;
    let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    answer.problem("rate_limited");
    assert!(answer.took >= Duration::from_secs(3), "{:?}", answer.took);
    assert!(answer.took < Duration::from_secs(5), "{:?}", answer.took);
    bench.control("DELETE", "faults", None).await;
    // The sidebar waits three seconds, too.
    let mut single = throttle(5, 1);
    single["method"] = "GET".into();
    single["path"] = "/contacts".into();
    bench.fault(single).await;
    let path = format!("/v1/connections/default/sidebar?contact={MAREN}");
    let answer = bench.request("GET", &path, None).await;
    answer.problem("rate_limited");
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);

    let mut writes = throttle(5, 1);
    writes["method"] = "POST".into();
    writes["path"] = "/leads".into();
    bench.fault(writes).await;
    let lead = json!({"last_name": "Patient", "company": "Patient, Inc."});
    let answer = bench.call("create_lead", lead).await;
    answer.result();
    assert!(answer.took >= Duration::from_secs(5), "{:?}", answer.took);
}

#[tokio::test]
async fn a_read_survives_a_bad_moment() {
    let bench = Bench::start().await;
    for kind in ["unavailable", "drop", "unauthorized"] {
        bench
            .fault(json!({
                "method": "POST", "path": "/$batch", "kind": kind, "times": 2, "retry_after": 0,
                "after_commit": false,
            }))
            .await;
        if kind == "unauthorized" {
            // After a refusal, one new token is tried, and no second one.
            bench.control("DELETE", "faults", None).await;
            bench
                .fault(json!({
                    "method": "POST", "path": "/$batch", "kind": kind, "times": 1,
                    "retry_after": 0, "after_commit": false,
                }))
                .await;
        }
        let answer = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
        assert_eq!(answer.result()["contact"]["name"], "Maren Quist", "{kind}");
    }
}

#[tokio::test]
async fn a_caller_may_ask_for_an_answer_sooner() {
    let bench = Bench::start().await;
    // With a token, only Dataverse is asked.
    bench.call("get_contact_by_email", json!({"email": MAREN})).await.result();
    bench.control("PUT", "latency", Some(json!({"ms": 3000}))).await;
    let call = async |deadline: &str| {
        let header = [("x-deadline-ms", deadline)];
        bench.call_with("get_contact_by_email", json!({"email": MAREN}), &header).await
    };
    let answer = call("500").await;
    answer.problem("deadline_exceeded");
    assert!(answer.took < Duration::from_secs(3), "{:?}", answer.took);
    for wrong in ["99", "28001", "soon", "-1", "1.5"] {
        let answer = call(wrong).await;
        let detail = answer.problem("invalid_arguments")["detail"].to_string();
        assert!(detail.contains("from 100 to 28000"), "{detail}");
    }
}
