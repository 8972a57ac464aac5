use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use state::{Cursor, Ended, EntryKind, Filter, LogEntry, Page, StateError};
use uuid::{Uuid, uuid};

use crate::harness::{Bench, at, call, id, now, seconds};

const RECORD: Uuid = uuid!("44444444-4444-4444-4444-444444444444");
const OTHER: Uuid = uuid!("55555555-5555-5555-5555-555555555555");

/// `count` calls, one per second. The last of them is now.
fn calls(count: usize, tool: &str) -> Vec<LogEntry> {
    let end = now();
    (0..count).rev().map(|age| call(end - seconds(age as i64), tool)).collect()
}

impl Bench {
    async fn page(&self, filter: &Filter, limit: usize, cursor: Option<&Cursor>) -> Page {
        self.state.activity(&id("default"), filter, limit, cursor).await.unwrap()
    }

    /// Reads all entries that pass the filter, page by page.
    async fn everything(&self, filter: &Filter, limit: usize) -> Vec<LogEntry> {
        let mut entries = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.page(filter, limit, cursor.as_ref()).await;
            assert!(page.entries.len() <= limit);
            assert!(page.next.is_none() || page.entries.len() == limit);
            entries.extend(page.entries);
            // The cursor goes through a URL as text.
            let Some(next) = page.next else { return entries };
            cursor = Some(next.to_string().parse().unwrap());
        }
    }
}

fn newest_first(mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
    entries.reverse();
    entries
}

#[tokio::test]
async fn an_entry_is_kept_as_it_was_recorded_for_ninety_days() {
    let bench = Bench::start().await;
    let full = LogEntry {
        kind: EntryKind::SetUp,
        tool: None,
        outcome: "connection_broken".to_owned(),
        cause: Some("secret_expired".to_owned()),
        set_up_step: Some(3),
        code: Some("AADSTS7000222".to_owned()),
        conversation: Some("c-17".to_owned()),
        client: Some("support bot".to_owned()),
        records: vec![uuid!("33333333-3333-3333-3333-333333333333")],
        dataverse_request_id: Some("9a1b".to_owned()),
        verified_by: Some("token".to_owned()),
        visitor: Some("a hash".to_owned()),
        contact: Some(uuid!("33333333-3333-3333-3333-333333333333")),
        confirmation: Some("3f9a1b2c".to_owned()),
        duration_ms: u64::MAX,
        ..call(Timestamp::now(), "")
    };
    bench.state.record(&id("default"), std::slice::from_ref(&full)).await.unwrap();
    let page = bench.page(&Filter::default(), 5, None).await;
    assert_eq!(page.entries, std::slice::from_ref(&full));

    let items = bench.items("activity#default").await;
    let expires_at = full.at.as_second() + 90 * 24 * 60 * 60;
    assert_eq!(items[0]["expires_at"], AttributeValue::N(expires_at.to_string()));
}

#[tokio::test]
async fn pages_are_newest_first_and_leave_nothing_out() {
    let bench = Bench::start().await;
    let entries = calls(60, "a");
    bench.state.record(&id("default"), &entries).await.unwrap();
    let entries = newest_first(entries);
    for limit in [1, 7, 20, 59, 60, 61, 200] {
        assert_eq!(bench.everything(&Filter::default(), limit).await, entries, "{limit}");
    }
    assert_eq!(bench.page(&Filter::default(), 0, None).await.entries.len(), 1);
}

#[tokio::test]
async fn entries_of_one_millisecond_and_one_request_are_all_kept() {
    let bench = Bench::start().await;
    let at = now();
    let mut entries = vec![call(at, "a"), call(at, "b"), call(at, "c")];
    entries[1].request_id = entries[0].request_id.clone();
    bench.state.record(&id("default"), &entries).await.unwrap();
    // Adding the same entries once more changes nothing.
    bench.state.record(&id("default"), &entries).await.unwrap();
    assert_eq!(bench.everything(&Filter::default(), 2).await.len(), 3);

    // Also if they are added one after the other, each at its place.
    let bench = Bench::start().await;
    for (place, entry) in entries.iter().enumerate() {
        let placed = [(998 + place, entry.clone())];
        bench.state.record_at(&id("default"), &placed).await.unwrap();
        bench.state.record_at(&id("default"), &placed).await.unwrap();
    }
    assert_eq!(bench.everything(&Filter::default(), 2).await.len(), 3);
}

#[tokio::test]
async fn a_filter_is_all_of_its_conditions() {
    let bench = Bench::start().await;
    let mut entries = calls(24, "a");
    for (place, entry) in entries.iter_mut().enumerate() {
        entry.tool = [Some("a"), Some("b"), None][place % 3].map(str::to_owned);
        entry.outcome = ["ok", "not_found"][place % 2].to_owned();
        entry.conversation = [Some("x"), None][place / 12].map(str::to_owned);
        entry.records = [vec![RECORD, OTHER], vec![OTHER], vec![]][place % 3].clone();
    }
    bench.state.record(&id("default"), &entries).await.unwrap();
    let entries = newest_first(entries);
    let text = |text: &str| Some(text.to_owned());
    for filter in [
        Filter { tool: text("a"), ..Filter::default() },
        Filter { outcome: Some(Ended::With("not_found".to_owned())), ..Filter::default() },
        Filter { conversation: text("x"), ..Filter::default() },
        Filter {
            tool: text("b"),
            outcome: Some(Ended::With("ok".to_owned())),
            conversation: text("x"),
            ..Filter::default()
        },
        Filter { outcome: Some(Ended::Failed), ..Filter::default() },
        Filter { request_id: Some(entries[5].request_id.clone()), ..Filter::default() },
        Filter { record: Some(RECORD), ..Filter::default() },
        Filter { record: Some(OTHER), outcome: Some(Ended::Failed), ..Filter::default() },
        Filter { tool: text("unknown"), ..Filter::default() },
        Filter { from: Some(entries[9].at), to: Some(entries[3].at), ..Filter::default() },
        Filter { from: Some(entries[15].at), tool: text("a"), ..Filter::default() },
    ] {
        let passes = |entry: &&LogEntry| {
            let is = |wanted: &Option<String>, value: &Option<String>| {
                wanted.is_none() || wanted == value
            };
            is(&filter.tool, &entry.tool)
                && filter.outcome.as_ref().is_none_or(|ended| match ended {
                    Ended::Failed => entry.outcome != "ok",
                    Ended::With(outcome) => entry.outcome == *outcome,
                })
                && is(&filter.request_id, &Some(entry.request_id.clone()))
                && filter.record.is_none_or(|record| entry.records.contains(&record))
                && is(&filter.conversation, &entry.conversation)
                && filter.from.is_none_or(|from| entry.at >= from)
                && filter.to.is_none_or(|to| entry.at < to)
        };
        let expected: Vec<LogEntry> = entries.iter().filter(passes).cloned().collect();
        for limit in [1, 2, 200] {
            assert_eq!(bench.everything(&filter, limit).await, expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn odd_times_find_nothing_rather_than_fail() {
    let bench = Bench::start().await;
    bench.state.record(&id("default"), &calls(3, "a")).await.unwrap();
    let between = |from, to| Filter { from: Some(from), to: Some(to), ..Filter::default() };
    let (earlier, later) = (now() - seconds(60), now() + seconds(60));
    for nothing in [
        between(later, earlier),
        between(earlier, earlier),
        between(Timestamp::MAX, Timestamp::MIN),
        between(Timestamp::MIN, Timestamp::MIN),
    ] {
        let page = bench.page(&nothing, 5, None).await;
        assert_eq!((page.entries.len(), page.next), (0, None), "{nothing:?}");
    }
    assert_eq!(
        bench.page(&between(Timestamp::MIN, Timestamp::MAX), 5, None).await.entries.len(),
        3
    );
}

#[tokio::test]
async fn a_cursor_outside_of_the_times_asked_for_is_no_error() {
    let bench = Bench::start().await;
    let entries = newest_first(calls(10, "a"));
    bench.state.record(&id("default"), &entries).await.unwrap();
    let cursor = bench.page(&Filter::default(), 5, None).await.next.unwrap();
    let later = Filter { from: Some(entries[3].at), ..Filter::default() };
    assert_eq!(bench.page(&later, 5, Some(&cursor)).await.entries, []);
    let earlier = Filter { to: Some(entries[7].at), ..Filter::default() };
    assert_eq!(bench.page(&earlier, 5, Some(&cursor)).await.entries, entries[8..]);
}

#[tokio::test]
async fn a_connection_sees_its_own_log_only() {
    let bench = Bench::start().await;
    let (north, south) = (id("north"), id("south"));
    bench.state.record(&north, &calls(5, "north")).await.unwrap();
    bench.state.record(&south, &calls(5, "south")).await.unwrap();
    let filter = Filter::default();
    let page = bench.state.activity(&north, &filter, 3, None).await.unwrap();
    assert!(page.entries.iter().all(|entry| entry.tool.as_deref() == Some("north")));
    let cursor = page.next.unwrap();
    let foreign = bench.state.activity(&south, &filter, 3, Some(&cursor)).await;
    assert_eq!(foreign, Err(StateError::ForeignCursor));
}

/// DynamoDB deletes it days later.
#[tokio::test]
async fn what_has_expired_is_not_shown() {
    let bench = Bench::start().await;
    let day = seconds(24 * 60 * 60);
    let entries = [call(now() - day * 91, "old"), call(now() - day * 89, "new")];
    bench.state.record(&id("default"), &entries).await.unwrap();
    assert_eq!(bench.items("activity#default").await.len(), 2);
    let all = Filter { from: Some(at("2020-01-01T00:00:00Z")), ..Filter::default() };
    assert_eq!(bench.everything(&all, 5).await, entries[1..]);
}

#[tokio::test]
async fn a_match_further_back_is_on_the_first_page() {
    let bench = Bench::start().await;
    let mut entries = calls(1200, "a");
    entries[0].tool = Some("rare".to_owned());
    bench.state.record(&id("default"), &entries).await.unwrap();
    let rare = Filter { tool: Some("rare".to_owned()), ..Filter::default() };
    assert_eq!(
        bench.page(&rare, 5, None).await,
        Page { entries: vec![entries.remove(0)], next: None }
    );
}

#[tokio::test]
async fn a_page_ends_after_so_many_rows() {
    let bench = Bench::with_faults().await;
    let mut entries = calls(5100, "a");
    entries[0].tool = Some("rare".to_owned());
    bench.state.record(&id("default"), &entries).await.unwrap();
    let rare = Filter { tool: Some("rare".to_owned()), ..Filter::default() };
    bench.faults.requests.store(0, Ordering::SeqCst);
    let page = bench.page(&rare, 5, None).await;
    assert_eq!(bench.faults.requests.load(Ordering::SeqCst), 10);
    assert_eq!(page.entries, []);
    let page = bench.page(&rare, 5, page.next.as_ref()).await;
    assert_eq!(page, Page { entries: vec![entries.remove(0)], next: None });
}
