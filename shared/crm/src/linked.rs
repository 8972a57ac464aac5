//! A record that another one points at.

use dataverse::{InstanceUrl, Record};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A record that another one points at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Linked {
    /// The id of the record.
    pub id: Uuid,
    /// Its name.
    pub name: Option<String>,
    /// What kind of record it is, where it may be of several kinds: `contact` or `account`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Opens it in Dynamics 365.
    pub url: Option<String>,
}

impl Linked {
    /// What a lookup column points at.
    pub fn of(record: &Record, column: &str, instance: &InstanceUrl) -> Option<Linked> {
        let lookup = record.lookup(column)?;
        let url = lookup.table.as_deref().map(|table| instance.record_page(table, lookup.id));
        Some(Linked { id: lookup.id, name: lookup.name, kind: lookup.table, url })
    }
}
