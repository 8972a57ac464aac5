//! A record that another one points at.

use crate::visible::Visible;
use dataverse::Record;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A record that another one points at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct Linked {
    /// The id of the record.
    #[verified]
    pub id: Uuid,
    /// Its name.
    #[verified]
    pub name: Option<String>,
    /// What kind of record it is, where it may be of several kinds: `contact` or `account`.
    #[serde(rename = "type")]
    #[verified]
    pub kind: Option<String>,
}

crate::records!(Linked: id);

impl Linked {
    /// The record in a lookup column that can only point at one table.
    pub fn of(record: &Record, column: &str) -> Option<Linked> {
        let lookup = record.lookup(column)?;
        Some(Linked { id: lookup.id, name: lookup.name, kind: None })
    }

    /// The record in a lookup column, with the name of its table.
    pub fn with_kind(record: &Record, column: &str) -> Option<Linked> {
        let lookup = record.lookup(column)?;
        Some(Linked { id: lookup.id, name: lookup.name, kind: lookup.table })
    }

    /// The record in a lookup column, if it is a row of this table.
    pub fn of_table(record: &Record, column: &str, table: dataverse::Table) -> Option<Linked> {
        let linked = Linked::with_kind(record, column)?;
        (linked.kind.as_deref() == Some(table.logical_name))
            .then_some(Linked { kind: None, ..linked })
    }
}
