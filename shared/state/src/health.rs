//! How a connection was when it was last checked.

use std::collections::HashMap;

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::partitions::CONNECTION;
use crate::table::{self, Expression, Key, PARTITION};
use crate::{Connection, Event, State, StateError};

const WHAT: &str = "health";
const SORT_KEY: &str = "health";

/// How a connection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it works.
    #[serde(flatten)]
    pub status: Status,
    /// When that was found out. While nothing changes, the scheduled check renews it now and then
    /// alone.
    pub checked_at: Timestamp,
    /// When the client secret ends.
    pub secret: SecretExpiry,
    /// What the scheduled check remembers for its alerts; others leave it as it is.
    #[serde(default)]
    pub noticed: Noticed,
    /// What people have yet to be told. It is stored together with what it is about, so that a run
    /// that ends before it tells them loses nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Event>,
    /// How often it has been stored; 0 for what has not been stored yet.
    pub version: u64,
}

/// What the scheduled check has noticed, and people have been told or need not be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// Since when it is broken, until it is found to work again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_since: Option<Timestamp>,
    /// The privileges that the application user lacked for the tools when it worked last; `None`
    /// before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_privileges: Option<Vec<String>>,
    /// Since when it does not answer, where it worked before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// The last notice of the client secret's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_notice: Option<SecretNotice>,
}

/// A notice of a client secret's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNotice {
    /// The day on which it ends.
    pub on: Date,
    /// Which of the notices it is, in days before.
    pub days: i32,
}

/// Whether a connection works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It does.
    Healthy,
    /// It does not.
    Broken {
        /// The cause's code.
        cause: String,
        /// The step of the set-up that is at fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u8>,
        /// When it was first found broken.
        since: Timestamp,
    },
}

/// When a client secret ends, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SecretExpiry {
    /// Microsoft Graph says so.
    Graph {
        /// The day.
        expires_on: Date,
    },
    /// An admin says so.
    Given {
        /// The day.
        expires_on: Date,
    },
    /// Nobody does.
    Unknown,
}

impl SecretExpiry {
    /// The day, where it is known.
    pub fn expires_on(self) -> Option<Date> {
        match self {
            SecretExpiry::Graph { expires_on } | SecretExpiry::Given { expires_on } => {
                Some(expires_on)
            }
            SecretExpiry::Unknown => None,
        }
    }
}

fn key(id: &ConnectionId) -> Key {
    Key::new(CONNECTION.of(id), SORT_KEY)
}

impl State {
    /// How the connection was; `None` before its first check.
    pub async fn health(&self, id: &ConnectionId) -> Result<Option<Health>, StateError> {
        let item = self.table.get(&key(id)).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// How each of these connections was, in few requests. One that has not been checked, or whose
    /// item cannot be understood, is left out.
    pub async fn healths(
        &self,
        ids: &[ConnectionId],
    ) -> Result<HashMap<ConnectionId, Health>, StateError> {
        let items = self.table.get_all(ids.iter().map(key).collect()).await?;
        let of = |item: table::Item| {
            let id = CONNECTION.id(&table::text(&item, PARTITION))?.parse().ok()?;
            let health = table::documents(WHAT, [item]).pop()?;
            Some((id, health))
        };
        Ok(items.into_iter().filter_map(of).collect())
    }

    /// Stores how the connection is, and returns it with its new version. `health.version` is the
    /// version that it follows: when another has been stored meanwhile, this is a
    /// [`StateError::Conflict`], and of two overlapping checks only one acts on a change.
    pub async fn put_health(
        &self,
        id: &ConnectionId,
        health: Health,
    ) -> Result<Health, StateError> {
        self.put_signed(id, health).await.map(|(stored, _)| stored)
    }

    /// The same for a connection as it was read from the list: where it has been removed since, or
    /// set up anew, nothing is left behind, and this is [`StateError::Gone`].
    pub async fn put_health_of(
        &self,
        connection: &Connection,
        health: Health,
    ) -> Result<Health, StateError> {
        let id = &connection.id;
        let (stored, signature) = self.put_signed(id, health).await?;
        // Whoever removes a connection looks for what belongs to it once more afterwards: what was
        // put before that is found there, what was put later is found here.
        let registered = self.connection(id).await?;
        if registered.is_some_and(|one| one.registered_at == connection.registered_at) {
            return Ok(stored);
        }
        self.table.delete_signed(&key(id), signature).await?;
        Err(StateError::Gone)
    }

    async fn put_signed(
        &self,
        id: &ConnectionId,
        health: Health,
    ) -> Result<(Health, String), StateError> {
        let condition = match health.version {
            0 => Expression::new("attribute_not_exists(#pk)"),
            version => Expression::new("#version = :version")
                .with("version", AttributeValue::N(version.to_string())),
        };
        let next = Health { version: health.version.saturating_add(1), ..health };
        let key = key(id);
        let stored = self.table.put_if(&key, key.item(WHAT, &next)?, condition).await?;
        stored.map(|signature| (next, signature)).ok_or(StateError::Conflict)
    }
}
