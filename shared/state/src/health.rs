//! The health of a connection at its last check.

use std::collections::HashMap;

use auth::ConnectionId;
use auth::health::Health;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::partitions::CONNECTION;
use crate::table::{self, Expression, Key, PARTITION};
use crate::{Registration, State, StateError};

const WHAT: &str = "health";
const SORT_KEY: &str = "health";

fn key(id: &ConnectionId) -> Key {
    Key::new(CONNECTION.of(id), SORT_KEY)
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
            let id = CONNECTION.id(&table::text(&item, PARTITION))?.parse().ok()?;
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
        registration: &Registration,
        health: Health,
    ) -> Result<Health, StateError> {
        let id = &registration.id;
        let (stored, signature) = self.put_signed(id, health).await?;
        // A removal deletes the connection, and then looks once more for what belongs to it. So it
        // finds what was put before that. What is put later is found here.
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
