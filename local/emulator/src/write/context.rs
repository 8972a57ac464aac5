//! The context of every write: the rows, the user who writes, and the time.

use std::sync::Arc;

use jiff::Timestamp;

use super::{money, refusal};
use crate::data::{Metadata, Reference, Value};
use crate::message::ApiError;
use crate::organization::{Access, Caller, Numbers, Row, Store, platform};

/// The reason for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A request asks for it.
    Request {
        /// Whether `MSCRM.SuppressDuplicateDetection: false` was sent.
        detect_duplicates: bool,
    },
    /// An action does it. It may set states that a request may not set.
    Action,
    /// The sample is being loaded. Its rows are accepted unchanged.
    Sample,
}

impl How {
    /// A request without duplicate detection.
    pub(crate) const REQUEST: Self = Self::Request { detect_duplicates: false };

    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::Request { .. })
    }
}

/// The rows, one caller and one point in time.
pub(crate) struct Context<'a> {
    /// The rows.
    pub store: &'a mut Store,
    /// The user who writes.
    pub caller: &'a Caller,
    /// The time of the write, in whole seconds.
    pub now: Timestamp,
    /// The automatic numbers.
    pub numbers: &'a Numbers,
}

impl Context<'_> {
    /// The row, or the refusal that it does not exist.
    pub(crate) fn find(&self, reference: Reference) -> Result<Arc<Row>, ApiError> {
        let found = self.store.follow(reference).cloned();
        found.ok_or_else(|| ApiError::no_such_row(&reference.table.table().name, reference.id))
    }

    /// Checks that the caller may do this with a row.
    pub(crate) fn may(&self, access: Access, row: &Row) -> Result<(), ApiError> {
        self.caller.require_row(access, self.store, row)
    }

    /// The row that a lookup of a row points at.
    pub(crate) fn follow(&self, row: &Row, lookup: &str) -> Option<Arc<Row>> {
        self.store.follow(row.value(lookup).as_reference()?).cloned()
    }

    /// The rows that point at a row with this lookup.
    pub(crate) fn pointing_at(&self, table: &str, lookup: &str, to: Reference) -> Vec<Arc<Row>> {
        let Some(table) = Metadata::get().table(table) else { return Vec::new() };
        let Some(column) = table.column(lookup) else { return Vec::new() };
        let value = Value::Reference(to);
        let ids = self.store.ids_by_index(table, column.id, &value).unwrap_or_default();
        ids.into_iter()
            .filter_map(|id| self.store.get(table, id))
            .filter(|row| row.get(column.id) == &value)
            .cloned()
            .collect()
    }

    /// Replaces the old row with the changed one. The change is recorded as the caller's.
    pub(crate) fn replace(&mut self, mut row: Row) {
        row.set_value("modifiedon", Value::DateTime(self.now));
        self.stamp(&mut row, "_modifiedby_value");
        money::set_base_amounts(self.store, &mut row);
        self.store.update(row.reference(), |current| *current = row);
    }

    /// Adds a complete row.
    pub(crate) fn insert(&mut self, row: Row) -> Result<Reference, ApiError> {
        let row = self.store.insert(row).map_err(|_| refusal::key_exists())?;
        Ok(row.reference())
    }

    /// Sets a lookup for users to the caller.
    pub(super) fn stamp(&self, row: &mut Row, column: &str) {
        if let Some(caller) = platform::user(self.caller.user) {
            row.set_value(column, Value::Reference(caller));
        }
    }
}
