//! The form of the special rules of a table. The rules themselves are in [`tables`](crate::tables),
//! one file per table.

use super::body::Body;
use super::context::{Context, How};
use super::refusal;
use crate::data::{Metadata, Reference, Table};
use crate::message::ApiError;
use crate::organization::{Numbering, Row};

/// The rules of one table.
#[derive(Clone, Copy)]
pub(crate) struct TableRules {
    /// The logical name of the table.
    pub table: &'static str,
    /// The choices and numbers of a new row.
    pub defaults: &'static [(&'static str, i32)],
    /// The flags that are true in a new row. All others are false.
    pub starts_true: &'static [&'static str],
    /// The columns that a row must have. Columns that only forms require are not listed.
    pub required: &'static [&'static str],
    /// The column with an automatic number.
    pub numbering: Option<Numbering>,
    /// The duplicate rules that a new organization has published. Each lists columns that must all
    /// be equal.
    pub duplicates: &'static [&'static [&'static str]],
    /// Lookups to parents. If a parent is deleted, this row is deleted with it. All other lookups
    /// are cleared.
    pub parents: &'static [&'static str],
    /// The states and status reasons.
    pub states: States,
    /// Computes columns from other columns of the same row.
    pub compute: fn(&mut Row),
    /// Completes and checks a row before it is added or changed.
    pub complete: fn(&Context<'_>, &mut Change<'_>) -> Result<(), ApiError>,
    /// Runs after a row, and everything in its body, is added or changed.
    pub after: fn(&mut Context<'_>, Reference, How) -> Result<(), ApiError>,
    /// Refuses to delete a row, if it must not be deleted.
    pub before_delete: fn(&Context<'_>, &Row) -> Result<(), ApiError>,
    /// Runs after a row is deleted.
    pub after_delete: fn(&mut Context<'_>, &Row),
    /// Removes the rows of this table that an update of their main row will replace.
    pub remove_parts: fn(&mut Context<'_>, Reference),
}

/// A row before it is written.
pub(crate) struct Change<'a> {
    /// The row as it will be.
    pub row: &'a mut Row,
    /// The row as it is. `None` if it is new.
    pub old: Option<&'a Row>,
    /// The body of the request.
    pub body: &'a Body,
    /// The reason for the write.
    pub how: How,
}

impl Change<'_> {
    /// Whether the write changes the value of the column.
    pub(crate) fn changes(&self, column: &str) -> bool {
        self.old.is_none_or(|old| old.value(column) != self.row.value(column))
    }
}

/// The states of a table: the first state of a row, and the possible changes.
#[derive(Clone, Copy)]
pub(crate) struct States {
    /// The state of a new row.
    pub initial: i32,
    /// Other states that a new row may have, if the request says so.
    pub also_initial: &'static [i32],
    /// The states in which a row cannot be edited.
    pub closed: &'static [i32],
    /// The refusal to edit a row in a closed state.
    pub refuse_edit: fn(state: i32) -> ApiError,
    /// Refuses an update from one state to another, if it is not allowed.
    pub may_follow: fn(&Context<'_>, &Row, from: i32, to: i32) -> Result<(), ApiError>,
}

impl States {
    /// Rows start in state 0 and can change to any other.
    pub(crate) const PLAIN: Self = Self {
        initial: 0,
        also_initial: &[],
        closed: &[],
        refuse_edit: |_| refusal::inactive(),
        may_follow: |_, _, _, _| Ok(()),
    };

    /// Whether a row in this state cannot be edited.
    pub(crate) fn is_closed(&self, state: i32) -> bool {
        self.closed.contains(&state)
    }
}

impl TableRules {
    /// A table without special rules.
    pub(crate) const PLAIN: Self = Self {
        table: "",
        defaults: &[],
        starts_true: &[],
        required: &[],
        numbering: None,
        duplicates: &[],
        parents: &[],
        states: States::PLAIN,
        compute: |_| {},
        complete: |_, _| Ok(()),
        after: |_, _, _| Ok(()),
        before_delete: |_, _| Ok(()),
        after_delete: |_, _| {},
        remove_parts: |_, _| {},
    };
}

/// The rules of all tables.
pub(crate) struct RuleBook {
    /// The rules, in the order of the tables in the metadata.
    rules: Vec<TableRules>,
}

impl RuleBook {
    /// A book with these rules. All other tables have the plain rules.
    pub(crate) fn new(rules: &[TableRules]) -> Self {
        let of = |table: &Table| rules.iter().find(|rules| rules.table == table.name).copied();
        let tables = Metadata::get().tables().iter();
        Self { rules: tables.map(|table| of(table).unwrap_or(TableRules::PLAIN)).collect() }
    }

    /// The rules of a table.
    pub(crate) fn of(&self, table: &Table) -> &TableRules {
        &self.rules[table.id.index()]
    }

    /// The rules of all tables with special rules.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TableRules> {
        self.rules.iter().filter(|rules| !rules.table.is_empty())
    }
}
