//! Where the scheduled check goes on if a run had no time for every connection.

use auth::ConnectionId;
use serde::{Deserialize, Serialize};

use crate::partitions::CHECKS;
use crate::table::{self, Key};
use crate::{State, StateError};

const WHAT: &str = "where the checks go on";

#[derive(Serialize, Deserialize)]
struct Place {
    next: ConnectionId,
}

fn key() -> Key {
    Key::new(CHECKS.key, "place")
}

impl State {
    /// The first connection that the last run had no time for; `None` if it checked all.
    pub async fn next_to_check(&self) -> Result<Option<ConnectionId>, StateError> {
        let item = self.table.get(&key()).await?;
        let place: Option<Place> = item.map(|item| table::document(WHAT, item)).transpose()?;
        Ok(place.map(|place| place.next))
    }

    /// Stores the connection with which the next run begins.
    pub async fn put_next_to_check(&self, next: Option<&ConnectionId>) -> Result<(), StateError> {
        match next {
            Some(next) => self.table.put(key().item(WHAT, &Place { next: next.clone() })?).await,
            None => self.table.delete_all(vec![key()]).await,
        }
    }
}
