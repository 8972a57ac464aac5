//! The sample as it is written: rows as bodies of the Web API, table by table, in the order in which
//! they can be created. What Dataverse computes is left out.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The rows of one table.
#[derive(Deserialize)]
pub(crate) struct SampleTable {
    /// The entity set.
    pub(crate) entity_set: String,
    /// The bodies.
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// All of them.
pub(crate) fn tables() -> serde_json::Result<Vec<SampleTable>> {
    serde_json::from_str(include_str!("../../data/sample.json"))
}
