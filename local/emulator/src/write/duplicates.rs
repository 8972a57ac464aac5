//! Duplicate detection with the rules that an organization has from the start: accounts, contacts
//! and leads with the same email address, accounts with the same name and website, contacts with
//! the same name and business phone.

use super::refusal;
use crate::api::ApiError;
use crate::metadata::{Metadata, Table};
use crate::store::{Row, Store};
use crate::value::Value;

/// The columns of each published rule; the first is indexed. Rows match where all of them match
/// and none is empty.
fn rules(table: &Table) -> &'static [(&'static str, &'static [&'static str])] {
    match table.name.as_str() {
        "account" => &[("account", &["emailaddress1"]), ("account", &["name", "websiteurl"])],
        "contact" => &[("contact", &["emailaddress1"]), ("contact", &["fullname", "telephone1"])],
        "lead" => &[("lead", &["emailaddress1"])],
        _ => &[],
    }
}

/// Refuses a row that duplicates another. An update is checked only if it changes what a rule
/// looks at. Inactive rows are passed over, as the published rules exclude them.
pub(crate) fn refuse(store: &Store, row: &Row, old: Option<&Row>) -> Result<(), ApiError> {
    if find(store, row, old) { Err(refusal::duplicate()) } else { Ok(()) }
}

fn find(store: &Store, row: &Row, old: Option<&Row>) -> bool {
    rules(row.table.table()).iter().any(|(matching, columns)| {
        let changed =
            old.is_none_or(|old| columns.iter().any(|name| old.value(name) != row.value(name)));
        let complete = columns.iter().all(|name| !row.value(name).is_null());
        changed && complete && matches(store, row, matching, columns, old)
    })
}

fn matches(store: &Store, row: &Row, matching: &str, columns: &[&str], old: Option<&Row>) -> bool {
    let Some(table) = Metadata::get().table(matching) else { return false };
    let indexed = columns.first().and_then(|name| table.column(name));
    let Some(indexed) = indexed else { return false };
    let ids = store.ids_by_index(table, indexed.id, row.get(indexed.id)).unwrap_or_default();
    ids.into_iter().filter_map(|id| store.get(table, id)).any(|other| {
        let is_itself = old.is_some_and(|old| old.reference() == other.reference());
        !is_itself
            && other.value("statecode") == &Value::Integer(0)
            && columns.iter().all(|name| {
                other.value(name).compare(row.value(name)) == Some(std::cmp::Ordering::Equal)
            })
    })
}
