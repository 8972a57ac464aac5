//! Columns: their types, lengths, options, and who may write them.

use super::ids::{ColumnId, TableId};

/// Whether a value must be there.
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
    /// Its place.
    pub id: ColumnId,
    /// The name in the Web API: `fullname`, `_parentcustomerid_value`.
    pub name: String,
    /// Logical name: `fullname`, `parentcustomerid`.
    pub logical_name: String,
    /// Schema name: `FullName`.
    pub schema_name: String,
    /// What a person calls it.
    pub label: String,
    /// Its type, with what goes with it.
    pub kind: ColumnKind,
    /// Whether it must have a value.
    pub required: RequiredLevel,
    /// Whether a create may write it.
    pub valid_for_create: bool,
    /// Whether an update may write it.
    pub valid_for_update: bool,
    /// Whether the store finds rows by it without a scan.
    pub indexed: bool,
}

impl Column {
    /// Whether the organization added it (`new_…`).
    pub fn is_custom(&self) -> bool {
        self.name.starts_with("new_")
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
        /// Longest value; `None` where no length is published.
        max_length: Option<u32>,
        /// Whether it is a memo (several lines).
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
    /// An amount in the row's currency, or (`base_of`) in the organization's.
    Money {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
        /// The column this is the base currency amount of.
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
    /// `statuscode`; every option names its state.
    Status(Vec<ChoiceOption>),
    /// A point in time.
    DateTime,
    /// A day.
    Date,
    /// A link to a row.
    Lookup {
        /// The tables it may point at; abstract ones are listed as the tables they stand for.
        targets: Vec<TableId>,
    },
    /// The logical name of a table: `activitytypecode`, `objecttypecode`.
    EntityName,
    /// An image; never held here.
    Image,
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceOption {
    /// The number on the wire.
    pub value: i32,
    /// What a person sees.
    pub label: String,
    /// The state that a status reason belongs to.
    pub state: Option<i32>,
}
