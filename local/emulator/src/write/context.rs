//! What every write needs at hand: the rows, who writes, and when.

use std::sync::Arc;

use jiff::Timestamp;

use super::{money, refusal};
use crate::data::{Metadata, Reference, Value};
use crate::message::ApiError;
use crate::organization::{Caller, Numbers, Row, Store, platform};

/// On whose behalf a write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A request asks for it.
    Request {
        /// `MSCRM.SuppressDuplicateDetection: false` was sent.
        detect_duplicates: bool,
    },
    /// An action does it: it may set states that a request may not.
    Action,
    /// The sample is being filled in: rows are taken as they are.
    Sample,
}

impl How {
    /// A plain request.
    pub(crate) const REQUEST: Self = Self::Request { detect_duplicates: false };

    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::Request { .. })
    }
}

/// The rows, one caller and one moment.
pub(crate) struct Context<'a> {
    /// The rows.
    pub store: &'a mut Store,
    /// Who writes.
    pub caller: &'a Caller,
    /// When, in whole seconds.
    pub now: Timestamp,
    /// The automatic numbers.
    pub numbers: &'a Numbers,
}

impl Context<'_> {
    /// The row, or the refusal that it is not there.
    pub(crate) fn find(&self, reference: Reference) -> Result<Arc<Row>, ApiError> {
        let found = self.store.follow(reference).cloned();
        found.ok_or_else(|| ApiError::no_such_row(&reference.table.table().name, reference.id))
    }

    /// The row that a lookup of a row leads to.
    pub(crate) fn follow(&self, row: &Row, lookup: &str) -> Option<Arc<Row>> {
        self.store.follow(row.value(lookup).as_reference()?).cloned()
    }

    /// The rows that point at a row by a lookup.
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

    /// Puts a changed row in the place of the old one, as a change by the caller.
    pub(crate) fn replace(&mut self, mut row: Row) {
        row.set_value("modifiedon", Value::DateTime(self.now));
        self.stamp(&mut row, "_modifiedby_value");
        money::set_base_amounts(self.store, &mut row);
        self.store.update(row.reference(), |current| *current = row);
    }

    /// Adds a row that is complete.
    pub(crate) fn insert(&mut self, row: Row) -> Result<Reference, ApiError> {
        let row = self.store.insert(row).map_err(|_| refusal::key_exists())?;
        Ok(row.reference())
    }

    /// Sets a user lookup to the caller.
    pub(super) fn stamp(&self, row: &mut Row, column: &str) {
        if let Some(caller) = platform::user(self.caller.user) {
            row.set_value(column, Value::Reference(caller));
        }
    }
}
