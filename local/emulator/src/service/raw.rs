//! Rows as they are stored, for control calls: all columns, even those that no client may write.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::data::{Metadata, Reference, Value};
use crate::organization::{Organization, Row};
use crate::query::render::json_value;
use crate::write::body::{BodyReader, Purpose};

/// Why a control call could not set the columns of a row.
#[derive(Debug, thiserror::Error)]
pub enum SetColumnsError {
    /// There is no such table.
    #[error("unknown entity set '{0}'")]
    Table(String),
    /// There is no such row.
    #[error("there is no row {0}")]
    Row(String),
    /// A column does not exist, or takes values of another type.
    #[error("{0}")]
    Column(String),
}

/// A row as plain JSON, with every column that has a value.
fn raw(row: &Row) -> Json {
    let table = row.table.table();
    let members = row.values().map(|(column, value)| {
        let column = table.at(column);
        let json = json_value(column, value);
        (column.name.clone(), serde_json::from_str(&json).unwrap_or_default())
    });
    Json::Object(members.collect())
}

/// The rows of a table, given by its entity set. Each has all columns with a value.
pub(crate) fn rows(organization: &Organization, entity_set: &str) -> Option<Json> {
    let table = Metadata::get().entity_set(entity_set)?;
    let store = organization.store.read();
    let rows = store.scan(table, None).map(|row| raw(row)).collect::<Vec<_>>();
    Some(Json::from(rows))
}

/// Sets columns of a row to values that no client could set. Privileges, lengths, options and rules
/// are not checked. Nothing else in the row changes except its version.
pub(crate) fn set_columns(
    organization: &Organization,
    entity_set: &str,
    id: Uuid,
    columns: &Map<String, Json>,
) -> Result<(), SetColumnsError> {
    let table = Metadata::get()
        .entity_set(entity_set)
        .ok_or_else(|| SetColumnsError::Table(entity_set.to_owned()))?;
    let no_content_ids = HashMap::new();
    let reader = BodyReader {
        entity_set,
        base: "",
        content_ids: &no_content_ids,
        installed: &|_| true,
        typed_owners: true,
    };
    let body = reader
        .object(table, Purpose::Sample, columns)
        .map_err(|error| SetColumnsError::Column(error.message))?;
    if body.id.is_some() || !body.is_columns_alone() {
        return Err(SetColumnsError::Column("only columns can be set, and not the key".to_owned()));
    }
    let reference = Reference { table: table.id, id };
    let changed = organization.store.write().update(reference, |row| {
        for (column, value) in body.values {
            row.set(column, value);
        }
        for link in body.links {
            row.set(link.navigation.column, link.to.map_or(Value::Null, Value::Reference));
        }
    });
    changed.map(drop).ok_or_else(|| SetColumnsError::Row(format!("{entity_set}({id})")))
}
