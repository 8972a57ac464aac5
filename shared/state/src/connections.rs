//! The connections that the bundle knows.

use std::collections::HashMap;

use auth::{ConnectionId, Credentials, DatedSecret, FormNames, Organization, SecretExpiry};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::partitions::{CONNECTION, CONNECTIONS};
use crate::table::{self, Expression, Item, Key, Query, SORT};
use crate::{ConnectionCursor, State, StateError};

const WHAT: &str = "a connection";

/// A connection's place in the list, as it was set up. The client secret is in Secrets Manager, and
/// only there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
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
    /// The client secret, with the day on which it expires if somebody has given that. `None` as
    /// long as the connection's secret could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<DatedSecret>,
    /// When it was set up first.
    pub registered_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Registration {
    /// The entry for a connection with these credentials. `organization` is what the environment
    /// says of itself; `before` is the entry so far.
    pub fn new(
        id: &ConnectionId,
        credentials: &Credentials,
        secret: DatedSecret,
        organization: Option<&Organization>,
        before: Option<&Registration>,
        now: Timestamp,
    ) -> Registration {
        Registration {
            id: id.clone(),
            label: credentials.label.clone(),
            instance_url: credentials.instance_url.as_str().to_owned(),
            tenant_id: credentials.tenant_id.clone(),
            client_id: credentials.client_id.to_string(),
            organization: organization.filter(|it| it.id.is_some()).cloned(),
            secret: Some(secret),
            registered_at: before.map_or(now, |before| before.registered_at),
            updated_at: now,
        }
    }

    /// The entry for a connection whose credentials are not valid. `names` are what is valid of them.
    pub fn unread(id: &ConnectionId, names: FormNames, now: Timestamp) -> Registration {
        let FormNames { label, instance_url, tenant_id, client_id } = names;
        Registration {
            id: id.clone(),
            label,
            instance_url: instance_url.map(|url| url.as_str().to_owned()).unwrap_or_default(),
            tenant_id: tenant_id.unwrap_or_default(),
            client_id: client_id.map(|id| id.to_string()).unwrap_or_default(),
            organization: None,
            secret: None,
            registered_at: now,
            updated_at: now,
        }
    }

    /// Whether both say the same, whenever it was stored.
    pub fn says(&self, other: &Registration) -> bool {
        *self == Registration { updated_at: self.updated_at, ..other.clone() }
    }

    /// The day on which the client secret expires, if somebody has given it.
    pub fn secret_expires_on(&self) -> Option<Date> {
        self.secret.as_ref().and_then(DatedSecret::expires_on)
    }

    /// When the client secret expires: what Microsoft Graph has said, or what was given for it.
    pub fn expiry(&self, known: SecretExpiry) -> SecretExpiry {
        match &self.secret {
            Some(secret) => known.or_given(secret.expires_on()),
            None => known,
        }
    }

    /// Whether another client secret has taken the place of the one that `before` had.
    pub fn has_new_secret(&self, before: &Registration) -> bool {
        let secrets = self.secret.as_ref().zip(before.secret.as_ref());
        secrets.is_some_and(|(now, before)| !now.is_same(before))
    }
}

/// An entry that was added to the list.
#[derive(Debug)]
pub struct Added {
    key: Key,
    signature: String,
}

/// Some connections, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPage {
    /// The connections.
    pub connections: Vec<Registration>,
    /// Where to go on, if there is more.
    pub next: Option<ConnectionCursor>,
}

impl State {
    /// Every connection, in the order of their ids.
    pub async fn connections(&self) -> Result<Vec<Registration>, StateError> {
        Ok(table::documents(WHAT, self.table.all(CONNECTIONS.key).await?))
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
                partition: CONNECTIONS.key.to_owned(),
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
    ) -> Result<HashMap<ConnectionId, Registration>, StateError> {
        let keys = ids.iter().map(|id| Key::new(CONNECTIONS.key, id.as_str())).collect();
        let items = self.table.get_all(keys).await?;
        let found = table::documents::<Registration>(WHAT, items);
        Ok(found.into_iter().map(|connection| (connection.id.clone(), connection)).collect())
    }

    /// One connection.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Registration>, StateError> {
        let item = self.table.get(&Key::new(CONNECTIONS.key, id.as_str())).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// Stores a connection, and replaces the one with the same id.
    pub async fn put_connection(&self, connection: &Registration) -> Result<(), StateError> {
        let key = Key::new(CONNECTIONS.key, connection.id.as_str());
        self.table.put(key.item(WHAT, connection)?).await
    }

    /// Stores a connection that the list does not have; `None` if it has it by now.
    pub async fn add_connection(
        &self,
        connection: &Registration,
    ) -> Result<Option<Added>, StateError> {
        let key = Key::new(CONNECTIONS.key, connection.id.as_str());
        let absent = Expression::new("attribute_not_exists(#pk)");
        let signature = self.table.put_if(&key, key.item(WHAT, connection)?, absent).await?;
        Ok(signature.map(|signature| Added { key, signature }))
    }

    /// Removes an entry that was added, unless somebody has changed it since.
    pub async fn take_back(&self, added: Added) -> Result<(), StateError> {
        self.table.delete_signed(&added.key, added.signature).await
    }

    /// Replaces a connection by what an inspection has found out about it. A connection that has
    /// been removed since `before` was read stays removed, and one that was changed stays as it is
    /// by now.
    pub async fn renew_connection(
        &self,
        connection: &Registration,
        before: &Registration,
    ) -> Result<(), StateError> {
        let key = Key::new(CONNECTIONS.key, connection.id.as_str());
        let unchanged = Expression::new("#updated_at = :before")
            .with("before", AttributeValue::S(before.updated_at.to_string()));
        self.table.put_if(&key, key.item(WHAT, connection)?, unchanged).await.map(drop)
    }

    /// Removes a connection and what belongs to it. Its log stays until it expires.
    pub async fn remove_connection(&self, id: &ConnectionId) -> Result<(), StateError> {
        self.remove_belongings(id).await?;
        // This is last, so that one can remove the connection again if this fails half-way.
        self.table.delete_all(vec![Key::new(CONNECTIONS.key, id.as_str())]).await?;
        // A check may have stored something meanwhile. From now on, it sees that the connection is
        // gone.
        self.remove_belongings(id).await
    }

    async fn remove_belongings(&self, id: &ConnectionId) -> Result<(), StateError> {
        let partition = CONNECTION.of(id);
        let belongings = self.table.all(&partition).await?;
        let key = |item| Key::new(partition.as_str(), table::text(item, SORT));
        self.table.delete_all(belongings.iter().map(key).collect()).await
    }
}
