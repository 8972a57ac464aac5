use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use state::{CONFIRMATION_WAITS, Hour, SentCode, SignedIn, TRIES_OF_CODE, Visit};
use uuid::{Uuid, uuid};

use crate::harness::Bench;

const RECORD: Uuid = uuid!("44444444-4444-4444-4444-444444444444");

fn chat(id: &str) -> Visit {
    Visit::new("default", "bot", id)
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn code(hash: &str) -> SentCode {
    SentCode { hash: hash.to_owned(), address: "sealed".to_owned(), is_new_address: false }
}

fn known_since(since: Timestamp, last: Timestamp) -> SignedIn {
    SignedIn { address: "sealed".to_owned(), since, last, made: Vec::new() }
}

impl Bench {
    /// Lets so much time pass for all items of a chat.
    async fn pass(&self, visit: &Visit, time: SignedDuration) {
        for item in self.items(&format!("visit#{}", visit.as_str())).await {
            let mut item: HashMap<String, AttributeValue> = item;
            if let Some(until) = item.get("expires_at").and_then(|until| until.as_n().ok()) {
                let until: i64 = until.parse().unwrap();
                let sooner = AttributeValue::N((until - time.as_secs()).to_string());
                item.insert("expires_at".to_owned(), sooner);
            }
            let item: Vec<_> =
                item.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            self.put(&item).await;
        }
    }
}

#[tokio::test]
async fn a_code_can_be_tried_three_times_in_its_time() {
    let bench = Bench::start().await;
    let visit = chat("one");
    bench.state.put_code(&visit, &code("first"), minutes(10)).await.unwrap();
    for _ in 0..TRIES_OF_CODE {
        assert_eq!(bench.state.try_code(&visit).await.unwrap(), Some(code("first")));
    }
    assert_eq!(bench.state.try_code(&visit).await.unwrap(), None);
    // A new one begins anew, and ends.
    bench.state.put_code(&visit, &code("second"), minutes(10)).await.unwrap();
    bench.pass(&visit, minutes(9)).await;
    assert_eq!(bench.state.try_code(&visit).await.unwrap(), Some(code("second")));
    bench.pass(&visit, minutes(2)).await;
    assert_eq!(bench.state.try_code(&visit).await.unwrap(), None);
    assert_eq!(bench.state.try_code(&chat("two")).await.unwrap(), None);
}

#[tokio::test]
async fn a_visitor_is_known_for_a_while_after_the_last_call() {
    let bench = Bench::start().await;
    let now = Timestamp::now();
    assert_eq!(known_since(now, now).until(), now + minutes(30));
    assert_eq!(known_since(now, now + minutes(200)).until(), now + minutes(230));
    assert_eq!(known_since(now, now + minutes(235)).until(), now + minutes(240));

    let visit = chat("one");
    let is_known = async || bench.state.signed_in(&visit).await.unwrap().is_some();
    for (since, last, expected) in [(0, 0, true), (29, 29, true), (31, 31, false), (241, 1, false)]
    {
        let who = known_since(now - minutes(since), now - minutes(last));
        assert!(bench.state.sign_in(&visit, &who, now).await.unwrap());
        assert_eq!(is_known().await, expected, "{since} {last}");
    }
    // Who was known by a code that was ended is not known again by a call that was under way.
    let who = known_since(now, now);
    bench.state.sign_in(&visit, &who, now).await.unwrap();
    bench.state.end_signed_in(&visit).await.unwrap();
    assert!(!is_known().await);
    assert!(!bench.state.keep_signed_in(&visit, &who).await.unwrap());
    assert!(!is_known().await);
}

#[tokio::test]
async fn a_call_waits_for_ten_minutes() {
    let bench = Bench::start().await;
    let visit = chat("one");
    let began = Timestamp::now();
    assert!(bench.state.put_confirmation(&visit, "c1", "sealed".to_owned(), began).await.unwrap());
    let waiting = async || bench.state.confirmation(&visit, "c1").await.unwrap();
    assert!(waiting().await.unwrap().is_open);
    bench.pass(&visit, CONFIRMATION_WAITS - minutes(1)).await;
    assert!(waiting().await.unwrap().is_open);
    bench.pass(&visit, minutes(2)).await;
    // It is still known what it was, and it is too late for a yes.
    assert!(!waiting().await.unwrap().is_open);
    bench.pass(&visit, minutes(60)).await;
    assert_eq!(waiting().await, None);
}

#[tokio::test]
async fn with_its_chat_a_call_ends_that_was_carried_out() {
    let bench = Bench::start().await;
    let visit = chat("one");
    let began = Timestamp::now();
    bench.state.put_confirmation(&visit, "c1", "sealed".to_owned(), began).await.unwrap();
    assert!(bench.state.take_confirmation(&visit, "c1").await.unwrap());
    assert!(!bench.state.take_confirmation(&visit, "c1").await.unwrap());
    bench.state.put_outcome(&visit, "c1", "outcome".to_owned()).await.unwrap();
    let done = bench.state.confirmation(&visit, "c1").await.unwrap().unwrap();
    assert_eq!(done.outcome.as_deref(), Some("outcome"));
    bench.state.end_visit(&visit).await.unwrap();
    assert_eq!(bench.state.confirmation(&visit, "c1").await.unwrap(), None);
    // A call that began before that waits no more.
    let late = bench.state.put_confirmation(&visit, "c2", "sealed".to_owned(), began).await;
    assert!(!late.unwrap());
}

#[tokio::test]
async fn what_a_chat_made_is_whose_who_is_known_first() {
    let bench = Bench::start().await;
    let visit = chat("one");
    let by = async |who: &str| bench.state.made_by(&visit, who).await.unwrap();
    assert!(by("zoe").await.is_empty());
    bench.state.note_made(&visit, RECORD).await.unwrap();
    assert_eq!(bench.state.made(&visit).await.unwrap(), [RECORD]);
    assert_eq!(by("maren").await, [RECORD]);
    assert_eq!(by("maren").await, [RECORD]);
    assert!(by("zoe").await.is_empty());
    assert!(bench.state.made(&visit).await.unwrap().is_empty());
    bench.state.end_visit(&visit).await.unwrap();
    assert!(by("maren").await.is_empty());
    assert!(bench.state.made_by(&chat("two"), "maren").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_counted_for_a_chat_or_an_hour() {
    let bench = Bench::start().await;
    let now = Timestamp::now();
    let (hour, other) = (Hour::new("default", "bot", now), Hour::new("default", "other bot", now));
    let count = async |visit: Option<&Visit>, hour: &Hour| {
        bench.state.count_not_found(visit, hour).await.unwrap()
    };
    let (one, two) = (chat("one"), chat("two"));
    assert_eq!(count(Some(&one), &hour).await, 1);
    assert_eq!(count(Some(&one), &hour).await, 2);
    assert_eq!(count(Some(&two), &hour).await, 1);
    assert_eq!(count(None, &hour).await, 1);
    assert_eq!(count(None, &hour).await, 2);
    assert_eq!(count(None, &other).await, 1);
}
