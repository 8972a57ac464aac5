//! The connections that the bundle knows.

use auth::ConnectionId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::table::{self, Key, SORT};
use crate::{State, StateError};

const LIST: &str = "connections";
const WHAT: &str = "a connection";

/// A connection as it was set up. The client secret is in Secrets Manager, and only there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The environment.
    pub instance_url: String,
    /// The directory.
    pub tenant_id: String,
    /// The app registration.
    pub client_id: String,
    /// What the environment says of itself, once it has been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
    /// The day on which the client secret ends, where an admin has given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_expires_on: Option<Date>,
    /// When it was set up first.
    pub registered_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A Dataverse organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The version of Dataverse.
    pub version: String,
    /// The region it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// The partition of what belongs to a connection and goes with it.
pub(crate) fn partition(id: &ConnectionId) -> String {
    format!("connection#{id}")
}

impl State {
    /// Every connection, in the order of their ids.
    pub async fn connections(&self) -> Result<Vec<Connection>, StateError> {
        Ok(table::documents(WHAT, self.table.all(LIST).await?))
    }

    /// One connection.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StateError> {
        let item = self.table.get(&Key::new(LIST, id.as_str())).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// Stores a connection, in place of the one with the same id.
    pub async fn put_connection(&self, connection: &Connection) -> Result<(), StateError> {
        let key = Key::new(LIST, connection.id.as_str());
        self.table.put(key.item(WHAT, connection)?).await
    }

    /// Removes a connection and what belongs to it. Its log stays until it expires.
    pub async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StateError> {
        let partition = partition(id);
        let belongings = self.table.all(&partition).await?;
        let mut keys: Vec<Key> = belongings
            .iter()
            .map(|item| Key::new(partition.as_str(), table::text(item, SORT)))
            .collect();
        // Last, so that it can be removed again when this fails half-way.
        keys.push(Key::new(LIST, id.as_str()));
        self.table.delete_all(keys).await
    }
}
