//! Uses indexes to find the rows that can match a filter.

use uuid::Uuid;

use super::filter::{Filter, PropertyPath};
use super::syntax::Comparison;
use crate::data::{Relationship, SingleNavigation, Table, Value};
use crate::organization::Store;

/// The keys, in order, of the only rows of the table that can match. `None` if no index helps: then
/// the whole table must be scanned.
pub(crate) fn candidates(store: &Store, table: &Table, filter: &Filter) -> Option<Vec<Uuid>> {
    Planner { store, scope: 0 }.candidates(table, filter)
}

#[derive(Clone, Copy)]
struct Planner<'s> {
    store: &'s Store,
    scope: usize,
}

impl Planner<'_> {
    fn candidates(self, table: &Table, filter: &Filter) -> Option<Vec<Uuid>> {
        let ids = match filter {
            Filter::Constant(false) => Vec::new(),
            Filter::And(parts) => {
                let known =
                    parts.iter().filter_map(|part| Some((self.estimate(table, part)?, part)));
                let (_, best) = known.min_by_key(|(count, _)| *count)?;
                return self.candidates(table, best);
            }
            Filter::Or(parts) => {
                let mut ids = Vec::new();
                for part in parts {
                    ids.extend(self.candidates(table, part)?);
                }
                ids
            }
            Filter::Compare(path, Comparison::Equal, value) if !value.is_null() => {
                self.equal(table, path, value)?
            }
            Filter::Like(path, pattern) if self.own(path) && path.steps.is_empty() => {
                let prefix = pattern.prefix();
                if prefix.is_empty() {
                    return None;
                }
                self.store.ids_by_prefix(table, path.column.id, &prefix)?
            }
            Filter::Lambda { scope, collection, all: false, body: Some(body) }
                if *scope == self.scope =>
            {
                let target = collection.target.table();
                let inner = Planner { store: self.store, scope: self.scope + 1 };
                let rows = inner.candidates(target, body)?;
                match &collection.relationship {
                    Relationship::OneToMany { lookup, .. } => rows
                        .into_iter()
                        .filter_map(|id| self.store.get(target, id)?.get(*lookup).as_id())
                        .collect(),
                    Relationship::ManyToMany { name } => {
                        rows.into_iter().flat_map(|id| self.store.linked(name, id)).collect()
                    }
                }
            }
            _ => return None,
        };
        Some(sorted(ids))
    }

    /// The number of candidates. It is found without reading rows, if possible.
    fn estimate(self, table: &Table, filter: &Filter) -> Option<usize> {
        match filter {
            Filter::Compare(path, Comparison::Equal, value)
                if !value.is_null() && self.own(path) && path.steps.is_empty() =>
            {
                if path.column.id == table.key {
                    return Some(1);
                }
                self.store.count_by_index(table, path.column.id, value)
            }
            Filter::And(parts) => parts.iter().filter_map(|part| self.estimate(table, part)).min(),
            _ => self.candidates(table, filter).map(|ids| ids.len()),
        }
    }

    fn own(self, path: &PropertyPath) -> bool {
        path.scope == self.scope
    }

    /// Rows whose path ends at the value. The search goes from the end of the path back to the
    /// table.
    fn equal(self, table: &Table, path: &PropertyPath, value: &Value) -> Option<Vec<Uuid>> {
        if !self.own(path) {
            return None;
        }
        let far = path.steps.last().map_or(table, |step| step.target.table());
        let mut ids = if path.column.id == far.key {
            value.as_id().into_iter().collect()
        } else {
            self.store.ids_by_index(far, path.column.id, value)?
        };
        for (index, step) in path.steps.iter().enumerate().rev() {
            let near = match index.checked_sub(1) {
                Some(before) => path.steps[before].target.table(),
                None => table,
            };
            ids = self.pointing_at(near, step, ids)?;
        }
        Some(ids)
    }

    fn pointing_at(
        self,
        table: &Table,
        step: &SingleNavigation,
        ids: Vec<Uuid>,
    ) -> Option<Vec<Uuid>> {
        if step.column == table.key {
            return Some(ids);
        }
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.store.ids_by_index(table, step.column, &Value::Guid(id))?);
        }
        Some(found)
    }
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
