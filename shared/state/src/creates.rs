//! A call announces here what it is about to create. So two calls at once make one row, and a key
//! that is reused for something else is noticed.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::partitions::{IDEMPOTENCY, KEY_KEPT, SUBJECT, SUBJECT_KEPT};
use crate::table::{self, EXPIRES_AT, Expression, Key, Put, epoch};
use crate::{State, StateError};

const WHAT: &str = "what is about to be created";

/// The two items of a partition: who announced a row, and that another call went to make it.
const SORT: &str = "create";
const JOINED: &str = "joined";

/// How to recognize that two calls are about the same row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bond {
    /// It is the same call again, by its idempotency key or in its conversation. The id is made of
    /// connection, client, tool and key.
    Key(Uuid),
    /// They are two calls that want the same. The hash is made of connection, customer, tool and
    /// subject.
    Subject(String),
}

impl Bond {
    fn key(&self, sort: &str) -> Key {
        match self {
            Bond::Key(id) => Key::new(IDEMPOTENCY.of(id), sort),
            Bond::Subject(hash) => Key::new(SUBJECT.of(hash), sort),
        }
    }

    fn kept(&self) -> SignedDuration {
        match self {
            Bond::Key(_) => KEY_KEPT,
            Bond::Subject(_) => SUBJECT_KEPT,
        }
    }
}

/// What a call is about to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The primary key of the row.
    pub row: Uuid,
    /// A hash of the arguments, of a call with a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// The version of the rules by which the arguments were normalised before they were hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Until when the call may still be at work. After that, it has ended without saying so.
    pub at_work_until: Timestamp,
}

/// Proof that a call was the first to announce its intent.
#[derive(Debug)]
pub struct Ticket {
    bond: Bond,
    signature: String,
}

/// The note that a call went to make a row that another call had announced.
#[derive(Serialize, Deserialize)]
struct Joined {
    row: Uuid,
}

/// The result of announcing an intent.
#[derive(Debug)]
pub enum Announced {
    /// This call is the first.
    First(Ticket),
    /// Another call was first, with this intent.
    Before(Intent),
}

impl State {
    /// Announces what a call is about to create, unless another call has. An intent that has
    /// expired, or is for the row `instead_of`, is replaced.
    pub async fn announce(
        &self,
        bond: Bond,
        intent: &Intent,
        instead_of: Option<Uuid>,
    ) -> Result<Announced, StateError> {
        let now = Timestamp::now();
        let mut free = Expression::new(
            "attribute_not_exists(#pk) OR #expires_at <= :now OR #row = :instead_of",
        );
        free = free.with("now", epoch(now));
        // The empty text is the id of no row.
        let instead_of = instead_of.map(|row| row.to_string()).unwrap_or_default();
        free = free.with("instead_of", AttributeValue::S(instead_of));
        let expires_at = now.saturating_add(bond.kept()).unwrap_or(Timestamp::MAX);
        match self.put_intent(&bond, intent, expires_at, free).await? {
            Put::Done(signature) => Ok(Announced::First(Ticket { bond, signature })),
            Put::Refused(item) => table::document(WHAT, item).map(Announced::Before),
        }
    }

    /// Changes what a call has announced, unless another call has replaced it.
    pub async fn announce_again(&self, ticket: &Ticket, intent: &Intent) -> Result<(), StateError> {
        let expires_at = Timestamp::now().saturating_add(ticket.bond.kept());
        self.put_own(ticket, intent, expires_at.unwrap_or(Timestamp::MAX)).await
    }

    /// Takes back what a call has announced, because it created nothing. The next call is then the
    /// first. The item only expires, because tools may not delete any.
    pub async fn withdraw(&self, ticket: &Ticket, intent: &Intent) -> Result<(), StateError> {
        self.put_own(ticket, intent, Timestamp::UNIX_EPOCH).await
    }

    /// Notes that this call is about to make the row that another call has announced. Call it
    /// before the row is made.
    pub async fn join(&self, bond: &Bond, row: Uuid) -> Result<(), StateError> {
        let mut item = bond.key(JOINED).item(WHAT, &Joined { row })?;
        let expires_at = Timestamp::now().saturating_add(bond.kept()).unwrap_or(Timestamp::MAX);
        item.insert(EXPIRES_AT.to_owned(), epoch(expires_at));
        self.table.put(item).await
    }

    /// Whether another call went to make the row that this one has announced.
    pub async fn was_joined(&self, bond: &Bond, row: Uuid) -> Result<bool, StateError> {
        let Some(item) = self.table.get(&bond.key(JOINED)).await? else { return Ok(false) };
        Ok(table::document::<Joined>(WHAT, item)?.row == row)
    }

    /// Opens a connection to the table before the first call needs it. An error is ignored here:
    /// the call that needs the table meets it again.
    pub async fn warm_up(&self) {
        let _ = self.table.get(&Bond::Subject("warm-up".to_owned()).key(SORT)).await;
    }

    async fn put_own(
        &self,
        ticket: &Ticket,
        intent: &Intent,
        expires_at: Timestamp,
    ) -> Result<(), StateError> {
        let ours = Expression::new("#signature = :signature")
            .with("signature", AttributeValue::S(ticket.signature.clone()));
        self.put_intent(&ticket.bond, intent, expires_at, ours).await.map(drop)
    }

    async fn put_intent(
        &self,
        bond: &Bond,
        intent: &Intent,
        expires_at: Timestamp,
        condition: Expression,
    ) -> Result<Put, StateError> {
        let key = bond.key(SORT);
        let mut item = key.item(WHAT, intent)?;
        item.insert(EXPIRES_AT.to_owned(), epoch(expires_at));
        self.table.put_or_see(&key, item, condition).await
    }
}
