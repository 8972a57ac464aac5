//! The sample data as it is written in its file. The rows are bodies of the Web API, table by
//! table, in an order in which they can be created. Values that Dataverse computes are left out.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The rows of one table.
#[derive(Deserialize)]
pub(crate) struct SampleTable {
    /// The name of the entity set.
    pub(crate) entity_set: String,
    /// The bodies of the rows.
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// The sample rows of all tables.
pub(crate) fn tables() -> serde_json::Result<Vec<SampleTable>> {
    serde_json::from_str(include_str!("../../data/sample.json"))
}
