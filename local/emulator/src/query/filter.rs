//! Filters whose names are known: what binding makes of an expression, and rows are tested with.

use jiff::Timestamp;

use super::like::Like;
use super::syntax::Comparison;
use crate::data::{CollectionNavigation, Column, SingleNavigation, Value};

/// A filter whose names are known to exist and whose types fit.
#[derive(Debug)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// Always true, or always false.
    Constant(bool),
    /// A property against a value.
    Compare(PropertyPath, Comparison, Value),
    /// A property against another of the same row.
    CompareProperties(PropertyPath, Comparison, PropertyPath),
    /// Text against a pattern.
    Like(PropertyPath, Like),
    /// A date within a span of time.
    Within(PropertyPath, TimeSpan),
    /// Rows of a collection, of the row in scope `scope`.
    Lambda {
        scope: usize,
        collection: &'static CollectionNavigation,
        all: bool,
        body: Option<Box<Filter>>,
    },
}

/// A column, perhaps of a related row.
#[derive(Debug, Clone)]
pub(crate) struct PropertyPath {
    /// 0 is the row that is filtered; each lambda adds one.
    pub(crate) scope: usize,
    /// The lookups to follow.
    pub(crate) steps: Vec<&'static SingleNavigation>,
    /// The column at the end.
    pub(crate) column: &'static Column,
}

/// A span of time: from (included) to (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan {
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}
