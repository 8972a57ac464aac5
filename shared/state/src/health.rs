//! The health of a connection at its last check.

use std::collections::HashMap;

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::connections::{of_partition, partition};
use crate::table::{self, Expression, Key, PARTITION};
use crate::{Connection, Event, State, StateError};

const WHAT: &str = "health";
const SORT_KEY: &str = "health";

/// The health of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it works.
    #[serde(flatten)]
    pub status: Status,
    /// When that was found out. While nothing changes, the scheduled check renews it only now and
    /// then.
    pub checked_at: Timestamp,
    /// When the client secret expires.
    pub secret: SecretExpiry,
    /// What the scheduled check remembers for its alerts. Nobody else changes it.
    #[serde(default)]
    pub noticed: Noticed,
    /// The events that people have yet to be told of. They are stored together with the status that
    /// they are about, so they are not lost if a check ends before it sends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Event>,
    /// How often it has been stored; 0 means that it has not been stored yet.
    pub version: u64,
}

/// What the scheduled check has noticed, and people have been told of or need not be told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// Since when the connection is broken; `None` while it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_since: Option<Timestamp>,
    /// The privileges that the application user lacked for the tools when it worked last; `None`
    /// before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_privileges: Option<Vec<String>>,
    /// Since when the connection does not answer, if it worked before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// The last notice of the client secret's expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_notice: Option<SecretNotice>,
}

/// A notice that a client secret is about to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNotice {
    /// The day on which the secret expires.
    pub on: Date,
    /// Which of the notices it is: how many days before that day.
    pub days: i32,
}

/// Whether a connection works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It works.
    Healthy,
    /// It does not work.
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

/// When a client secret expires, and who says so.
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
    /// Nobody says so.
    Unknown,
}

impl SecretExpiry {
    /// The day, if it is known.
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
    Key::new(partition(id), SORT_KEY)
}

impl State {
    /// The health of a connection; `None` before its first check.
    pub async fn health(&self, id: &ConnectionId) -> Result<Option<Health>, StateError> {
        let item = self.table.get(&key(id)).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// The health of each of these connections, read in few requests. A connection is left out if
    /// it has not been checked, or if its item cannot be understood.
    pub async fn healths(
        &self,
        ids: &[ConnectionId],
    ) -> Result<HashMap<ConnectionId, Health>, StateError> {
        let items = self.table.get_all(ids.iter().map(key).collect()).await?;
        let of = |item: table::Item| {
            let id = of_partition(&table::text(&item, PARTITION))?;
            let health = table::documents(WHAT, [item]).pop()?;
            Some((id, health))
        };
        Ok(items.into_iter().filter_map(of).collect())
    }

    /// Stores the health of a connection, and returns it with its new version. `health.version` is
    /// the version that it follows. If another one has been stored meanwhile, this is a
    /// [`StateError::Conflict`]: of two overlapping checks, only one acts on a change.
    pub async fn put_health(
        &self,
        id: &ConnectionId,
        health: Health,
    ) -> Result<Health, StateError> {
        self.put_signed(id, health).await.map(|(stored, _)| stored)
    }

    /// The same for a connection that was read from the list before. If it has been removed since,
    /// or set up anew, this stores nothing and is [`StateError::Gone`].
    pub async fn put_health_of(
        &self,
        connection: &Connection,
        health: Health,
    ) -> Result<Health, StateError> {
        let id = &connection.id;
        let (stored, signature) = self.put_signed(id, health).await?;
        // Who removes a connection then looks once more for what belongs to it, and so finds what
        // was put before that. What is put later is found here.
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
