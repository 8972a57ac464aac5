//! FetchXML whose names are looked up.

use super::tree::{Aggregate, DateGrouping, Join, Quantifier};
use crate::data::{Column, Table, TableId};
use crate::query::filter::Filter;
use crate::query::syntax::Comparison;

/// A query whose names are known to exist and whose types fit.
pub(super) struct Query {
    /// The tables of the query. The first is that of the URL. A row of the result has a place for a
    /// row of each of them.
    pub(super) sources: Vec<Source>,
    /// The joins of the first table, with those inside of them.
    pub(super) joins: Vec<Node<Join>>,
    /// The conditions that only concern the first table. They are taken out of its test.
    pub(super) narrow: Filter,
    /// What the result consists of.
    pub(super) shape: Shape,
    /// Every table that the query reads.
    pub(super) touched: Vec<TableId>,
}

/// A table of a query.
pub(super) struct Source {
    pub(super) table: &'static Table,
    /// The name of the join. `None` if nothing can refer to it.
    pub(super) alias: Option<String>,
    /// What its rows must pass. For the first table, this is tested after all joins.
    pub(super) test: Test,
}

/// A join, or a question about other rows.
pub(super) struct Node<K> {
    /// The joined table.
    pub(super) source: usize,
    /// The column of the joined table.
    pub(super) from: &'static Column,
    /// The table that it is joined to, and the column that must be equal.
    pub(super) to: Place,
    pub(super) kind: K,
    /// The joins inside of it.
    pub(super) inner: Vec<Node<Join>>,
}

/// A column of one of the tables.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) column: &'static Column,
}

/// A condition.
pub(super) enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    /// A condition of one table alone.
    Of(usize, Filter),
    /// A comparison of two columns.
    Columns(Place, Comparison, Place),
    /// A question about other rows.
    Linked(Box<Node<Quantifier>>),
}

/// What the result consists of.
pub(super) enum Shape {
    /// Rows.
    Rows { outputs: Vec<Output>, order: Vec<Sort<Place>> },
    /// Groups of rows, sorted by places in the list of measures.
    Groups { measures: Vec<Measure>, order: Vec<Sort<usize>> },
}

/// A column in the answer.
pub(super) struct Output {
    pub(super) place: Place,
    pub(super) name: String,
    /// Whether the name differs from the column's own. Then the answer says which column it is.
    pub(super) renamed: bool,
}

/// A value of a group.
pub(super) struct Measure {
    pub(super) place: Place,
    pub(super) alias: String,
    pub(super) kind: MeasureKind,
}

/// How the value of a group is made.
#[derive(Clone, Copy)]
pub(super) enum MeasureKind {
    Group(Option<DateGrouping>),
    Aggregate(Aggregate),
}

/// A key to sort by.
pub(super) struct Sort<K> {
    pub(super) key: K,
    pub(super) descending: bool,
}
