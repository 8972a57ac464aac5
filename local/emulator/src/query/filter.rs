//! Filters whose names are looked up. Binding makes them from an expression, and rows are tested
//! with them.

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
    /// Always true or always false.
    Constant(bool),
    /// Compares a property with a value.
    Compare(PropertyPath, Comparison, Value),
    /// Compares a property with another of the same row.
    CompareProperties(PropertyPath, Comparison, PropertyPath),
    /// Compares a text with a pattern.
    Like(PropertyPath, Like),
    /// Whether a date is within a period.
    Within(PropertyPath, TimeSpan),
    /// Tests the rows of a collection. The collection belongs to the row in scope `scope`.
    Lambda {
        scope: usize,
        collection: &'static CollectionNavigation,
        all: bool,
        body: Option<Box<Filter>>,
    },
}

/// A column of the row or of a related row.
#[derive(Debug, Clone)]
pub(crate) struct PropertyPath {
    /// 0 is the filtered row. Each lambda adds one.
    pub(crate) scope: usize,
    /// The lookups to follow.
    pub(crate) steps: Vec<&'static SingleNavigation>,
    /// The column at the end.
    pub(crate) column: &'static Column,
}

/// A period. `from` is included, and `to` is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan {
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}
