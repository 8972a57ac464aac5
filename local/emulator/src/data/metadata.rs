//! All tables of the organization. The emulator accepts or refuses every name by this metadata.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::facts::{self, FactsError};
use super::ids::TableId;
use super::link;
use super::table::Table;

static METADATA: LazyLock<Metadata> = LazyLock::new(embedded);

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

    fn load() -> Result<Self, FactsError> {
        let tables = link::tables(facts::tables()?, &facts::many_to_many()?)?;
        let by_name = tables.iter().map(|table| (link::interned(&table.name), table.id)).collect();
        let by_entity_set = tables
            .iter()
            .filter(|table| table.is_addressable)
            .map(|table| (link::interned(&table.entity_set), table.id))
            .collect();
        Ok(Self { tables, by_name, by_entity_set })
    }

    /// Every table, including the abstract ones.
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

impl TableId {
    /// The table with this id.
    pub fn table(self) -> &'static Table {
        &Metadata::get().tables[self.index()]
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.table().name)
    }
}

/// The metadata from the data files, which are part of the program. A test loads them, so an error
/// in them is found by the build and never by a user.
#[expect(clippy::expect_used, reason = "the files are embedded and a test loads them")]
fn embedded() -> Metadata {
    Metadata::load().expect("the files in data/ are consistent")
}
