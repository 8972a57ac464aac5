//! Duplicate detection: the published rules of the organization, and the rows that they find.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Deserialize;

use super::store::{Row, Store};
use crate::data::{ColumnId, Metadata, Table, TableId, Value};

/// A rule that a control call adds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedRule {
    /// The table whose rows are checked.
    table: String,
    /// The table with the rows that they may duplicate.
    matching: String,
    /// Pairs of columns, one from each table. All pairs must be equal.
    columns: Vec<(String, String)>,
}

/// A published rule. A row is a duplicate of another if all these columns are equal and none is
/// empty.
#[derive(Clone, Debug)]
struct DuplicateRule {
    table: TableId,
    matching: TableId,
    columns: Vec<(ColumnId, ColumnId)>,
}

/// The published rules of an organization.
#[derive(Debug)]
pub(crate) struct DuplicateRules {
    from_the_start: Vec<DuplicateRule>,
    added: Vec<DuplicateRule>,
}

impl DuplicateRules {
    /// Rules within one table each: the columns that must all be equal. The error is an unknown
    /// name.
    pub(crate) fn new<'n>(
        rules: impl IntoIterator<Item = (&'n str, &'n [&'n str])>,
    ) -> Result<Self, String> {
        let rules = rules.into_iter().map(|(table, columns)| {
            DuplicateRule::of(table, table, columns.iter().map(|column| (*column, *column)))
        });
        Ok(Self { from_the_start: rules.collect::<Result<_, _>>()?, added: Vec::new() })
    }

    /// Replaces the rules that were added before. The error is an unknown name.
    pub(crate) fn add(&mut self, added: &[AddedRule]) -> Result<(), String> {
        let rules = added.iter().map(|AddedRule { table, matching, columns }| {
            let columns = columns.iter().map(|(one, other)| (one.as_str(), other.as_str()));
            DuplicateRule::of(table, matching, columns)
        });
        self.added = rules.collect::<Result<_, String>>()?;
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = &DuplicateRule> {
        self.from_the_start.iter().chain(&self.added)
    }

    /// Whether a row is a duplicate of another. An update is only checked if it changes a column of
    /// a rule.
    pub(crate) fn duplicates(&self, store: &Store, row: &Row, old: Option<&Row>) -> bool {
        let mut rules = self.all().filter(|rule| rule.concerns(row, old));
        rules.any(|rule| rule.matches(store, row).next().is_some())
    }

    /// The rows of a table that this row would duplicate, in the order of their keys.
    pub(crate) fn duplicated<'s>(
        &self,
        store: &'s Store,
        row: &Row,
        matching: &Table,
    ) -> Vec<&'s Arc<Row>> {
        let rules =
            self.all().filter(|rule| rule.matching == matching.id && rule.concerns(row, None));
        let mut found: Vec<_> = rules.flat_map(|rule| rule.matches(store, row)).collect();
        found.sort_unstable_by_key(|row| row.id);
        found.dedup_by_key(|row| row.id);
        found
    }
}

impl DuplicateRule {
    fn of<'n>(
        table: &str,
        matching: &str,
        columns: impl Iterator<Item = (&'n str, &'n str)>,
    ) -> Result<Self, String> {
        let (table, matching) = (table_named(table)?, table_named(matching)?);
        let columns = columns
            .map(|(one, other)| Ok((column_named(table, one)?, column_named(matching, other)?)))
            .collect::<Result<Vec<_>, String>>()?;
        if columns.is_empty() {
            return Err("columns: a rule without columns matches nothing".to_owned());
        }
        Ok(Self { table: table.id, matching: matching.id, columns })
    }

    /// Whether the rule applies to the row: to a new row, or to a change of `old`.
    fn concerns(&self, row: &Row, old: Option<&Row>) -> bool {
        let changed =
            |old: &Row| self.columns.iter().any(|(one, _)| old.get(*one) != row.get(*one));
        row.table == self.table
            && self.columns.iter().all(|(one, _)| !row.get(*one).is_null())
            && old.is_none_or(changed)
    }

    /// The rows that the row duplicates. Inactive rows are skipped, because the published rules
    /// exclude them.
    fn matches<'s>(&self, store: &'s Store, row: &Row) -> impl Iterator<Item = &'s Arc<Row>> {
        self.candidates(store, row).into_iter().filter(|other| {
            other.reference() != row.reference()
                && other.value("statecode") == &Value::Integer(0)
                && self.columns.iter().all(|(one, column)| {
                    other.get(*column).compare(row.get(*one)) == Some(Ordering::Equal)
                })
        })
    }

    /// The rows that an index finds by one of the columns, or all rows if none of them has an
    /// index.
    fn candidates<'s>(&self, store: &'s Store, row: &Row) -> Vec<&'s Arc<Row>> {
        let table = self.matching.table();
        let indexed = self
            .columns
            .iter()
            .find_map(|(one, column)| store.ids_by_index(table, *column, row.get(*one)));
        match indexed {
            Some(ids) => ids.into_iter().filter_map(|id| store.get(table, id)).collect(),
            None => store.scan(table, None).collect(),
        }
    }
}

fn table_named(name: &str) -> Result<&'static Table, String> {
    let found = Metadata::get().table(name).filter(|table| !table.is_abstract);
    found.ok_or_else(|| format!("unknown table '{name}'"))
}

fn column_named(table: &Table, name: &str) -> Result<ColumnId, String> {
    let found = table.column(name).map(|column| column.id);
    found.ok_or_else(|| format!("unknown column '{name}' of table '{}'", table.name))
}
