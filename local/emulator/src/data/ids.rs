//! The places of tables and columns in the metadata: cheap to copy, compare and keep in rows.

/// A table's place in the metadata; cheap to copy, compare and keep in rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub(super) u8);

impl TableId {
    /// Position in the list of all tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A column's place in its table. A derived table (`phonecall`) has the columns of its base
/// (`activitypointer`) at the same places, so that a base column reads rows of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub(super) u16);

impl ColumnId {
    /// Position in [`Table::columns`](super::Table::columns).
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
