//! The common rule of contacts, leads and users: their full names.

use crate::data::Value;
use crate::organization::Row;

/// Sets the full name: "First Last", the name format of an English organization.
pub(super) fn name(row: &mut Row) {
    let parts = ["firstname", "middlename", "lastname"];
    let full: Vec<&str> = parts.iter().filter_map(|part| row.value(part).as_text()).collect();
    let full = full.join(" ");
    let value = if full.is_empty() { Value::Null } else { Value::text(full) };
    row.set_value("yomifullname", value.clone());
    row.set_value("fullname", value);
}
