//! The API keys that were made over the API. They are kept by the SHA-256 of the key, never by the
//! key itself.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::partitions::{KEY, KEYS};
use crate::table::{self, Expression, Key, Put, Query, SORT};
use crate::{State, StateError};

const WHAT: &str = "an API key";

/// The sort key of the item that holds a key. It is alone in its partition.
const ITEM: &str = "key";

/// The SHA-256 of an API key, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash with these digits.
    pub fn new(sha256: &[u8; 32]) -> KeyHash {
        KeyHash(hex::encode(sha256))
    }
}

/// An API key: whose it is, and what it allows. The key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    /// Its id. Ids are in the order in which the keys were made.
    pub id: Uuid,
    /// The client that it was made for.
    pub client: String,
    /// The connections that it is bound to: ids, or `*` for all.
    pub connections: Vec<String>,
    /// What it allows: the names of scopes.
    pub scopes: Vec<String>,
    /// Whom it serves; `None` for keys that were made before that was asked.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// The tools that it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The template whose tools it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Whether its word on who a visitor is counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouches: bool,
    /// Where the id of a chat counts over the Model Context Protocol, if not in a call's own data:
    /// `header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Which of its calls somebody must have said yes to, if any: `consequences`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Whether a message is enough for that, also for what cannot be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub message_is_enough: bool,
    /// When it was made.
    pub made_at: Timestamp,
    /// The client that made it.
    pub made_by: String,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// Some keys, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<MadeKey>,
    /// The id after which to go on, if there may be more.
    pub next: Option<Uuid>,
}

/// A key's place in the list.
#[derive(Serialize, Deserialize)]
struct Place {
    id: Uuid,
    sha256: KeyHash,
}

impl Place {
    fn key(id: Uuid) -> Key {
        Key::new(KEYS.key, id.to_string())
    }
}

fn item_key(hash: &KeyHash) -> Key {
    Key::new(KEY.of(&hash.0), ITEM)
}

fn absent() -> Expression {
    Expression::new("attribute_not_exists(#pk)")
}

impl State {
    /// Who has the key with this hash, if there is one.
    pub async fn key_of_hash(&self, hash: &KeyHash) -> Result<Option<MadeKey>, StateError> {
        let item = self.table.get(&item_key(hash)).await?;
        item.map(|item| table::document(WHAT, item)).transpose()
    }

    /// One key, with its hash.
    pub async fn key(&self, id: Uuid) -> Result<Option<(KeyHash, MadeKey)>, StateError> {
        let Some(item) = self.table.get(&Place::key(id)).await? else { return Ok(None) };
        let Place { sha256, .. } = table::document(WHAT, item)?;
        Ok(self.key_of_hash(&sha256).await?.map(|key| (sha256, key)))
    }

    /// Up to `limit` keys, from after this one on. There may be fewer where a page has more: one that
    /// was not made to its end is left out.
    pub async fn keys_page(
        &self,
        limit: usize,
        after: Option<Uuid>,
    ) -> Result<KeyPage, StateError> {
        let query = Query {
            partition: KEYS.key.to_owned(),
            consistent: true,
            limit: Some(limit),
            after: after.map(|id| id.to_string()),
            ..Query::default()
        };
        let rows = self.table.query(query).await?;
        let places = table::documents::<Place>(WHAT, rows.items);
        let items = places.iter().map(|place| item_key(&place.sha256)).collect();
        let mut keys: Vec<MadeKey> = table::documents(WHAT, self.table.get_all(items).await?);
        keys.sort_by_key(|key| key.id);
        Ok(KeyPage { keys, next: rows.after.and_then(|id| id.parse().ok()) })
    }

    /// Adds a key. Its place in the list comes first, so that every key that works is in the list.
    ///
    /// # Errors
    ///
    /// [`StateError::Conflict`] if there is a key of this id or hash.
    pub async fn add_key(&self, hash: &KeyHash, key: &MadeKey) -> Result<(), StateError> {
        let place = Place { id: key.id, sha256: hash.clone() };
        for (at, item) in [
            (Place::key(key.id), Place::key(key.id).item(WHAT, &place)?),
            (item_key(hash), item_key(hash).item(WHAT, key)?),
        ] {
            self.table.put_if(&at, item, absent()).await?.ok_or(StateError::Conflict)?;
        }
        Ok(())
    }

    /// Replaces a key by a changed one.
    ///
    /// # Errors
    ///
    /// [`StateError::Gone`] if it has been revoked, [`StateError::Conflict`] if somebody else has
    /// changed it since `before`.
    pub async fn change_key(
        &self,
        hash: &KeyHash,
        before: &MadeKey,
        changed: &MadeKey,
    ) -> Result<(), StateError> {
        let key = item_key(hash);
        let changed_at = AttributeValue::S(before.changed_at.to_string());
        let condition = Expression::new("#changed_at = :before").with("before", changed_at);
        match self.table.put_or_see(&key, key.item(WHAT, changed)?, condition).await? {
            Put::Done(_) => Ok(()),
            Put::Refused(there) if there.contains_key(SORT) => Err(StateError::Conflict),
            Put::Refused(_) => Err(StateError::Gone),
        }
    }

    /// Revokes a key: it stops working at once, and leaves the list then. Returns whether there was
    /// one.
    pub async fn revoke_key(&self, id: Uuid) -> Result<bool, StateError> {
        let Some(item) = self.table.get(&Place::key(id)).await? else { return Ok(false) };
        let Place { sha256, .. } = table::document(WHAT, item)?;
        self.table.delete_all(vec![item_key(&sha256)]).await?;
        self.table.delete_all(vec![Place::key(id)]).await?;
        Ok(true)
    }
}
