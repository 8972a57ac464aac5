//! The places of tables and columns in the metadata. They are cheap to copy, to compare and to keep
//! in rows.

/// The place of a table in the metadata.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub(super) u8);

impl TableId {
    /// Position in the list of all tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The place of a column in its table. A derived table (`phonecall`) has the columns of its base
/// (`activitypointer`) at the same places, so a column of the base can be read from rows of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub(super) u16);

impl ColumnId {
    /// Position in [`Table::columns`](super::Table::columns).
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
