//! What happens when DynamoDB misbehaves.

use std::sync::atomic::Ordering;

use auth::health::Health;
use state::{Filter, StateError};

use crate::harness::{Bench, call, id, now, seconds};
use crate::health::healthy;

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_ours() {
    let bench = Bench::with_faults().await;
    let until = now() + seconds(3600);
    bench.faults.lost_answers.store(1, Ordering::SeqCst);
    let claim = bench.state.claim(None, "heartbeat", until).await.unwrap();
    assert_eq!(bench.faults.lost_answers.load(Ordering::SeqCst), 0);
    bench.state.release(claim.unwrap()).await.unwrap();
    assert_eq!(bench.items("alerts").await, []);
}

#[tokio::test]
async fn health_whose_answer_was_lost_is_stored() {
    let bench = Bench::with_faults().await;
    let default = id("default");
    bench.faults.lost_answers.store(1, Ordering::SeqCst);
    let stored = bench.state.put_health(&default, healthy()).await;
    assert_eq!(stored, Ok(Health { version: 1, ..healthy() }));
}

#[tokio::test]
async fn what_is_left_undone_of_a_batch_is_sent_again() {
    let bench = Bench::with_faults().await;
    let entries: Vec<_> = (0..60).map(|age| call(now() - seconds(age), "a")).collect();
    bench.faults.halves.store(4, Ordering::SeqCst);
    bench.state.record(&id("default"), &entries).await.unwrap();
    assert_eq!(bench.faults.halves.load(Ordering::SeqCst), 0);
    let page = bench.state.activity(&id("default"), &Filter::default(), 200, None).await.unwrap();
    assert_eq!(page.entries, entries);
}

#[tokio::test]
async fn a_batch_that_is_never_done_is_given_up() {
    let bench = Bench::with_faults().await;
    bench.faults.halves.store(usize::MAX, Ordering::SeqCst);
    let recorded = bench.state.record(&id("default"), &[call(now(), "a")]).await;
    assert!(recorded.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn a_busy_table_is_asked_again_and_in_the_end_unavailable() {
    let bench = Bench::with_faults().await;
    bench.faults.throttled.store(1, Ordering::SeqCst);
    assert_eq!(bench.state.connections().await, Ok(Vec::new()));
    bench.faults.throttled.store(usize::MAX, Ordering::SeqCst);
    let error = bench.state.connections().await.unwrap_err();
    assert!(error.is_unavailable());
    assert_eq!(error.to_string(), "DynamoDB did not answer Query: ThrottlingException");
}

#[tokio::test]
async fn a_missing_right_is_named_and_not_asked_for_again() {
    let bench = Bench::with_faults().await;
    bench.faults.denied.store(1, Ordering::SeqCst);
    let error = bench.state.connection(&id("default")).await.unwrap_err();
    let refused =
        StateError::Refused { operation: "GetItem", code: "AccessDeniedException".to_owned() };
    assert_eq!(error, refused);
    assert!(!error.is_unavailable());
}

#[tokio::test]
async fn a_table_out_of_reach_is_unavailable() {
    // Nobody listens on port 1.
    let state = state::State::at_endpoint("http://127.0.0.1:1", "state");
    assert!(state.connections().await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn a_table_that_is_there_is_made_no_second_time() {
    let bench = Bench::start().await;
    bench.state.record(&id("default"), &[call(now(), "a")]).await.unwrap();
    bench.state.create_table().await.unwrap();
    assert_eq!(bench.items("activity#default").await.len(), 1);
}
