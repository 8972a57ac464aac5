//! Outages: at times, hardly any connection answers, or hardly any of one region. No connection is
//! at fault then, and people get one message for all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::partitions::ALERTS;
use crate::table::{self, Expression, Key, Query};
use crate::{State, StateError};

const WHAT: &str = "an outage";
const ALL: &str = "outage";

/// An outage that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The region that is down; `None` if all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When it began.
    pub since: Timestamp,
}

fn key(region: Option<&str>) -> Key {
    let sort = region.map_or_else(|| ALL.to_owned(), |region| format!("{ALL}#{region}"));
    Key::new(ALERTS.key, sort)
}

impl State {
    /// The outages that are going on, the one of all regions first.
    pub async fn outages(&self) -> Result<Vec<Outage>, StateError> {
        let query = Query {
            partition: key(None).partition,
            // The names of regions are parts of host names, which sort before `~`.
            between: Some((ALL.to_owned(), format!("{ALL}#~"))),
            consistent: true,
            ..Query::default()
        };
        Ok(table::documents(WHAT, self.table.all_of(query).await?))
    }

    /// Notes that an outage has begun. If it had begun already, this is a [`StateError::Conflict`].
    pub async fn begin_outage(&self, outage: &Outage) -> Result<(), StateError> {
        let key = key(outage.region.as_deref());
        let free = Expression::new("attribute_not_exists(#pk)");
        let stored = self.table.put_if(&key, key.item(WHAT, outage)?, free).await?;
        stored.map(drop).ok_or(StateError::Conflict)
    }

    /// Notes that the outage is over.
    pub async fn end_outage(&self, region: Option<&str>) -> Result<(), StateError> {
        self.table.delete_all(vec![key(region)]).await
    }
}
