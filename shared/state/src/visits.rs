//! What a chat has made while nobody knew who the visitor was, and how often that happens.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::partitions::{VISIT, VISIT_KEPT};
use crate::table::{Key, epoch};
use crate::{State, StateError};

/// The sort keys of the items of a partition.
const MADE: &str = "made";
const WRITES: &str = "writes";

/// The attributes of these items.
const RECORDS: &str = "records";
const COUNT: &str = "count";

/// A chat with a visitor: the connection, the client, and the conversation. Only a hash of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit(String);

impl Visit {
    /// The chat with this id.
    pub fn new(connection: &str, client: &str, conversation: &str) -> Visit {
        Visit(hash(&["conversation", connection, client, conversation]))
    }
}

/// How often something has happened in this hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour(String);

impl Hour {
    /// This hour of a client with a connection.
    pub fn new(connection: &str, client: &str, now: Timestamp) -> Hour {
        let hour = now.as_second() / 3600;
        Hour(hash(&["hour", connection, client, &hour.to_string()]))
    }
}

/// A hash of the parts. The length before each of them keeps apart lists that would look the same.
fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

impl State {
    /// Counts one more record that was written in this hour. Returns how many there are with it.
    pub async fn count_write_of_hour(&self, hour: &Hour) -> Result<u64, StateError> {
        self.count(&Key::new(VISIT.of(&hour.0), WRITES), SignedDuration::from_hours(2)).await
    }

    /// Counts one more record that was written in this chat. Returns how many there are with it.
    pub async fn count_write(&self, visit: &Visit) -> Result<u64, StateError> {
        self.count(&Key::new(VISIT.of(&visit.0), WRITES), VISIT_KEPT).await
    }

    async fn count(&self, key: &Key, kept: SignedDuration) -> Result<u64, StateError> {
        let one = AttributeValue::N("1".to_owned());
        let item = self.table.add(key, (COUNT, one), epoch(ends(kept))).await?;
        let count = item.get(COUNT).and_then(|count| count.as_n().ok());
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
    }

    /// Notes a record that was made in this chat.
    pub async fn note_made(&self, visit: &Visit, record: Uuid) -> Result<(), StateError> {
        let record = AttributeValue::Ss(vec![record.to_string()]);
        let key = Key::new(VISIT.of(&visit.0), MADE);
        self.table.add(&key, (RECORDS, record), epoch(ends(VISIT_KEPT))).await.map(drop)
    }

    /// The records that were made in this chat.
    pub async fn made(&self, visit: &Visit) -> Result<Vec<Uuid>, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&visit.0), MADE)).await?;
        let records = item.as_ref().and_then(|item| item.get(RECORDS)?.as_ss().ok());
        Ok(records.into_iter().flatten().filter_map(|record| record.parse().ok()).collect())
    }
}

fn ends(kept: SignedDuration) -> Timestamp {
    Timestamp::now().saturating_add(kept).unwrap_or(Timestamp::MAX)
}
