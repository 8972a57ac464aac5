//! What the organization's tables are made of: columns, options and relationships.
//!
//! Everything the emulator accepts or refuses by name is decided here. The facts live in
//! `data/metadata.json`; they are parsed and linked once per process.

mod load;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

static METADATA: LazyLock<Metadata> = LazyLock::new(load::embedded);

/// All tables of the organization.
pub struct Metadata {
    tables: Vec<Table>,
    by_name: HashMap<&'static str, TableId>,
    by_entity_set: HashMap<&'static str, TableId>,
}

impl Metadata {
    /// The tables, parsed on first use.
    pub fn get() -> &'static Self {
        &METADATA
    }

    /// Every table, abstract ones included.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table with this logical name, such as `contact`.
    pub fn table(&self, logical_name: &str) -> Option<&Table> {
        self.by_name.get(logical_name).map(|id| &self.tables[id.index()])
    }

    /// The table with this entity set name, such as `contacts`. Names are case-sensitive.
    pub fn entity_set(&self, name: &str) -> Option<&Table> {
        self.by_entity_set.get(name).map(|id| &self.tables[id.index()])
    }
}

/// A table's place in the metadata; cheap to copy, compare and keep in rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(u8);

impl TableId {
    /// The table that this id stands for.
    pub fn table(self) -> &'static Table {
        &Metadata::get().tables[self.index()]
    }

    /// Position in [`Metadata::tables`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.table().name)
    }
}

/// A column's place in its table. A derived table (`phonecall`) has the columns of its base
/// (`activitypointer`) at the same places, so that a base column reads rows of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(u16);

impl ColumnId {
    /// Position in [`Table::columns`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// A user or a team owns it.
    User,
    /// A business unit owns it.
    Business,
    /// The organization owns it.
    Organization,
    /// It belongs to a parent row, or to nobody.
    None,
}

/// The Dynamics 365 app that brings a table along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// There in every environment.
    Base,
    /// There with Dynamics 365 Sales.
    Sales,
    /// There with Dynamics 365 Customer Service.
    Service,
    /// There with either of the two.
    SalesOrService,
}

/// A table.
pub struct Table {
    /// Its place.
    pub id: TableId,
    /// Logical name: `contact`.
    pub name: String,
    /// Schema name: `Contact`.
    pub schema_name: String,
    /// Entity set name: `contacts`.
    pub entity_set: String,
    /// What a person calls one row.
    pub label: String,
    /// What a person calls several.
    pub plural_label: String,
    /// Object type code: 2 for contact.
    pub object_type_code: i32,
    /// Who owns its rows.
    pub ownership: Ownership,
    /// The app that brings it.
    pub app: App,
    /// Last part of its privilege names: `Note` in `prvReadNote`.
    pub privilege: String,
    /// Abstract tables have no rows of their own: `activitypointer`, `principal`.
    pub is_abstract: bool,
    /// Base table: `activitypointer` of `phonecall`.
    pub base: Option<TableId>,
    /// Tables that have this one as base.
    pub derived: Vec<TableId>,
    /// Primary key column.
    pub key: ColumnId,
    /// Primary name column; a few tables have none.
    pub primary_name: Option<ColumnId>,
    columns: Vec<Column>,
    single: Vec<SingleNavigation>,
    collections: Vec<CollectionNavigation>,
    column_names: HashMap<&'static str, ColumnId>,
    logical_names: HashMap<&'static str, ColumnId>,
    single_names: HashMap<&'static str, usize>,
    collection_names: HashMap<&'static str, usize>,
}

impl Table {
    /// Every column.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column that the Web API calls so: `fullname`, `_parentcustomerid_value`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.column_names.get(name).map(|id| self.at(*id))
    }

    /// The column with this logical name: `fullname`, `parentcustomerid`.
    pub fn column_by_logical_name(&self, name: &str) -> Option<&Column> {
        self.logical_names.get(name).map(|id| self.at(*id))
    }

    /// The column at a place.
    pub fn at(&self, id: ColumnId) -> &Column {
        &self.columns[id.index()]
    }

    /// The primary key column.
    pub fn key_column(&self) -> &Column {
        self.at(self.key)
    }

    /// The primary name column.
    pub fn primary_name_column(&self) -> Option<&Column> {
        self.primary_name.map(|id| self.at(id))
    }

    /// Single-valued navigation properties (lookups seen as links).
    pub fn single_navigations(&self) -> &[SingleNavigation] {
        &self.single
    }

    /// Collection-valued navigation properties.
    pub fn collection_navigations(&self) -> &[CollectionNavigation] {
        &self.collections
    }

    /// The single-valued navigation property of that name. Names are case-sensitive.
    pub fn single_navigation(&self, name: &str) -> Option<&SingleNavigation> {
        self.single_names.get(name).map(|index| &self.single[*index])
    }

    /// The collection-valued navigation property of that name. Names are case-sensitive.
    pub fn collection_navigation(&self, name: &str) -> Option<&CollectionNavigation> {
        self.collection_names.get(name).map(|index| &self.collections[*index])
    }

    /// The tables whose rows a reference to this table may hold: the derived tables of an
    /// abstract one, else the table itself.
    pub fn concrete(&self) -> Vec<TableId> {
        if self.is_abstract { self.derived.clone() } else { vec![self.id] }
    }

    /// Whether rows of `other` count as rows of this table.
    pub fn covers(&self, other: TableId) -> bool {
        self.id == other || self.derived.contains(&other)
    }

    /// Whether this is an activity: `task`, `email`, …, or their base.
    pub fn is_activity(&self) -> bool {
        self.name == "activitypointer" || self.base.is_some_and(|base| base.table().is_activity())
    }

    /// The full type name: `Microsoft.Dynamics.CRM.contact`.
    pub fn type_name(&self) -> String {
        format!("Microsoft.Dynamics.CRM.{}", self.name)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Table({})", self.name)
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Table {}

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

/// A lookup as a link: read with `$expand`, written with `@odata.bind`.
#[derive(Debug)]
pub struct SingleNavigation {
    /// The case-sensitive name: `customerid_contact`.
    pub name: String,
    /// The lookup column it reads: `_customerid_value`.
    pub column: ColumnId,
    /// The table it leads to; may be abstract.
    pub target: TableId,
    /// The collection on the other side.
    pub partner: Option<String>,
}

/// A collection of rows on the other side of a relationship.
#[derive(Debug)]
pub struct CollectionNavigation {
    /// The case-sensitive name: `contact_customer_accounts`.
    pub name: String,
    /// The table of its rows; may be abstract.
    pub target: TableId,
    /// How the rows are found.
    pub relationship: Relationship,
}

/// How the two sides of a collection belong together.
#[derive(Debug)]
pub enum Relationship {
    /// The rows on the other side have a lookup to this one.
    OneToMany {
        /// That lookup column, in the target table.
        lookup: ColumnId,
        /// The single-valued navigation property on the other side.
        partner: String,
    },
    /// Both sides are linked through an intersect table.
    ManyToMany {
        /// Name shared by both sides.
        name: String,
    },
}
