//! The rows that point at a deleted row.

use super::rules::RuleBook;
use crate::data::{ColumnId, Metadata, Reference, Value};
use crate::organization::Store;

/// A row that points at a deleted row.
pub(super) enum Dependant {
    /// The row is deleted, too.
    Owned(Reference),
    /// The row stays, and its lookup is cleared.
    Linked(Reference, ColumnId),
}

/// The rows that point at this row.
pub(super) fn dependants(store: &Store, rules: &RuleBook, to: Reference) -> Vec<Dependant> {
    let mut found = Vec::new();
    for table in Metadata::get().tables().iter().filter(|table| !table.is_abstract) {
        let parents = rules.of(table).parents;
        for column in table.columns().iter().filter(|column| column.targets().contains(&to.table)) {
            let value = Value::Reference(to);
            let ids = store.ids_by_index(table, column.id, &value).unwrap_or_default();
            for id in ids {
                let row = Reference { table: table.id, id };
                found.push(if parents.contains(&column.logical_name.as_str()) {
                    Dependant::Owned(row)
                } else {
                    Dependant::Linked(row, column.id)
                });
            }
        }
    }
    found
}
