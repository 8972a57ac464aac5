//! Chats with visitors: who a visitor is who has entered a code, what a chat has made while nobody knew
//! the visitor, and how often that happens.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::confirmations::OPEN;
use crate::partitions::{VISIT, VISIT_KEPT};
use crate::table::{self, EXPIRES_AT, Expression, Key, epoch};
use crate::{State, StateError};

/// The sort keys of the items of a partition.
const MADE: &str = "made";
const WRITES: &str = "writes";
const CODES: &str = "codes";
const NOT_FOUND: &str = "not-found";
const WRONG: &str = "wrong";
const CODE: &str = "code";
const SIGNED_IN: &str = "signed-in";
const SHOWN: &str = "shown-address";

const MADE_BY: &str = "made-by";

/// The attributes of these items.
const RECORDS: &str = "records";
const COUNT: &str = "count";
const TRIES: &str = "tries";
const ENDED: &str = "ended";
const OWNER: &str = "owner";

const WHAT_CODE: &str = "a visitor's code";
const WHAT_SIGN_IN: &str = "who a visitor is";

/// How often a code may be tried.
pub const TRIES_OF_CODE: u32 = 3;

/// A code that was sent to a visitor, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// The keyed hash of the code.
    pub hash: String,
    /// The address that it was sent to, sealed.
    pub address: String,
    /// Whether it is to show that a new address of a visitor who is known is theirs.
    #[serde(default)]
    pub is_new_address: bool,
}

/// An address that a visitor who is known has shown to be theirs, too.
#[derive(Serialize, Deserialize)]
struct Shown {
    /// The address, sealed.
    address: String,
}

/// Who a visitor is who has entered a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The address, sealed.
    pub address: String,
    /// Since when.
    pub since: Timestamp,
    /// When the last call was.
    pub last: Timestamp,
    /// The records that the chat made while nobody knew who it was.
    #[serde(default)]
    pub made: Vec<Uuid>,
}

/// How long a visitor stays known after the last call, and in all.
const AFTER_LAST: SignedDuration = SignedDuration::from_mins(30);
const IN_ALL: SignedDuration = SignedDuration::from_hours(4);

impl SignedIn {
    /// Until when the visitor is known.
    pub fn until(&self) -> Timestamp {
        let after_last = self.last.saturating_add(AFTER_LAST).unwrap_or(Timestamp::MAX);
        let in_all = self.since.saturating_add(IN_ALL).unwrap_or(Timestamp::MAX);
        after_last.min(in_all)
    }
}

/// A chat with a visitor: the connection, the client, and the conversation. Only a hash of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit(String);

impl Visit {
    /// The chat with this id.
    pub fn new(connection: &str, client: &str, conversation: &str) -> Visit {
        Visit(hash(&["conversation", connection, client, conversation]))
    }

    /// The hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Visit {
    /// In the place of a chat, for a call that belongs to none: what waits under this id until somebody
    /// says yes.
    pub fn of_confirmation(connection: &str, client: &str, id: &str) -> Visit {
        Visit(hash(&["confirmation", connection, client, id]))
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

/// Whether an item says that its chat was ended.
pub(crate) fn has_ended(item: &std::collections::HashMap<String, AttributeValue>) -> bool {
    item.contains_key(ENDED)
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

    /// Counts one more record that a chat has made with a tool. Returns how many there are with it.
    pub async fn count_made(&self, visit: &Visit, tool: &str) -> Result<u64, StateError> {
        let key = Key::new(VISIT.of(&visit.0), format!("{WRITES}#{tool}"));
        self.count(&key, VISIT_KEPT).await
    }

    /// Counts once more that something was not found: in a chat or, where there is none, in this hour.
    /// Returns how often it was.
    pub async fn count_not_found(
        &self,
        visit: Option<&Visit>,
        hour: &Hour,
    ) -> Result<u64, StateError> {
        let place = visit.map_or(&hour.0, |visit| &visit.0);
        self.count(&Key::new(VISIT.of(place), NOT_FOUND), VISIT_KEPT).await
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

    /// The records that were made in this chat, while nobody has been known in it.
    pub async fn made(&self, visit: &Visit) -> Result<Vec<Uuid>, StateError> {
        let records = self.records_of(visit).await?;
        let is_somebodys = !records.is_empty() && self.owner(visit).await?.is_some();
        Ok(if is_somebodys { Vec::new() } else { records })
    }

    /// The records that were made in this chat, if they are this visitor's: they become those of the
    /// first who asks, and nobody else's.
    pub async fn made_by(&self, visit: &Visit, identity: &str) -> Result<Vec<Uuid>, StateError> {
        let records = self.records_of(visit).await?;
        if records.is_empty() {
            return Ok(records);
        }
        let who = hash(&["made by", &visit.0, identity]);
        let is_theirs = match self.owner(visit).await? {
            Some(owner) => owner == who,
            None => {
                let key = Key::new(VISIT.of(&visit.0), MADE_BY);
                let mut item = key.attributes();
                item.insert(OWNER.to_owned(), AttributeValue::S(who.clone()));
                item.insert(EXPIRES_AT.to_owned(), epoch(ends(VISIT_KEPT)));
                let free = Expression::new("attribute_not_exists(#owner) OR #owner = :who")
                    .with("who", AttributeValue::S(who));
                self.table.put_if(&key, item, free).await?.is_some()
            }
        };
        Ok(if is_theirs { records } else { Vec::new() })
    }

    /// Whose the records of this chat are, hashed.
    async fn owner(&self, visit: &Visit) -> Result<Option<String>, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&visit.0), MADE_BY)).await?;
        Ok(item.and_then(|item| item.get(OWNER)?.as_s().ok().cloned()))
    }

    async fn records_of(&self, visit: &Visit) -> Result<Vec<Uuid>, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&visit.0), MADE)).await?;
        let records = item.as_ref().and_then(|item| item.get(RECORDS)?.as_ss().ok());
        Ok(records.into_iter().flatten().filter_map(|record| record.parse().ok()).collect())
    }
}

impl State {
    /// Counts one more code for what this names, such as an address, for this long.
    pub async fn count_code(&self, name: &str, kept: SignedDuration) -> Result<u64, StateError> {
        self.count(&Key::new(VISIT.of(hash(&["codes", name])), CODES), kept).await
    }

    /// Counts one more wrong code in this hour. Returns how many there are with it.
    pub async fn count_wrong(&self, hour: &Hour) -> Result<u64, StateError> {
        self.count(&Key::new(VISIT.of(&hour.0), WRONG), SignedDuration::from_hours(2)).await
    }

    /// How many codes were wrong in this hour.
    pub async fn wrong_codes(&self, hour: &Hour) -> Result<u64, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&hour.0), WRONG)).await?;
        let count = item.as_ref().and_then(|item| item.get(COUNT)?.as_n().ok());
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
    }

    /// Keeps the code of a chat in the place of an earlier one.
    pub async fn put_code(
        &self,
        visit: &Visit,
        code: &SentCode,
        kept: SignedDuration,
    ) -> Result<(), StateError> {
        self.put_of_visit(visit, CODE, WHAT_CODE, code, ends(kept)).await
    }

    /// The code of a chat, to be tried once. The try is counted first, so that tries at the same time
    /// cannot be more. `None` if there is none that can still be tried.
    pub async fn try_code(&self, visit: &Visit) -> Result<Option<SentCode>, StateError> {
        let key = Key::new(VISIT.of(&visit.0), CODE);
        let one = AttributeValue::N("1".to_owned());
        let may = Expression::new(
            "attribute_exists(#pk) AND #expires_at > :now AND (attribute_not_exists(#tries) OR #tries < :most)",
        );
        let may = may.with("now", epoch(Timestamp::now()));
        let may = may.with("most", AttributeValue::N(TRIES_OF_CODE.to_string()));
        let item = self.table.add_if(&key, (TRIES, one), may).await?;
        item.map(|item| table::document(WHAT_CODE, item)).transpose()
    }

    /// Uses the code of a chat up, and keeps who the visitor is. `false` if the chat was ended since the
    /// code was tried.
    pub async fn sign_in(
        &self,
        visit: &Visit,
        who: &SignedIn,
        tried_at: Timestamp,
    ) -> Result<bool, StateError> {
        self.use_up_code(visit).await?;
        self.put_signed_in(visit, who, not_ended_since(tried_at)).await
    }

    /// Uses the code of a chat up.
    async fn use_up_code(&self, visit: &Visit) -> Result<(), StateError> {
        let (hash, address) = (String::new(), String::new());
        let used = SentCode { hash, address, is_new_address: false };
        self.put_of_visit(visit, CODE, WHAT_CODE, &used, Timestamp::UNIX_EPOCH).await
    }

    /// Uses the code of a chat up, and keeps that the visitor has shown that this address is theirs, too.
    pub async fn put_shown_address(
        &self,
        visit: &Visit,
        address: String,
        kept: SignedDuration,
    ) -> Result<(), StateError> {
        self.use_up_code(visit).await?;
        self.put_of_visit(visit, SHOWN, WHAT_SIGN_IN, &Shown { address }, ends(kept)).await
    }

    /// The address that the visitor of a chat has shown to be theirs, too, sealed.
    pub async fn shown_address(&self, visit: &Visit) -> Result<Option<String>, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&visit.0), SHOWN)).await?;
        let now = Timestamp::now().as_second();
        let is_there = |until: &AttributeValue| {
            until.as_n().is_ok_and(|until| until.parse().is_ok_and(|until: i64| until > now))
        };
        let item = item.filter(|item| item.get(EXPIRES_AT).is_some_and(is_there));
        let shown: Option<Shown> =
            item.map(|item| table::document(WHAT_SIGN_IN, item)).transpose()?;
        Ok(shown.map(|shown| shown.address))
    }

    /// Keeps who the visitor of a chat is, as long as that is so, unless the chat was ended.
    pub async fn keep_signed_in(&self, visit: &Visit, who: &SignedIn) -> Result<bool, StateError> {
        let since = AttributeValue::S(who.since.to_string());
        let is_still = Expression::new("#since = :since").with("since", since);
        self.put_signed_in(visit, who, is_still).await
    }

    async fn put_signed_in(
        &self,
        visit: &Visit,
        who: &SignedIn,
        condition: Expression,
    ) -> Result<bool, StateError> {
        let key = Key::new(VISIT.of(&visit.0), SIGNED_IN);
        let mut item = key.item(WHAT_SIGN_IN, who)?;
        item.insert(EXPIRES_AT.to_owned(), epoch(who.until()));
        Ok(self.table.put_if(&key, item, condition).await?.is_some())
    }

    /// Who the visitor of a chat is, if a code has shown it.
    pub async fn signed_in(&self, visit: &Visit) -> Result<Option<SignedIn>, StateError> {
        let item = self.table.get(&Key::new(VISIT.of(&visit.0), SIGNED_IN)).await?;
        // What has been ended has nothing in it.
        let item = item.filter(|item| item.contains_key("address"));
        let who: Option<SignedIn> =
            item.map(|item| table::document(WHAT_SIGN_IN, item)).transpose()?;
        Ok(who.filter(|who| Timestamp::now() < who.until()))
    }

    /// Ends what a code has shown in a chat, if there was one.
    pub async fn end_signed_in(&self, visit: &Visit) -> Result<(), StateError> {
        match self.signed_in(visit).await? {
            Some(_) => self.forget(visit, SIGNED_IN).await,
            None => Ok(()),
        }
    }

    /// Ends all of a chat: nobody is known in it, and it has made nothing.
    pub async fn end_visit(&self, visit: &Visit) -> Result<(), StateError> {
        for sort in [CODE, MADE, MADE_BY, SHOWN] {
            self.forget(visit, sort).await?;
        }
        // What is being entered or asked at this moment must find it.
        for sort in [OPEN, SIGNED_IN] {
            let mut item = Key::new(VISIT.of(&visit.0), sort).attributes();
            item.insert(ENDED.to_owned(), milliseconds(Timestamp::now()));
            item.insert(EXPIRES_AT.to_owned(), epoch(ends(VISIT_KEPT)));
            self.table.put(item).await?;
        }
        Ok(())
    }

    async fn forget(&self, visit: &Visit, sort: &str) -> Result<(), StateError> {
        let mut item = Key::new(VISIT.of(&visit.0), sort).attributes();
        item.insert(EXPIRES_AT.to_owned(), epoch(Timestamp::UNIX_EPOCH));
        self.table.put(item).await
    }

    async fn put_of_visit(
        &self,
        visit: &Visit,
        sort: &str,
        what: &'static str,
        document: &impl Serialize,
        expires_at: Timestamp,
    ) -> Result<(), StateError> {
        let mut item = Key::new(VISIT.of(&visit.0), sort).item(what, document)?;
        item.insert(EXPIRES_AT.to_owned(), epoch(expires_at));
        self.table.put(item).await
    }
}

/// That a part of a chat was not ended since then.
pub(crate) fn not_ended_since(then: Timestamp) -> Expression {
    Expression::new("attribute_not_exists(#ended) OR #ended < :then")
        .with("then", milliseconds(then))
}

/// A moment as a number.
fn milliseconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

fn ends(kept: SignedDuration) -> Timestamp {
    Timestamp::now().saturating_add(kept).unwrap_or(Timestamp::MAX)
}
