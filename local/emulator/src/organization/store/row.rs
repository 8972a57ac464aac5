//! One row.

use crate::data::{ColumnId, Table, TableId};
use crate::data::{Reference, Value};
use uuid::Uuid;

/// A row. It only stores the values that exist: a table has up to 300 columns, and a row uses a
/// dozen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The table of the row.
    pub table: TableId,
    /// The primary key of the row.
    pub id: Uuid,
    version: u64,
    values: Vec<(ColumnId, Value)>,
}

impl Row {
    /// An empty row. It has its key and, if it is an activity, its type.
    pub fn new(table: &Table, id: Uuid) -> Self {
        let mut row = Self { table: table.id, id, version: 0, values: Vec::new() };
        row.set(table.key, Value::Guid(id));
        if let Some(base) = table.base.map(TableId::table) {
            // A user is an owner, too: its `ownerid` and its `systemuserid` are the same.
            row.set(base.key, Value::Guid(id));
            if let Some(kind) = table.column("activitytypecode") {
                row.set(kind.id, Value::text(&table.name));
            }
        }
        row
    }

    /// The table and the key of the row.
    pub fn reference(&self) -> Reference {
        Reference { table: self.table, id: self.id }
    }

    /// The number in the ETag of the row.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The weak ETag of the row.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version())
    }

    /// The value of a column, or [`Value::Null`] if there is none.
    pub fn get(&self, column: ColumnId) -> &Value {
        match self.place(column) {
            Ok(index) => &self.values[index].1,
            Err(_) => &Value::Null,
        }
    }

    /// The value of a column by its Web API name. It is null if the table has no such column.
    pub fn value(&self, column: &str) -> &Value {
        match self.table.table().column(column) {
            Some(column) => self.get(column.id),
            None => &Value::Null,
        }
    }

    /// Sets a column.
    pub fn set(&mut self, column: ColumnId, value: Value) {
        match (self.place(column), value.is_null()) {
            (Ok(index), true) => {
                self.values.remove(index);
            }
            (Ok(index), false) => self.values[index].1 = value,
            (Err(_), true) => {}
            (Err(index), false) => self.values.insert(index, (column, value)),
        }
    }

    /// Sets a column by its Web API name. Returns false if the table has no such column.
    pub fn set_value(&mut self, column: &str, value: Value) -> bool {
        let found = self.table.table().column(column);
        if let Some(column) = found {
            self.set(column.id, value);
        }
        found.is_some()
    }

    /// The values of the row, in the order of the columns.
    pub fn values(&self) -> impl Iterator<Item = (ColumnId, &Value)> {
        self.values.iter().map(|(column, value)| (*column, value))
    }

    /// The name that people see: the primary name of the row.
    pub fn name(&self) -> Option<&str> {
        self.table.table().primary_name.and_then(|column| self.get(column).as_text())
    }

    pub(super) fn set_version(&mut self, version: u64) {
        self.version = version;
        let number = i64::try_from(version).unwrap_or(i64::MAX);
        self.set_value("versionnumber", Value::BigInteger(number));
    }

    fn place(&self, column: ColumnId) -> Result<usize, usize> {
        self.values.binary_search_by_key(&column, |(id, _)| *id)
    }
}
