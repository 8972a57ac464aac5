//! Duplicate detection: the rules that an organization has published, and the rows they find.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Deserialize;

use super::refusal;
use crate::api::ApiError;
use crate::data::Value;
use crate::data::{ColumnId, Metadata, Table, TableId};
use crate::store::{Row, Store};

/// The rules that an organization has from the start: accounts, contacts and leads with the same
/// email address, accounts with the same name and website, contacts with the same name and
/// business phone.
const FROM_THE_START: &[(&str, &[&str])] = &[
    ("account", &["emailaddress1"]),
    ("account", &["name", "websiteurl"]),
    ("contact", &["emailaddress1"]),
    ("contact", &["fullname", "telephone1"]),
    ("lead", &["emailaddress1"]),
];

/// A rule that an organization adds, as a control call names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedRule {
    /// The table whose rows are checked.
    table: String,
    /// The table whose rows they may duplicate.
    matching: String,
    /// A column of either table, as often as must match.
    columns: Vec<(String, String)>,
}

/// A published rule: a row duplicates another where all these columns match and none is empty.
#[derive(Debug)]
struct Rule {
    table: TableId,
    matching: TableId,
    columns: Vec<(ColumnId, ColumnId)>,
}

/// The published rules of an organization.
#[derive(Debug)]
pub(crate) struct DuplicateRules(Vec<Rule>);

impl Default for DuplicateRules {
    fn default() -> Self {
        let rules = FROM_THE_START.iter().filter_map(|(table, columns)| {
            Rule::of(table, table, columns.iter().map(|column| (*column, *column))).ok()
        });
        Self(rules.collect())
    }
}

impl DuplicateRules {
    /// The rules from the start and these; says which name is unknown.
    pub(crate) fn with(added: &[AddedRule]) -> Result<Self, String> {
        let mut rules = Self::default();
        for AddedRule { table, matching, columns } in added {
            let columns = columns.iter().map(|(one, other)| (one.as_str(), other.as_str()));
            rules.0.push(Rule::of(table, matching, columns)?);
        }
        Ok(rules)
    }

    /// Refuses a row that duplicates another. An update is checked only if it changes what a rule
    /// looks at.
    pub(crate) fn refuse(
        &self,
        store: &Store,
        row: &Row,
        old: Option<&Row>,
    ) -> Result<(), ApiError> {
        let mut rules = self.0.iter().filter(|rule| rule.concerns(row, old));
        if rules.any(|rule| rule.matches(store, row).next().is_some()) {
            return Err(refusal::duplicate());
        }
        Ok(())
    }

    /// The rows of a table that this row would duplicate, in the order of their keys.
    pub(crate) fn duplicated<'s>(
        &self,
        store: &'s Store,
        row: &Row,
        matching: &Table,
    ) -> Vec<&'s Arc<Row>> {
        let rules =
            self.0.iter().filter(|rule| rule.matching == matching.id && rule.concerns(row, None));
        let mut found: Vec<_> = rules.flat_map(|rule| rule.matches(store, row)).collect();
        found.sort_unstable_by_key(|row| row.id);
        found.dedup_by_key(|row| row.id);
        found
    }
}

impl Rule {
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

    /// Whether the rule has anything to say about the row, as a new one or as a change of `old`.
    fn concerns(&self, row: &Row, old: Option<&Row>) -> bool {
        let changed =
            |old: &Row| self.columns.iter().any(|(one, _)| old.get(*one) != row.get(*one));
        row.table == self.table
            && self.columns.iter().all(|(one, _)| !row.get(*one).is_null())
            && old.is_none_or(changed)
    }

    /// Inactive rows are passed over, as the published rules exclude them.
    fn matches<'s>(&self, store: &'s Store, row: &Row) -> impl Iterator<Item = &'s Arc<Row>> {
        self.candidates(store, row).into_iter().filter(|other| {
            other.reference() != row.reference()
                && other.value("statecode") == &Value::Integer(0)
                && self.columns.iter().all(|(one, column)| {
                    other.get(*column).compare(row.get(*one)) == Some(Ordering::Equal)
                })
        })
    }

    /// The rows that an index finds by one of the columns; all of them where none has an index.
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

#[cfg(test)]
mod tests {
    use super::{DuplicateRules, FROM_THE_START};

    #[test]
    fn the_rules_from_the_start_name_tables_and_columns_that_are_there() {
        assert_eq!(DuplicateRules::default().0.len(), FROM_THE_START.len());
    }
}
