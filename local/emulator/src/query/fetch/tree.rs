//! FetchXML as it is written. Its names are not looked up yet.

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The table, with everything in its element.
    pub entity: Entity,
    /// Which part of the result is asked for.
    pub extent: Extent,
    /// Whether the total number is asked for.
    pub total: bool,
    /// Whether equal rows are shown once.
    pub distinct: bool,
    /// The most rows to aggregate. `None` if rows are not aggregated.
    pub aggregate: Option<usize>,
    /// Whether choices are sorted by their numbers and not by their labels.
    pub raw_order: bool,
}

/// The part of the result that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// The first rows.
    Top(usize),
    /// A page.
    Page {
        /// The number of the page, from 1.
        number: usize,
        /// The rows of a page. `None` for as many as possible.
        size: Option<usize>,
        /// The cookie of the page before.
        cookie: Option<String>,
    },
}

/// A table of a query, or of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// The logical name.
    pub name: String,
    /// The columns to show.
    pub columns: Columns,
    /// The filters, which must all be true.
    pub filters: Vec<Filter>,
    /// The tables that are joined to it.
    pub links: Vec<Link<Join>>,
    /// The columns to sort by.
    pub orders: Vec<Order>,
}

/// The columns to show of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// `<all-attributes/>`
    All,
    /// These. There may be none.
    Named(Vec<Attribute>),
}

/// A column to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The logical name.
    pub name: String,
    /// The name in the answer.
    pub alias: Option<String>,
    /// What is made of the column, if rows are aggregated.
    pub role: Role,
}

/// What is made of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is shown.
    Shown,
    /// Rows with the same value are a group.
    Grouped(Option<DateGrouping>),
    /// It is aggregated.
    Aggregated(Aggregate),
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Average,
    Count,
    CountColumn { distinct: bool },
    Largest,
    Smallest,
    Sum,
}

/// The part of a date that rows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateGrouping {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The logical name of a column.
    pub attribute: Option<String>,
    /// The alias of an aggregate.
    pub alias: Option<String>,
    /// The join that the column belongs to.
    pub entity: Option<String>,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// Conditions that must all be true, or of which one must be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Whether one is enough.
    pub or: bool,
    pub conditions: Vec<Condition>,
    pub filters: Vec<Filter>,
    /// Questions about rows of other tables.
    pub links: Vec<Link<Quantifier>>,
}

/// A condition of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The logical name of the column.
    pub attribute: String,
    /// The join that the column belongs to, if it is not that of the filter.
    pub entity: Option<String>,
    pub operator: String,
    pub operand: Operand,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    Values(Vec<String>),
    /// Another column, after the alias of its join if there is a dot.
    Column(String),
}

/// A table that is joined, with the two columns that must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<K> {
    /// The joined table.
    pub entity: Entity,
    /// The column of the joined table.
    pub from: String,
    /// The column of the table that it is joined to.
    pub to: String,
    pub alias: Option<String>,
    pub kind: K,
}

/// How a table is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Only rows that have a partner stay, once for each.
    Inner,
    /// Rows without a partner stay, too.
    Outer,
    /// Only rows that have a partner stay, once. The partner is not shown.
    Exists,
    /// Only rows that have a partner stay, once, with the first of their partners.
    First,
}

/// A question about the rows of another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// One of them matches. `not all` is the same.
    Any,
    /// None of them matches.
    NotAny,
    /// There are some, and none of them matches.
    All,
}
