//! Tables, and the relationships between them.

use std::collections::HashMap;
use std::fmt;

use super::column::Column;
use super::ids::{ColumnId, TableId};

/// The kind of owner that rows have.
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

/// The Dynamics 365 app that adds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// The table exists in every environment.
    Base,
    /// The table comes with Dynamics 365 Sales.
    Sales,
    /// The table comes with Dynamics 365 Customer Service.
    Service,
    /// The table comes with either of the two.
    SalesOrService,
}

/// A table.
pub struct Table {
    /// The place of the table in the metadata.
    pub id: TableId,
    /// Logical name: `contact`.
    pub name: String,
    /// Schema name: `Contact`.
    pub schema_name: String,
    /// Entity set name: `contacts`.
    pub entity_set: String,
    /// The label of one row.
    pub label: String,
    /// The label of several rows.
    pub plural_label: String,
    /// Object type code: 2 for contact.
    pub object_type_code: i32,
    /// The kind of owner of its rows.
    pub ownership: Ownership,
    /// The app that adds the table.
    pub app: App,
    /// The last part of its privilege names, such as `Note` in `prvReadNote`.
    pub privilege: String,
    /// Whether the table is abstract and has no rows of its own: `activitypointer`, `principal`.
    pub is_abstract: bool,
    /// Whether its rows are activities: `task`, `email`, …, and their base.
    pub is_activity: bool,
    /// Whether its rows are only written together with the row that they are part of:
    /// `activityparty`.
    pub is_part: bool,
    /// Whether a URL may start with the table, and lists of tables show it: all but `principal`.
    pub is_addressable: bool,
    /// The parties that its rows may have, if they are activities with parties.
    pub parties: Option<Parties>,
    /// The base table: `activitypointer` for `phonecall`.
    pub base: Option<TableId>,
    /// Tables that have this one as base.
    pub derived: Vec<TableId>,
    /// The primary key column.
    pub key: ColumnId,
    /// The primary name column. A few tables have none.
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

    /// The column with this name in the Web API: `fullname`, `_parentcustomerid_value`.
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

    /// The single-valued navigation properties: lookups as links.
    pub fn single_navigations(&self) -> &[SingleNavigation] {
        &self.single
    }

    /// The collection-valued navigation properties.
    pub fn collection_navigations(&self) -> &[CollectionNavigation] {
        &self.collections
    }

    /// The single-valued navigation property with this name. Upper and lower case matter.
    pub fn single_navigation(&self, name: &str) -> Option<&SingleNavigation> {
        self.single_names.get(name).map(|index| &self.single[*index])
    }

    /// The collection-valued navigation property with this name. Upper and lower case matter.
    pub fn collection_navigation(&self, name: &str) -> Option<&CollectionNavigation> {
        self.collection_names.get(name).map(|index| &self.collections[*index])
    }

    /// The tables whose rows a reference to this table may point at: for an abstract table its
    /// derived tables, otherwise the table itself.
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

/// The parties that an activity may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// The values of `participationtypemask` that a request may give a party.
    pub masks: Vec<i32>,
    /// Whether a party may be an address that belongs to no record.
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

/// A lookup as a link: `$expand` reads it, and `@odata.bind` writes it.
#[derive(Debug)]
pub struct SingleNavigation {
    /// The name, in which upper and lower case matter: `customerid_contact`.
    pub name: String,
    /// The lookup column it reads: `_customerid_value`.
    pub column: ColumnId,
    /// The table that it leads to, which may be abstract.
    pub target: TableId,
    /// The collection on the other side.
    pub partner: Option<String>,
}

/// A collection of rows on the other side of a relationship.
#[derive(Debug)]
pub struct CollectionNavigation {
    /// The name, in which upper and lower case matter: `contact_customer_accounts`.
    pub name: String,
    /// The table of its rows, which may be abstract.
    pub target: TableId,
    /// How the rows are found.
    pub relationship: Relationship,
}

/// How the two sides of a collection are connected.
#[derive(Debug)]
pub enum Relationship {
    /// The rows on the other side have a lookup to the row on this side.
    OneToMany {
        /// This lookup column, in the target table.
        lookup: ColumnId,
        /// The single-valued navigation property on the other side.
        partner: String,
    },
    /// Both sides are connected through an intersect table.
    ManyToMany {
        /// Name shared by both sides.
        name: String,
    },
}
