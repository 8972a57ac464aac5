//! Columns: their types, lengths and options, and when they may be written.

use super::ids::{ColumnId, TableId};

/// Whether a column must have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredLevel {
    /// Optional.
    None,
    /// Recommended by the forms.
    Recommended,
    /// Required by the forms; the Web API does not enforce it.
    Application,
    /// Required by the platform.
    System,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// The place of the column in its table.
    pub id: ColumnId,
    /// The name in the Web API, such as `fullname` or `_parentcustomerid_value`.
    pub name: String,
    /// The logical name, such as `fullname` or `parentcustomerid`.
    pub logical_name: String,
    /// The schema name, such as `FullName`.
    pub schema_name: String,
    /// The label that people see.
    pub label: String,
    /// The type, with its details.
    pub kind: ColumnKind,
    /// Whether the column must have a value.
    pub required: RequiredLevel,
    /// Whether a create may write the column.
    pub valid_for_create: bool,
    /// Whether an update may write the column.
    pub valid_for_update: bool,
    /// Whether the store has an index on the column.
    pub indexed: bool,
}

impl Column {
    /// Whether the organization added the column (`new_…`).
    pub fn is_custom(&self) -> bool {
        self.name.starts_with("new_")
    }

    /// The status reason of a state if a request names none: the first in the list of this column.
    pub(crate) fn default_status(&self, state: i32) -> i32 {
        let mut of_state = self.options().iter().filter(|option| option.state == Some(state));
        of_state.next().map_or(0, |option| option.value)
    }

    /// The options of a choice, state or status column.
    pub fn options(&self) -> &[ChoiceOption] {
        match &self.kind {
            ColumnKind::Choice(options)
            | ColumnKind::State(options)
            | ColumnKind::Status(options) => options,
            _ => &[],
        }
    }

    /// The label of an option value.
    pub fn option_label(&self, value: i32) -> Option<&str> {
        self.options().iter().find(|option| option.value == value).map(|o| o.label.as_str())
    }

    /// The tables that a lookup may point at.
    pub fn targets(&self) -> &[TableId] {
        match &self.kind {
            ColumnKind::Lookup { targets } => targets,
            _ => &[],
        }
    }

    /// Whether it is a lookup.
    pub fn is_lookup(&self) -> bool {
        matches!(self.kind, ColumnKind::Lookup { .. })
    }

    /// The type that `$metadata` and error messages name.
    pub fn edm_type(&self) -> &'static str {
        match self.kind {
            ColumnKind::Guid | ColumnKind::Lookup { .. } => "Edm.Guid",
            ColumnKind::Text { .. } | ColumnKind::EntityName => "Edm.String",
            ColumnKind::Integer { .. }
            | ColumnKind::Choice(_)
            | ColumnKind::State(_)
            | ColumnKind::Status(_) => "Edm.Int32",
            ColumnKind::BigInteger => "Edm.Int64",
            ColumnKind::Decimal { .. } | ColumnKind::Money { .. } => "Edm.Decimal",
            ColumnKind::Double => "Edm.Double",
            ColumnKind::Boolean { .. } => "Edm.Boolean",
            ColumnKind::DateTime => "Edm.DateTimeOffset",
            ColumnKind::Date => "Edm.Date",
            ColumnKind::Image => "Edm.Binary",
        }
    }
}

/// A column's type.
#[derive(Debug)]
pub enum ColumnKind {
    /// A primary key or another identifier.
    Guid,
    /// Text of at most `max_length` UTF-16 code units.
    Text {
        /// The longest value. `None` if no length is published.
        max_length: Option<u32>,
        /// Whether it is a memo, with several lines.
        multiline: bool,
    },
    /// A whole number.
    Integer {
        /// Smallest value.
        min: i32,
        /// Largest value.
        max: i32,
    },
    /// A 64-bit whole number; `versionnumber`.
    BigInteger,
    /// A decimal number.
    Decimal {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A floating point number.
    Double,
    /// An amount in the row's currency. With `base_of`, it is in the organization's currency.
    Money {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
        /// The column whose amount this column holds in the base currency.
        base_of: Option<ColumnId>,
    },
    /// Yes or no.
    Boolean {
        /// Label of `false`.
        no: String,
        /// Label of `true`.
        yes: String,
    },
    /// A choice.
    Choice(Vec<ChoiceOption>),
    /// `statecode`.
    State(Vec<ChoiceOption>),
    /// `statuscode`. Each of its options belongs to a state.
    Status(Vec<ChoiceOption>),
    /// A point in time.
    DateTime,
    /// A day.
    Date,
    /// A link to a row.
    Lookup {
        /// The tables that it may point at. An abstract table is listed as the tables that it
        /// stands for.
        targets: Vec<TableId>,
    },
    /// The logical name of a table: `activitytypecode`, `objecttypecode`.
    EntityName,
    /// An image. Its content is never stored here.
    Image,
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceOption {
    /// The number in requests and answers.
    pub value: i32,
    /// The label that people see.
    pub label: String,
    /// The state that a status reason belongs to.
    pub state: Option<i32>,
}
