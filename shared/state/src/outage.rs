//! That, for the moment, hardly any connection answers: nobody's fault, and one message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::table::{self, Expression, Key};
use crate::{State, StateError};

const WHAT: &str = "an outage";

#[derive(Serialize, Deserialize)]
struct Outage {
    since: Timestamp,
}

fn key() -> Key {
    Key::new("alerts", "outage")
}

impl State {
    /// Since when there is an outage, if there is one.
    pub async fn outage(&self) -> Result<Option<Timestamp>, StateError> {
        let item = self.table.get(&key()).await?;
        let outage: Option<Outage> = item.map(|item| table::document(WHAT, item)).transpose()?;
        Ok(outage.map(|outage| outage.since))
    }

    /// Notes that an outage has begun. Where one had begun already, this is a
    /// [`StateError::Conflict`].
    pub async fn begin_outage(&self, since: Timestamp) -> Result<(), StateError> {
        let item = key().item(WHAT, &Outage { since })?;
        let free = Expression::new("attribute_not_exists(#pk)");
        let stored = self.table.put_if(&key(), item, free).await?;
        stored.map(drop).ok_or(StateError::Conflict)
    }

    /// Notes that the outage is over.
    pub async fn end_outage(&self) -> Result<(), StateError> {
        self.table.delete_all(vec![key()]).await
    }
}
