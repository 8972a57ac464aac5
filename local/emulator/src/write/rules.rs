//! What is special of a table: the form that the rules of every table have. The rules themselves
//! are in [`tables`](crate::tables), one file per table.

use super::body::Body;
use super::context::{Context, How};
use super::refusal;
use crate::data::{Metadata, Reference, Table};
use crate::message::ApiError;
use crate::organization::{Numbering, Row};

/// The rules of one table.
#[derive(Clone, Copy)]
pub(crate) struct TableRules {
    /// The logical name.
    pub table: &'static str,
    /// Choices and numbers that a new row starts with.
    pub defaults: &'static [(&'static str, i32)],
    /// Flags that a new row starts with as true; all others start as false.
    pub starts_true: &'static [&'static str],
    /// Columns without which a row is refused. What forms require is the forms' affair.
    pub required: &'static [&'static str],
    /// The column that the organization numbers.
    pub numbering: Option<Numbering>,
    /// The rules for duplicates that are published from the start: the columns that must all be
    /// equal.
    pub duplicates: &'static [&'static [&'static str]],
    /// Lookups to rows that take this one with them when they are deleted; all other lookups are
    /// emptied.
    pub parents: &'static [&'static str],
    /// States and status reasons.
    pub states: States,
    /// Computes columns that follow from others of the same row.
    pub compute: fn(&mut Row),
    /// Completes and checks a row that is about to be added or changed.
    pub complete: fn(&Context<'_>, &mut Change<'_>) -> Result<(), ApiError>,
    /// What follows once a row, and everything that its body brought along, is added or changed.
    pub after: fn(&mut Context<'_>, Reference, How) -> Result<(), ApiError>,
    /// Refuses a deletion.
    pub before_delete: fn(&Context<'_>, &Row) -> Result<(), ApiError>,
    /// What follows once a row is gone.
    pub after_delete: fn(&mut Context<'_>, &Row),
    /// Removes the rows of this table that an update of the row they are part of replaces.
    pub remove_parts: fn(&mut Context<'_>, Reference),
}

/// A row that is about to be written.
pub(crate) struct Change<'a> {
    /// As it will be.
    pub row: &'a mut Row,
    /// As it is; `None` if it is new.
    pub old: Option<&'a Row>,
    /// What the request says.
    pub body: &'a Body,
    /// On whose behalf.
    pub how: How,
}

impl Change<'_> {
    /// Whether the write gives the column another value than it has.
    pub(crate) fn changes(&self, column: &str) -> bool {
        self.old.is_none_or(|old| old.value(column) != self.row.value(column))
    }
}

/// The states of a table: where its rows start, and how they may go on.
#[derive(Clone, Copy)]
pub(crate) struct States {
    /// Where a new row starts.
    pub initial: i32,
    /// Where a new row may start as well, if the request says so.
    pub also_initial: &'static [i32],
    /// States in which a row takes no edits.
    pub closed: &'static [i32],
    /// The refusal to edit a row in a closed state.
    pub refuse_edit: fn(state: i32) -> ApiError,
    /// Refuses an update that leads from one state to another.
    pub may_follow: fn(&Context<'_>, &Row, from: i32, to: i32) -> Result<(), ApiError>,
}

impl States {
    /// Rows start in state 0 and go wherever they like.
    pub(crate) const PLAIN: Self = Self {
        initial: 0,
        also_initial: &[],
        closed: &[],
        refuse_edit: |_| refusal::inactive(),
        may_follow: |_, _, _, _| Ok(()),
    };

    /// Whether rows in this state take no edits.
    pub(crate) fn is_closed(&self, state: i32) -> bool {
        self.closed.contains(&state)
    }
}

impl TableRules {
    /// Nothing is special of the table.
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
    /// In the order of the metadata's tables.
    rules: Vec<TableRules>,
}

impl RuleBook {
    /// A book of these rules; a table without any has the plain ones.
    pub(crate) fn new(rules: &[TableRules]) -> Self {
        let of = |table: &Table| rules.iter().find(|rules| rules.table == table.name).copied();
        let tables = Metadata::get().tables().iter();
        Self { rules: tables.map(|table| of(table).unwrap_or(TableRules::PLAIN)).collect() }
    }

    /// The rules of a table.
    pub(crate) fn of(&self, table: &Table) -> &TableRules {
        &self.rules[table.id.index()]
    }

    /// The rules of every table that has any.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TableRules> {
        self.rules.iter().filter(|rules| !rules.table.is_empty())
    }
}
