//! The rows, their indexes, and the journal that undoes a failed transaction.
//!
//! The store itself maintains every index, so no writer can forget one. Abstract tables
//! (`activitypointer`) have no rows. Reading an abstract table reads its derived tables.

mod index;
mod row;
#[cfg(test)]
mod tests;

pub use row::Row;

use crate::data::{ColumnId, Metadata, Table, TableId};
use crate::data::{Reference, Value};
use index::Index;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The error that a row with this primary key already exists.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of {} with id {} exists", .0.table.table().name, .0.id)]
pub struct Occupied(pub Reference);

/// All rows of the organization.
pub struct Store {
    tables: Vec<TableRows>,
    /// The links of many-to-many relationships. They are kept in both directions.
    links: HashMap<(String, Uuid), BTreeSet<Uuid>>,
    last_version: u64,
    journal: Vec<Undo>,
    open_transactions: usize,
    visited: AtomicU64,
}

#[derive(Clone)]
struct TableRows {
    rows: BTreeMap<Uuid, Arc<Row>>,
    indexes: HashMap<ColumnId, Index>,
}

enum Undo {
    /// The row as it was before. `None` if it did not exist.
    Row(Reference, Option<Arc<Row>>),
    /// Whether the two rows were linked before.
    Link(String, Uuid, Uuid, bool),
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        let tables = Metadata::get().tables().iter().map(TableRows::new).collect();
        Self {
            tables,
            links: HashMap::new(),
            // The start could be any number. In real organizations it is in the millions.
            last_version: 1_000_000,
            journal: Vec::new(),
            open_transactions: 0,
            visited: AtomicU64::new(0),
        }
    }

    /// A copy of the rows and links, which can be changed separately.
    pub fn copy(&self) -> Self {
        Self {
            tables: self.tables.clone(),
            links: self.links.clone(),
            last_version: self.last_version,
            ..Self::new()
        }
    }

    /// A copy of the rows that `kept` keeps.
    pub fn only(&self, kept: impl Fn(&Arc<Row>) -> bool) -> Self {
        let mut copy = self.copy();
        for table in &self.tables {
            for row in table.rows.values().filter(|row| !kept(row)) {
                copy.take(row.reference());
            }
        }
        copy
    }

    /// A row by its primary key. For an abstract table, this finds rows of its derived tables.
    pub fn get(&self, table: &Table, id: Uuid) -> Option<&Arc<Row>> {
        let found = if table.is_abstract {
            table.derived.iter().find_map(|derived| self.rows(*derived).get(&id))
        } else {
            self.rows(table.id).get(&id)
        };
        if found.is_some() {
            self.visit(1);
        }
        found
    }

    /// The row that a lookup points at.
    pub fn follow(&self, reference: Reference) -> Option<&Arc<Row>> {
        self.get(reference.table.table(), reference.id)
    }

    /// How many rows the table has.
    pub fn len(&self, table: &Table) -> usize {
        table.concrete().iter().map(|id| self.rows(*id).len()).sum()
    }

    /// All rows of the table in the order of their keys. If `after` is given, only rows after this
    /// key.
    pub fn scan(
        &self,
        table: &Table,
        after: Option<Uuid>,
    ) -> Box<dyn Iterator<Item = &Arc<Row>> + '_> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut parts: Vec<_> = table
            .concrete()
            .into_iter()
            .map(|id| self.rows(id).range((start, Bound::Unbounded)).peekable())
            .collect();
        Box::new(std::iter::from_fn(move || {
            let next = parts
                .iter_mut()
                .filter_map(|part| part.peek().map(|(id, _)| **id).map(|id| (id, part)))
                .min_by_key(|(id, _)| *id)
                .and_then(|(_, part)| part.next());
            next.map(|(_, row)| {
                self.visit(1);
                row
            })
        }))
    }

    /// The number of rows with this value in an indexed column. `None` if the column has no index.
    /// The column belongs to the table or to its base.
    pub fn count_by_index(&self, table: &Table, column: ColumnId, value: &Value) -> Option<usize> {
        let counts = table.concrete().into_iter().map(|id| {
            let index = self.tables[id.index()].indexes.get(&column)?;
            Some(index.find(value).map_or(0, BTreeSet::len))
        });
        counts.sum()
    }

    /// The keys of the rows with this value in an indexed column, in order. `None` if the column
    /// has no index. This visits no row.
    pub fn ids_by_index(
        &self,
        table: &Table,
        column: ColumnId,
        value: &Value,
    ) -> Option<Vec<Uuid>> {
        let mut ids = Vec::new();
        let tables = table.concrete();
        for id in &tables {
            let index = self.tables[id.index()].indexes.get(&column)?;
            ids.extend(index.find(value).into_iter().flatten().copied());
        }
        if tables.len() > 1 {
            ids.sort_unstable();
        }
        Some(ids)
    }

    /// The keys of the rows whose indexed text starts with the prefix. Case and accents make no
    /// difference. `None` if the column has no text index.
    pub fn ids_by_prefix(
        &self,
        table: &Table,
        column: ColumnId,
        prefix: &str,
    ) -> Option<Vec<Uuid>> {
        let mut ids = Vec::new();
        for id in table.concrete() {
            ids.extend(self.tables[id.index()].indexes.get(&column)?.find_prefix(prefix)?);
        }
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    /// Adds a row under its own key, with the next version number.
    pub fn insert(&mut self, mut row: Row) -> Result<Arc<Row>, Occupied> {
        let reference = row.reference();
        let table = reference.table.table();
        // The key of an activity must be unique among all activities.
        let space = table.base.map_or(table, TableId::table);
        if let Some(present) = self.get(space, row.id) {
            return Err(Occupied(present.reference()));
        }
        row.set_version(self.next_version());
        Ok(self.put(row))
    }

    /// Changes a row and gives it the next version number. `None` if the row does not exist.
    pub fn update(
        &mut self,
        reference: Reference,
        change: impl FnOnce(&mut Row),
    ) -> Option<Arc<Row>> {
        let mut row = Row::clone(self.follow(reference)?);
        change(&mut row);
        row.set_version(self.next_version());
        Some(self.put(row))
    }

    /// Removes a row and its many-to-many links. The caller must handle the rows that point at it.
    pub fn delete(&mut self, reference: Reference) -> Option<Arc<Row>> {
        let row = self.take(reference)?;
        let linked: Vec<(String, Uuid)> = self
            .links
            .iter()
            .filter(|((_, id), _)| *id == reference.id)
            .flat_map(|((name, _), others)| others.iter().map(|other| (name.clone(), *other)))
            .collect();
        for (name, other) in linked {
            self.unlink(&name, reference.id, other);
        }
        self.remember(Undo::Row(reference, Some(Arc::clone(&row))));
        Some(row)
    }

    /// Links two rows in a many-to-many relationship. Returns false if they were already linked.
    pub fn link(&mut self, relationship: &str, one: Uuid, other: Uuid) -> bool {
        let added = self.set_link(relationship, one, other, true);
        if added {
            self.remember(Undo::Link(relationship.to_owned(), one, other, false));
        }
        added
    }

    /// Removes a link. Returns false if there was none.
    pub fn unlink(&mut self, relationship: &str, one: Uuid, other: Uuid) -> bool {
        let removed = self.set_link(relationship, one, other, false);
        if removed {
            self.remember(Undo::Link(relationship.to_owned(), one, other, true));
        }
        removed
    }

    /// The rows that a row is linked to in a many-to-many relationship.
    pub fn linked(&self, relationship: &str, id: Uuid) -> Vec<Uuid> {
        let others = self.links.get(&(relationship.to_owned(), id));
        others.into_iter().flatten().copied().collect()
    }

    /// Does the work completely or not at all: if it returns an `Err`, its changes are undone.
    /// Transactions can be nested.
    pub fn transaction<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let mark = self.journal.len();
        self.open_transactions += 1;
        let outcome = work(self);
        self.open_transactions -= 1;
        if outcome.is_err() {
            self.undo_to(mark);
        }
        if self.open_transactions == 0 {
            self.journal.clear();
        }
        outcome
    }

    /// The number of rows that were visited since the store was made. Tests use it to tell a scan
    /// from an index.
    #[cfg(test)]
    pub fn visited(&self) -> u64 {
        self.visited.load(Ordering::Relaxed)
    }

    fn visit(&self, rows: u64) {
        self.visited.fetch_add(rows, Ordering::Relaxed);
    }

    fn rows(&self, table: TableId) -> &BTreeMap<Uuid, Arc<Row>> {
        &self.tables[table.index()].rows
    }

    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }

    fn put(&mut self, row: Row) -> Arc<Row> {
        let row = Arc::new(row);
        let before = self.take(row.reference());
        self.remember(Undo::Row(row.reference(), before));
        self.place(Arc::clone(&row));
        row
    }

    fn place(&mut self, row: Arc<Row>) {
        let rows = &mut self.tables[row.table.index()];
        for (column, index) in &mut rows.indexes {
            index.add(row.get(*column), row.id);
        }
        rows.rows.insert(row.id, row);
    }

    fn take(&mut self, reference: Reference) -> Option<Arc<Row>> {
        let rows = &mut self.tables[reference.table.index()];
        let row = rows.rows.remove(&reference.id)?;
        for (column, index) in &mut rows.indexes {
            index.remove(row.get(*column), row.id);
        }
        Some(row)
    }

    fn set_link(&mut self, relationship: &str, one: Uuid, other: Uuid, linked: bool) -> bool {
        let mut changed = false;
        for (from, to) in [(one, other), (other, one)] {
            let others = self.links.entry((relationship.to_owned(), from)).or_default();
            changed |= if linked { others.insert(to) } else { others.remove(&to) };
        }
        changed
    }

    fn remember(&mut self, undo: Undo) {
        if self.open_transactions > 0 {
            self.journal.push(undo);
        }
    }

    fn undo_to(&mut self, mark: usize) {
        for undo in self.journal.split_off(mark).into_iter().rev() {
            match undo {
                Undo::Row(reference, before) => {
                    self.take(reference);
                    if let Some(row) = before {
                        self.place(row);
                    }
                }
                Undo::Link(relationship, one, other, linked) => {
                    self.set_link(&relationship, one, other, linked);
                }
            }
        }
    }
}

impl TableRows {
    fn new(table: &Table) -> Self {
        let indexed = table.columns().iter().filter(|column| column.indexed);
        let indexes = indexed.map(|column| (column.id, Index::new(&column.kind))).collect();
        Self { rows: BTreeMap::new(), indexes }
    }
}
