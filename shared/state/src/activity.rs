//! The activity log: that something was done, not what was said.

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::partitions::{ACTIVITY, ACTIVITY_KEPT};
use crate::table::{self, EXPIRES_AT, Expression, Item, Key, Query, SORT, epoch};
use crate::{Cursor, State, StateError};

const WHAT: &str = "an entry of the activity log";

/// The most entries of a page.
const LARGEST_PAGE: usize = 200;

/// How many rows a filter reads at a time, and in all before it hands out what it has.
const STEP: usize = 500;
const BOUND: usize = 5000;

/// As much of a request id as goes into a key.
const REQUEST_ID: usize = 64;

/// One thing that was done. It holds no names, no texts and no arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it ended.
    pub at: Timestamp,
    /// What it was.
    pub kind: Kind,
    /// The tool that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// How long it took.
    pub duration_ms: u64,
    /// How many trips to Dataverse it took.
    pub trips: u32,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The records that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Uuid>,
    /// The request that Microsoft's support can look up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataverse_request_id: Option<String>,
    /// Our own request.
    pub request_id: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tool was called.
    ToolCall,
    /// The connection was checked.
    Check,
    /// A set-up was tried.
    SetUp,
}

/// Which entries. What is `None` lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this millisecond on.
    pub from: Option<Timestamp>,
    /// Before this millisecond.
    pub to: Option<Timestamp>,
    /// Of this tool.
    pub tool: Option<String>,
    /// With this outcome: `ok`, or the code of an error.
    pub outcome: Option<String>,
    /// In this conversation.
    pub conversation: Option<String>,
}

/// Some entries, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on, if there is more. With a filter that little passes there may be no more
    /// after all.
    pub next: Option<Cursor>,
}

impl Page {
    const EMPTY: Page = Page { entries: Vec::new(), next: None };
}

/// A moment as sort keys begin: texts of one length, in the order of time.
fn millisecond(at: Timestamp) -> String {
    let down = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
    format!("{:.3}", at.round(down).unwrap_or(at))
}

/// Entries of one millisecond differ by their requests; those of one request, by their place.
fn sort_key(entry: &Entry, place: usize) -> String {
    let request: String = entry.request_id.chars().take(REQUEST_ID).collect();
    format!("{}#{request}#{place:03}", millisecond(entry.at))
}

fn item(partition: &str, place: usize, entry: &Entry) -> Result<Item, StateError> {
    let mut item = Key::new(partition, sort_key(entry, place)).item(WHAT, entry)?;
    let expires_at = entry.at.saturating_add(ACTIVITY_KEPT).unwrap_or(Timestamp::MAX);
    item.insert(EXPIRES_AT.to_owned(), epoch(expires_at));
    Ok(item)
}

impl Filter {
    /// The sort keys between which the entries are. What has expired may still be there, and is
    /// not among them.
    fn range(&self, now: Timestamp) -> (String, String) {
        let kept = now.saturating_sub(ACTIVITY_KEPT).unwrap_or(Timestamp::MIN);
        let from = self.from.map_or(kept, |from| from.max(kept));
        (millisecond(from), millisecond(self.to.unwrap_or(Timestamp::MAX)))
    }

    /// The rest, which DynamoDB looks at row by row.
    fn expression(&self) -> Expression {
        let mut all = Expression::default();
        for (name, wanted) in
            [("tool", &self.tool), ("outcome", &self.outcome), ("conversation", &self.conversation)]
        {
            if let Some(wanted) = wanted {
                let one = Expression::new(&format!("#{name} = :{name}"));
                all = all.and(one.with(name, AttributeValue::S(wanted.clone())));
            }
        }
        all
    }
}

impl State {
    /// Adds to the log of a connection. The same entries added again change nothing.
    pub async fn record(&self, id: &ConnectionId, entries: &[Entry]) -> Result<(), StateError> {
        let partition = ACTIVITY.of(id);
        let items = entries
            .iter()
            .enumerate()
            .map(|(place, entry)| item(&partition, place, entry))
            .collect::<Result<_, _>>()?;
        self.table.put_all(items).await
    }

    /// Reads the log of a connection, newest first: `limit` entries, at least 1 and at most 200.
    /// A page is shorter, or even empty, with more to come, only after 5,000 rows have been read
    /// for it.
    pub async fn activity(
        &self,
        id: &ConnectionId,
        filter: &Filter,
        limit: usize,
        cursor: Option<&Cursor>,
    ) -> Result<Page, StateError> {
        let position = cursor.map(|cursor| cursor.position_in(id)).transpose()?;
        let (from, to) = filter.range(Timestamp::now());
        if from > to || position.is_some_and(|position| position < from.as_str()) {
            return Ok(Page::EMPTY);
        }
        // DynamoDB takes no start outside of the range.
        let after = position.filter(|position| *position <= to.as_str()).map(str::to_owned);
        let query = Query {
            partition: ACTIVITY.of(id),
            between: Some((from, to)),
            filter: filter.expression(),
            descending: true,
            after,
            ..Query::default()
        };
        self.page(id, query, limit.clamp(1, LARGEST_PAGE)).await
    }

    /// Reads on until one more has been found than is wanted, so that it is known whether there
    /// is a next page.
    async fn page(
        &self,
        id: &ConnectionId,
        mut query: Query,
        wanted: usize,
    ) -> Result<Page, StateError> {
        let mut items = Vec::new();
        let mut read = 0;
        let next = loop {
            let missing = wanted + 1 - items.len();
            query.limit = Some(if query.filter.is_empty() { missing } else { STEP });
            let rows = self.table.query(query.clone()).await?;
            items.extend(rows.items);
            read += rows.read;
            if items.len() > wanted {
                items.truncate(wanted);
                break items.last().map(|last| table::text(last, SORT));
            }
            if rows.after.is_none() || read >= BOUND {
                break rows.after;
            }
            query.after = rows.after;
        };
        Ok(Page {
            entries: table::documents(WHAT, items),
            next: next.map(|position| Cursor::new(id, position)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_begins_with_the_millisecond() {
        assert_eq!(millisecond(at("2026-11-24T09:00:00.1239Z")), "2026-11-24T09:00:00.123Z");
        assert_eq!(millisecond(at("2026-11-24T09:00:00Z")), "2026-11-24T09:00:00.000Z");
        assert!(millisecond(Timestamp::MAX) > millisecond(at("2026-11-24T09:00:00Z")));
    }

    #[test]
    fn the_range_never_reaches_back_to_what_has_expired() {
        let now = at("2026-11-24T00:00:00Z");
        let from = |from: Option<&str>| Filter { from: from.map(at), ..Filter::default() };
        let kept = "2026-08-26T00:00:00.000Z";
        assert_eq!(from(None).range(now).0, kept);
        assert_eq!(from(Some("2020-01-01T00:00:00Z")).range(now).0, kept);
        let later = from(Some("2026-11-01T00:00:00Z")).range(now).0;
        assert_eq!(later, "2026-11-01T00:00:00.000Z");
    }
}
