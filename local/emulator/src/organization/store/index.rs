//! Finds rows by the value of a column.

use crate::data::ColumnKind;
use crate::data::value::{Value, fold_whole};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use uuid::Uuid;

/// An index of one column. It does not contain nulls.
#[derive(Clone)]
pub(super) enum Index {
    /// By text in the form for comparisons, sorted, so that prefixes can be found too.
    Text(BTreeMap<Box<str>, BTreeSet<Uuid>>),
    /// By id: lookups, and keys of other systems.
    Id(HashMap<Uuid, BTreeSet<Uuid>>),
}

impl Index {
    pub(super) fn new(kind: &ColumnKind) -> Self {
        match kind {
            ColumnKind::Guid | ColumnKind::Lookup { .. } => Self::Id(HashMap::new()),
            _ => Self::Text(BTreeMap::new()),
        }
    }

    pub(super) fn add(&mut self, value: &Value, row: Uuid) {
        match (self, value) {
            (Self::Text(rows), Value::Text(text)) => {
                rows.entry(fold_whole(text).into()).or_default().insert(row);
            }
            (Self::Id(rows), value) => {
                if let Some(id) = value.as_id() {
                    rows.entry(id).or_default().insert(row);
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, value: &Value, row: Uuid) {
        match (self, value) {
            (Self::Text(rows), Value::Text(text)) => {
                let key: Box<str> = fold_whole(text).into();
                if let Some(found) = rows.get_mut(&key) {
                    found.remove(&row);
                    if found.is_empty() {
                        rows.remove(&key);
                    }
                }
            }
            (Self::Id(rows), value) => {
                if let Some(id) = value.as_id()
                    && let Some(found) = rows.get_mut(&id)
                {
                    found.remove(&row);
                    if found.is_empty() {
                        rows.remove(&id);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn find(&self, value: &Value) -> Option<&BTreeSet<Uuid>> {
        match (self, value) {
            (Self::Text(rows), Value::Text(text)) => rows.get(&*fold_whole(text)),
            (Self::Id(rows), value) => rows.get(&value.as_id()?),
            _ => None,
        }
    }

    /// The rows whose text starts with the prefix. `None` if this is not a text index.
    pub(super) fn find_prefix(&self, prefix: &str) -> Option<Vec<Uuid>> {
        let Self::Text(rows) = self else { return None };
        let prefix = fold_whole(prefix);
        let from = rows.range::<str, _>((Bound::Included(&*prefix), Bound::Unbounded));
        let matching = from.take_while(|(key, _)| key.starts_with(&*prefix));
        Some(matching.flat_map(|(_, ids)| ids.iter().copied()).collect())
    }
}
