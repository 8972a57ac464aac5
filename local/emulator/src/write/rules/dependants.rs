//! What happens to the rows that point at a row that is deleted.

use crate::data::{ColumnId, Metadata, Table};
use crate::data::{Reference, Value};
use crate::write::Writer;

/// A row that points at a deleted one.
pub(crate) enum Dependant {
    /// Goes with it.
    Owned(Reference),
    /// Stays, and its lookup is emptied.
    Linked(Reference, ColumnId),
}

/// The rows that point at this one. Parts of a row (lines, parties, notes, activities about it) go
/// with it, and so do a customer's contacts, cases and opportunities; those relationships are
/// parental in Dataverse. All others lose the link.
pub(crate) fn dependants(writer: &Writer<'_>, to: Reference) -> Vec<Dependant> {
    let mut found = Vec::new();
    for table in Metadata::get().tables().iter().filter(|table| !table.is_abstract) {
        for column in table.columns().iter().filter(|column| column.targets().contains(&to.table)) {
            let value = Value::Reference(to);
            let ids = writer.store.ids_by_index(table, column.id, &value).unwrap_or_default();
            for id in ids {
                let row = Reference { table: table.id, id };
                found.push(if is_parental(table, &column.logical_name) {
                    Dependant::Owned(row)
                } else {
                    Dependant::Linked(row, column.id)
                });
            }
        }
    }
    found
}

fn is_parental(table: &Table, lookup: &str) -> bool {
    match (table.name.as_str(), lookup) {
        ("annotation", "objectid")
        | ("activityparty", "activityid")
        | ("quotedetail", "quoteid")
        | ("opportunityproduct", "opportunityid")
        | ("productpricelevel", "productid" | "pricelevelid")
        | ("incidentresolution", "incidentid")
        | ("opportunityclose", "opportunityid")
        | ("quoteclose", "quoteid")
        | ("contact", "parentcustomerid")
        | ("incident" | "opportunity", "customerid") => true,
        (_, "regardingobjectid") => table.is_activity,
        _ => false,
    }
}
