//! Calls that wait until somebody says yes to them.
//!
//! A call waits under its id, sealed. Of those of one chat only the newest is open. Whoever carries one
//! out takes it first, and then keeps what came of it, so that it is carried out once and gives the same
//! answer to whoever asks again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::partitions::VISIT;
use crate::table::{self, EXPIRES_AT, Expression, Key, epoch};
use crate::visits::{has_ended, not_ended_since};
use crate::{State, StateError, Visit};

/// How long a call waits.
pub const CONFIRMATION_WAITS: SignedDuration = SignedDuration::from_mins(10);

/// How long what came of it is kept.
const OUTCOME_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// The sort keys of the items. An id follows after `#`.
pub(crate) const OPEN: &str = "confirm";
const WAITS: &str = "confirm#";
const TAKEN_BY: &str = "confirm-taken#";
const OUTCOME: &str = "confirm-outcome#";

const WHAT: &str = "a call that waits until somebody says yes";

/// A sealed text.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sealed: String,
}

/// The id of the call that is open.
#[derive(Serialize, Deserialize)]
struct Newest {
    id: String,
}

/// A call that waits, or that somebody has said yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The call, sealed.
    pub call: String,
    /// Whether somebody may still say yes to it.
    pub is_open: bool,
    /// Whether somebody has taken it to carry it out.
    pub is_taken: bool,
    /// What came of it, sealed.
    pub outcome: Option<String>,
}

impl State {
    /// Lets a call wait that began then, in the place of an earlier one of its chat. `false` if the chat
    /// was ended since it began.
    pub async fn put_confirmation(
        &self,
        visit: &Visit,
        id: &str,
        call: String,
        began: Timestamp,
    ) -> Result<bool, StateError> {
        // It is kept longer than it is open, so that whoever says yes again hears what came of it.
        let waits = self.put_sealed(visit, WAITS, id, call, OUTCOME_KEPT);
        waits.await?;
        let newest = Newest { id: id.to_owned() };
        let key = Key::new(VISIT.of(visit.as_str()), OPEN);
        let mut item = key.item(WHAT, &newest)?;
        item.insert(EXPIRES_AT.to_owned(), epoch(from_now(CONFIRMATION_WAITS)));
        Ok(self.table.put_if(&key, item, not_ended_since(began)).await?.is_some())
    }

    /// The call with this id; `None` if there is none, or if its chat was ended.
    pub async fn confirmation(
        &self,
        visit: &Visit,
        id: &str,
    ) -> Result<Option<Waiting>, StateError> {
        let partition = VISIT.of(visit.as_str());
        let key = |sort: String| Key::new(partition.clone(), sort);
        let (waits, open) = (key(format!("{WAITS}{id}")), key(OPEN.to_owned()));
        let (taken, outcome) = (key(format!("{TAKEN_BY}{id}")), key(format!("{OUTCOME}{id}")));
        let get = |key| async move { self.table.get(key).await };
        let (waits, open, taken, outcome) = tokio::try_join!(
            Box::pin(get(&waits)),
            Box::pin(get(&open)),
            Box::pin(get(&taken)),
            Box::pin(get(&outcome)),
        )?;
        let now = Timestamp::now().as_second();
        let is_there = |item: &HashMap<String, AttributeValue>| {
            let until = item.get(EXPIRES_AT).and_then(|until| until.as_n().ok()?.parse().ok());
            until.is_some_and(|until: i64| until > now)
        };
        let sealed = |item: Option<HashMap<String, AttributeValue>>| {
            let item = item.filter(is_there);
            item.map(|item| table::document::<Sealed>(WHAT, item)).transpose()
        };
        let Some(call) = sealed(waits)? else { return Ok(None) };
        // An ended one names none.
        let is_ended = open.as_ref().is_some_and(|item| is_there(item) && has_ended(item));
        if is_ended {
            return Ok(None);
        }
        let open = open.filter(|item| is_there(item) && item.contains_key("id"));
        let newest = open.map(|item| table::document::<Newest>(WHAT, item));
        let is_open = newest.transpose()?.is_some_and(|newest| newest.id == id);
        let outcome = sealed(outcome)?.map(|outcome| outcome.sealed);
        let is_taken = taken.is_some_and(|item| is_there(&item));
        Ok(Some(Waiting { call: call.sealed, is_open, is_taken, outcome }))
    }

    /// Takes a call to carry it out. `false` if somebody else is at it.
    pub async fn take_confirmation(&self, visit: &Visit, id: &str) -> Result<bool, StateError> {
        let key = Key::new(VISIT.of(visit.as_str()), format!("{TAKEN_BY}{id}"));
        let mut item = key.attributes();
        item.insert(EXPIRES_AT.to_owned(), epoch(from_now(OUTCOME_KEPT)));
        let free = Expression::new("attribute_not_exists(#pk) OR #expires_at <= :now")
            .with("now", epoch(Timestamp::now()));
        Ok(self.table.put_if(&key, item, free).await?.is_some())
    }

    /// Gives a call back that could not be carried out.
    pub async fn release_confirmation(&self, visit: &Visit, id: &str) -> Result<(), StateError> {
        let key = Key::new(VISIT.of(visit.as_str()), format!("{TAKEN_BY}{id}"));
        let mut item = key.attributes();
        item.insert(EXPIRES_AT.to_owned(), epoch(Timestamp::UNIX_EPOCH));
        self.table.put(item).await
    }

    /// Keeps what came of a call.
    pub async fn put_outcome(
        &self,
        visit: &Visit,
        id: &str,
        outcome: String,
    ) -> Result<(), StateError> {
        self.put_sealed(visit, OUTCOME, id, outcome, OUTCOME_KEPT).await
    }

    async fn put_sealed(
        &self,
        visit: &Visit,
        sort: &str,
        id: &str,
        sealed: String,
        kept: SignedDuration,
    ) -> Result<(), StateError> {
        let key = Key::new(VISIT.of(visit.as_str()), format!("{sort}{id}"));
        let mut item = key.item(WHAT, &Sealed { sealed })?;
        item.insert(EXPIRES_AT.to_owned(), epoch(from_now(kept)));
        self.table.put(item).await
    }
}

fn from_now(kept: SignedDuration) -> Timestamp {
    Timestamp::now().saturating_add(kept).unwrap_or(Timestamp::MAX)
}
