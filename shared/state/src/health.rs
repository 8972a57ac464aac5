//! How a connection was when it was last checked.

use std::collections::HashMap;

use auth::ConnectionId;
use auth::health::Health;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::connections::{of_partition, partition};
use crate::table::{self, Expression, Key, PARTITION};
use crate::{Registration, State, StateError};

const WHAT: &str = "health";
const SORT_KEY: &str = "health";

fn key(id: &ConnectionId) -> Key {
    Key::new(partition(id), SORT_KEY)
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
            let id = of_partition(&table::text(&item, PARTITION))?;
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
        registration: &Registration,
        health: Health,
    ) -> Result<Health, StateError> {
        let id = &registration.id;
        let (stored, signature) = self.put_signed(id, health).await?;
        // Whoever removes a connection looks for what belongs to it once more afterwards: what was
        // put before that is found there, what was put later is found here.
        let registered = self.connection(id).await?;
        if registered.is_some_and(|one| one.registered_at == registration.registered_at) {
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
