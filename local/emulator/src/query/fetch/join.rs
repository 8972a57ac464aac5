//! Finds the rows of a query: joins tables, and tests what was joined.

use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::Arc;

use super::query::{Node, Place, Query, Sort, Test};
use super::refusal;
use super::tree::{Join, Quantifier};
use crate::data::{Table, Value};
use crate::message::ApiError;
use crate::organization::{Row, Store};
use crate::query::evaluate::{compares, passes};
use crate::query::plan::candidates;

/// A row of the result: a row of each table of the query. A row is missing where an outer join
/// found none, and where a table is only asked about.
pub(super) type Tuple<'s> = Vec<Option<&'s Arc<Row>>>;

/// How many rows one query may join. Dataverse ends a query after two minutes.
const BUDGET: usize = 500_000;

/// Carries out one query.
pub(super) struct Joiner<'s, 'q> {
    store: &'s Store,
    query: &'q Query,
    /// How many rows may still be joined.
    budget: Cell<usize>,
}

impl<'s, 'q> Joiner<'s, 'q> {
    pub(super) fn new(store: &'s Store, query: &'q Query) -> Self {
        Self { store, query, budget: Cell::new(BUDGET) }
    }

    /// All rows of the result, in the order of the keys of the first table.
    pub(super) fn rows(&self) -> Result<Vec<Tuple<'s>>, ApiError> {
        let table = self.query.sources[0].table;
        let rows: Box<dyn Iterator<Item = &'s Arc<Row>>> =
            match candidates(self.store, table, &self.query.narrow) {
                Some(ids) => Box::new(ids.into_iter().filter_map(|id| self.store.get(table, id))),
                None => self.store.scan(table, None),
            };
        let mut found = Vec::new();
        for row in rows {
            if !passes(self.store, &mut vec![&**row], &self.query.narrow) {
                continue;
            }
            let mut tuple: Tuple<'s> = vec![None; self.query.sources.len()];
            tuple[0] = Some(row);
            for joined in self.all(tuple, &self.query.joins)? {
                if self.passes(&self.query.sources[0].test, &joined)? {
                    found.push(joined);
                }
            }
        }
        Ok(found)
    }

    /// Joins all of these tables to a row of the result.
    fn all(&self, tuple: Tuple<'s>, joins: &[Node<Join>]) -> Result<Vec<Tuple<'s>>, ApiError> {
        let mut tuples = vec![tuple];
        for node in joins {
            let mut next = Vec::new();
            for tuple in tuples {
                next.extend(self.one(tuple, node)?);
            }
            tuples = next;
        }
        Ok(tuples)
    }

    fn one(&self, tuple: Tuple<'s>, node: &Node<Join>) -> Result<Vec<Tuple<'s>>, ApiError> {
        let mut found = Vec::new();
        for row in self.partners(&tuple, node) {
            self.spend()?;
            let mut joined = tuple.clone();
            joined[node.source] = Some(row);
            if self.passes(&self.query.sources[node.source].test, &joined)? {
                found.extend(self.all(joined, &node.inner)?);
            }
            match node.kind {
                Join::Exists if !found.is_empty() => return Ok(vec![tuple]),
                Join::First if !found.is_empty() => {
                    found.truncate(1);
                    return Ok(found);
                }
                _ => {}
            }
        }
        if found.is_empty() && node.kind == Join::Outer {
            found.push(tuple);
        }
        Ok(found)
    }

    /// The rows of the joined table whose column is equal.
    fn partners<K>(&self, tuple: &Tuple<'s>, node: &Node<K>) -> Vec<&'s Arc<Row>> {
        let table = self.query.sources[node.source].table;
        let value = read(tuple, node.to);
        equal(self.store, table, node, value)
    }

    fn passes(&self, test: &Test, tuple: &Tuple<'s>) -> Result<bool, ApiError> {
        Ok(match test {
            Test::And(parts) => {
                for part in parts {
                    if !self.passes(part, tuple)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Or(parts) => {
                for part in parts {
                    if self.passes(part, tuple)? {
                        return Ok(true);
                    }
                }
                false
            }
            // Where a row is missing, all its columns are empty.
            Test::Of(source, filter) => {
                let mut rows: Vec<&Row> = tuple[*source].map(|row| &**row).into_iter().collect();
                passes(self.store, &mut rows, filter)
            }
            Test::Columns(left, comparison, right) => {
                let (left, right) = (read(tuple, *left), read(tuple, *right));
                !(left.is_null() && right.is_null()) && compares(left, *comparison, right)
            }
            Test::Linked(node) => self.answers(tuple, node)?,
        })
    }

    /// Answers a question about the rows of another table.
    fn answers(&self, tuple: &Tuple<'s>, node: &Node<Quantifier>) -> Result<bool, ApiError> {
        let (mut there, mut matching) = (false, false);
        for row in self.partners(tuple, node) {
            self.spend()?;
            there = true;
            let mut joined = tuple.clone();
            joined[node.source] = Some(row);
            let passed = self.passes(&self.query.sources[node.source].test, &joined)?
                && !self.all(joined, &node.inner)?.is_empty();
            if passed {
                matching = true;
                break;
            }
        }
        Ok(match node.kind {
            Quantifier::Any => matching,
            Quantifier::NotAny => !matching,
            Quantifier::All => there && !matching,
        })
    }

    fn spend(&self) -> Result<(), ApiError> {
        match self.budget.get().checked_sub(1) {
            None => Err(refusal::timeout()),
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
        }
    }
}

/// A value of a row of the result. It is null if the row is missing.
pub(super) fn read<'s>(tuple: &Tuple<'s>, place: Place) -> &'s Value {
    tuple[place.source].map_or(&Value::Null, |row| row.get(place.column.id))
}

fn equal<'s, K>(
    store: &'s Store,
    table: &'static Table,
    node: &Node<K>,
    value: &Value,
) -> Vec<&'s Arc<Row>> {
    if value.is_null() {
        return Vec::new();
    }
    let column = node.from.id;
    if column == table.key {
        return value.as_id().and_then(|id| store.get(table, id)).into_iter().collect();
    }
    let same = |row: &&Arc<Row>| row.get(column).compare(value) == Some(Ordering::Equal);
    match store.ids_by_index(table, column, value) {
        Some(ids) => ids.into_iter().filter_map(|id| store.get(table, id)).filter(same).collect(),
        None => store.scan(table, None).filter(same).collect(),
    }
}

/// Sorts the rows of the result. Rows that are equal stay in order.
pub(super) fn sort(store: &Store, tuples: &mut [Tuple<'_>], order: &[Sort<Place>], raw: bool) {
    if order.is_empty() {
        return;
    }
    tuples.sort_by(|left, right| {
        let orders = order.iter().map(|sort| {
            let key = |tuple: &Tuple<'_>| sort_key(store, read(tuple, sort.key), sort.key, raw);
            let order = key(left).sort_order(&key(right));
            if sort.descending { order.reverse() } else { order }
        });
        orders.into_iter().find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
}

/// The value that a column is sorted by: the name of a lookup, and the label of an option.
pub(super) fn sort_key(store: &Store, value: &Value, place: Place, raw: bool) -> Value {
    match value {
        Value::Reference(reference) => {
            store.follow(*reference).and_then(|row| row.name()).map_or(Value::Null, Value::text)
        }
        Value::Integer(number) if !raw => match place.column.option_label(*number) {
            Some(label) => Value::text(label),
            None => value.clone(),
        },
        value => value.clone(),
    }
}
