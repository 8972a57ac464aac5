//! Tables, and how they belong together.

use std::collections::HashMap;
use std::fmt;

use super::column::Column;
use super::ids::{ColumnId, TableId};

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
    /// Whether its rows are activities: `task`, `email`, …, and their base.
    pub is_activity: bool,
    /// Whether its rows are written along with the row that they are part of, and never alone:
    /// `activityparty`.
    pub is_part: bool,
    /// Whether a URL may start at it and lists of tables show it: all but `principal`.
    pub is_addressable: bool,
    /// Who takes part in its rows, where they are activities with parties.
    pub parties: Option<Parties>,
    /// Base table: `activitypointer` of `phonecall`.
    pub base: Option<TableId>,
    /// Tables that have this one as base.
    pub derived: Vec<TableId>,
    /// Primary key column.
    pub key: ColumnId,
    /// Primary name column; a few tables have none.
    pub primary_name: Option<ColumnId>,
    pub(super) columns: Vec<Column>,
    pub(super) single: Vec<SingleNavigation>,
    pub(super) collections: Vec<CollectionNavigation>,
    pub(super) column_names: HashMap<&'static str, ColumnId>,
    pub(super) logical_names: HashMap<&'static str, ColumnId>,
    pub(super) single_names: HashMap<&'static str, usize>,
    pub(super) collection_names: HashMap<&'static str, usize>,
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

    /// The full type name: `Microsoft.Dynamics.CRM.contact`.
    pub fn type_name(&self) -> String {
        format!("Microsoft.Dynamics.CRM.{}", self.name)
    }
}

/// Who may take part in an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// The values of `participationtypemask` that a request may give a party.
    pub masks: Vec<i32>,
    /// Whether a party may be an address that belongs to no row.
    pub bare_addresses: bool,
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
