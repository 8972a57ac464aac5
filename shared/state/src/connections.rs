//! The connections that the bundle knows.

use std::collections::HashMap;

use auth::ConnectionId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::table::{self, Expression, Item, Key, Query, SORT};
use crate::{ConnectionCursor, State, StateError};

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
    /// The day on which the client secret expires, if an admin has entered it.
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

/// Some connections, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPage {
    /// The connections.
    pub connections: Vec<Connection>,
    /// Where to go on, if there is more.
    pub next: Option<ConnectionCursor>,
}

const BELONGINGS: &str = "connection#";

/// The partition of what belongs to a connection and goes with it.
pub(crate) fn partition(id: &ConnectionId) -> String {
    format!("{BELONGINGS}{id}")
}

/// Whose partition it is.
pub(crate) fn of_partition(partition: &str) -> Option<ConnectionId> {
    partition.strip_prefix(BELONGINGS)?.parse().ok()
}

impl State {
    /// Every connection, in the order of their ids.
    pub async fn connections(&self) -> Result<Vec<Connection>, StateError> {
        Ok(table::documents(WHAT, self.table.all(LIST).await?))
    }

    /// Up to `limit` connections, from where the cursor says.
    pub async fn connections_page(
        &self,
        limit: usize,
        cursor: Option<&ConnectionCursor>,
    ) -> Result<ConnectionPage, StateError> {
        let mut after = cursor.map(|cursor| cursor.last().to_string());
        let mut items: Vec<Item> = Vec::new();
        // One more than wanted tells whether there is a next page.
        while items.len() <= limit {
            let query = Query {
                partition: LIST.to_owned(),
                consistent: true,
                limit: Some(limit + 1 - items.len()),
                after,
                ..Query::default()
            };
            let rows = self.table.query(query).await?;
            items.extend(rows.items);
            after = rows.after;
            if after.is_none() {
                break;
            }
        }
        let is_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().and_then(|item| table::text(item, SORT).parse().ok());
        let next = last.filter(|_| is_more).map(ConnectionCursor::after);
        Ok(ConnectionPage { connections: table::documents(WHAT, items), next })
    }

    /// The connections with these ids, as far as they exist, read in few requests.
    pub async fn connections_of(
        &self,
        ids: &[ConnectionId],
    ) -> Result<HashMap<ConnectionId, Connection>, StateError> {
        let keys = ids.iter().map(|id| Key::new(LIST, id.as_str())).collect();
        let items = self.table.get_all(keys).await?;
        let found = table::documents::<Connection>(WHAT, items);
        Ok(found.into_iter().map(|connection| (connection.id.clone(), connection)).collect())
    }

    /// One connection.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StateError> {
        let item = self.table.get(&Key::new(LIST, id.as_str())).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// Stores a connection, and replaces the one with the same id.
    pub async fn put_connection(&self, connection: &Connection) -> Result<(), StateError> {
        let key = Key::new(LIST, connection.id.as_str());
        self.table.put(key.item(WHAT, connection)?).await
    }

    /// Replaces a connection by what an inspection has found out about it. A connection that has
    /// been removed meanwhile stays removed.
    pub async fn renew_connection(&self, connection: &Connection) -> Result<(), StateError> {
        let key = Key::new(LIST, connection.id.as_str());
        let there = Expression::new("attribute_exists(#pk)");
        self.table.put_if(&key, key.item(WHAT, connection)?, there).await.map(drop)
    }

    /// Removes a connection and what belongs to it. Its log stays until it expires.
    pub async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StateError> {
        self.remove_belongings(id).await?;
        // Last, so that it can be removed again when this fails half-way.
        self.table.delete_all(vec![Key::new(LIST, id.as_str())]).await?;
        // What a check stored in between. From now on it sees that the connection is gone.
        self.remove_belongings(id).await
    }

    async fn remove_belongings(&self, id: &ConnectionId) -> Result<(), StateError> {
        let partition = partition(id);
        let belongings = self.table.all(&partition).await?;
        let key = |item| Key::new(partition.as_str(), table::text(item, SORT));
        self.table.delete_all(belongings.iter().map(key).collect()).await
    }
}
