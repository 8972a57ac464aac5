//! A record that another one points at.

use dataverse::Record;
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
}

crate::records!(Linked: id);

impl Linked {
    /// What a lookup column points at, where that can be of one kind only.
    pub fn of(record: &Record, column: &str) -> Option<Linked> {
        let lookup = record.lookup(column)?;
        Some(Linked { id: lookup.id, name: lookup.name, kind: None })
    }

    /// What a lookup column points at, and of which kind it is.
    pub fn with_kind(record: &Record, column: &str) -> Option<Linked> {
        let lookup = record.lookup(column)?;
        Some(Linked { id: lookup.id, name: lookup.name, kind: lookup.table })
    }

    /// What a lookup column points at, if it is a row of this table.
    pub fn of_table(record: &Record, column: &str, table: dataverse::Table) -> Option<Linked> {
        let linked = Linked::with_kind(record, column)?;
        (linked.kind.as_deref() == Some(table.logical_name))
            .then_some(Linked { kind: None, ..linked })
    }
}
