//! The activity log. It says that something was done, not what was said.

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::partitions::{ACTIVITY, ACTIVITY_KEPT};
use crate::table::{self, EXPIRES_AT, Expression, Item, Key, Query, SORT, epoch};
use crate::{Cursor, State, StateError};

const WHAT: &str = "an entry of the activity log";

/// The most entries of a page.
const LARGEST_PAGE: usize = 200;

/// With a filter: how many rows are read at a time, and in all before a page ends.
const STEP: usize = 500;
const BOUND: usize = 5000;

/// How many characters of a request id go into a key.
const REQUEST_ID: usize = 64;

/// How many places a key tells apart.
const PLACES: usize = 1000;

/// The outcome of what went well.
const OK: &str = "ok";

/// One thing that was done. It holds no names, no texts and no arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it ended.
    pub at: Timestamp,
    /// What it was.
    pub kind: EntryKind,
    /// The tool that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// The cause, for programs, if a connection is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The step of the set-up that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_up_step: Option<u8>,
    /// The error code of Dataverse (`0x80040220`) or of Entra ID (`AADSTS7000222`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many milliseconds it took.
    pub duration_ms: u64,
    /// How many requests went to Dataverse.
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
    /// The id by which Microsoft's support finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataverse_request_id: Option<String>,
    /// How it was known who the visitor is; `nobody` if it was not. `None` for calls of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
    /// The keyed hash of what the visitor is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<String>,
    /// The visitor's contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Uuid>,
    /// The id under which the call waits, or has waited, until somebody says yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
    /// The id of the request to this bundle.
    pub request_id: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A tool was called.
    ToolCall,
    /// The connection was checked.
    Check,
    /// A set-up was tried.
    SetUp,
}

/// Which entries to read. A field that is `None` lets all entries pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this millisecond on.
    pub from: Option<Timestamp>,
    /// Before this millisecond.
    pub to: Option<Timestamp>,
    /// Of this tool.
    pub tool: Option<String>,
    /// With this outcome.
    pub outcome: Option<Ended>,
    /// In this conversation.
    pub conversation: Option<String>,
    /// Of the request with this id.
    pub request_id: Option<String>,
    /// About this record, among others.
    pub record: Option<Uuid>,
    /// For this visitor: the keyed hash, or the contact's id.
    pub visitor: Option<String>,
}

/// How calls ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// In any way but well.
    Failed,
    /// With this outcome: `ok`, or the code of an error.
    With(String),
}

/// Some entries, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins. If few entries pass the filter, that page may be empty.
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

/// The sort key of an entry. Entries of one millisecond differ by their request ids, and entries of
/// one request by their place.
fn sort_key(entry: &LogEntry, place: usize) -> String {
    let request: String = entry.request_id.chars().take(REQUEST_ID).collect();
    format!("{}#{request}#{:03}", millisecond(entry.at), place % PLACES)
}

fn items<'a>(
    id: &ConnectionId,
    entries: impl Iterator<Item = (usize, &'a LogEntry)>,
) -> Result<Vec<Item>, StateError> {
    let partition = ACTIVITY.of(id);
    entries.map(|(place, entry)| item(&partition, place, entry)).collect()
}

fn item(partition: &str, place: usize, entry: &LogEntry) -> Result<Item, StateError> {
    let mut item = Key::new(partition, sort_key(entry, place)).item(WHAT, entry)?;
    let expires_at = entry.at.saturating_add(ACTIVITY_KEPT).unwrap_or(Timestamp::MAX);
    item.insert(EXPIRES_AT.to_owned(), epoch(expires_at));
    Ok(item)
}

impl Filter {
    /// The first and last possible sort key. Expired entries lie outside, though they may still be
    /// in the table.
    fn range(&self, now: Timestamp) -> (String, String) {
        let kept = now.saturating_sub(ACTIVITY_KEPT).unwrap_or(Timestamp::MIN);
        let from = self.from.map_or(kept, |from| from.max(kept));
        (millisecond(from), millisecond(self.to.unwrap_or(Timestamp::MAX)))
    }

    /// The rest of the filter, which DynamoDB applies to each row.
    fn expression(&self) -> Expression {
        let outcome = self.outcome.as_ref().map(|ended| match ended {
            Ended::Failed => ("#outcome <> :outcome", OK.to_owned()),
            Ended::With(outcome) => ("#outcome = :outcome", outcome.clone()),
        });
        let equals = |text: &'static str, wanted: &Option<String>| Some((text, wanted.clone()?));
        let parts = [
            ("tool", equals("#tool = :tool", &self.tool)),
            ("outcome", outcome),
            ("conversation", equals("#conversation = :conversation", &self.conversation)),
            ("request_id", equals("#request_id = :request_id", &self.request_id)),
            (
                "visitor",
                self.visitor
                    .as_ref()
                    .map(|it| ("(#visitor = :visitor OR #contact = :visitor)", it.clone())),
            ),
            ("record", self.record.map(|id| ("contains(#records, :record)", id.to_string()))),
        ];
        let mut all = Expression::default();
        for (name, part) in parts {
            if let Some((text, value)) = part {
                all = all.and(Expression::new(text).with(name, AttributeValue::S(value)));
            }
        }
        all
    }
}

impl State {
    /// Adds entries to the log of a connection. Adding the same entries again changes nothing.
    pub async fn record(&self, id: &ConnectionId, entries: &[LogEntry]) -> Result<(), StateError> {
        self.table.put_all(items(id, entries.iter().enumerate())?).await
    }

    /// Adds entries at these places. Entries of one request that are added one after the other need
    /// different places; the same entry, if it is added again, needs the same.
    pub async fn record_at(
        &self,
        id: &ConnectionId,
        entries: &[(usize, LogEntry)],
    ) -> Result<(), StateError> {
        let entries = entries.iter().map(|(place, entry)| (*place, entry));
        self.table.put_all(items(id, entries)?).await
    }

    /// Reads the log of a connection, newest first: `limit` entries, at least 1 and at most 200. A
    /// page that is not the last has fewer only if 5,000 rows were read for it.
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
        // DynamoDB refuses a start outside of the range.
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

    /// Reads until it has found one entry more than is wanted, to know whether there is a next
    /// page.
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
