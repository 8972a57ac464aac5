//! How a connection was when it was last checked.

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::connections::partition;
use crate::table::{self, Expression, Key};
use crate::{State, StateError};

const WHAT: &str = "health";

/// How a connection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it works.
    #[serde(flatten)]
    pub status: Status,
    /// When that was found out.
    pub checked_at: Timestamp,
    /// When the client secret ends.
    pub secret: SecretExpiry,
    /// What the scheduled check remembers for its alerts; others leave it as it is.
    #[serde(default)]
    pub noticed: Noticed,
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
    Key::new(partition(id), "health")
}

impl State {
    /// How the connection was; `None` before its first check.
    pub async fn health(&self, id: &ConnectionId) -> Result<Option<Health>, StateError> {
        let item = self.table.get(&key(id)).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// Stores how the connection is, and returns it with its new version. `health.version` is the
    /// version that it follows: when another has been stored meanwhile, this is a
    /// [`StateError::Conflict`], and of two overlapping checks only one acts on a change.
    pub async fn put_health(
        &self,
        id: &ConnectionId,
        health: Health,
    ) -> Result<Health, StateError> {
        let condition = match health.version {
            0 => Expression::new("attribute_not_exists(#pk)"),
            version => Expression::new("#version = :version")
                .with("version", AttributeValue::N(version.to_string())),
        };
        let next = Health { version: health.version.saturating_add(1), ..health };
        let key = key(id);
        let stored = self.table.put_if(&key, key.item(WHAT, &next)?, condition).await?;
        stored.map(|_| next).ok_or(StateError::Conflict)
    }
}
