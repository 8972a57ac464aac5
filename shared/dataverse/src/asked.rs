//! What a query asked for, as the rows that it found remember it.

use std::sync::Arc;

use crate::Name;

/// What a query asked for, of the rows that it found or of the rows that came along with those.
///
/// Reading anything else is a defect, which would pass for a column without a value. With debug
/// assertions on, it panics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The columns. Empty if none was asked for, because then all of them come.
    pub(crate) columns: Vec<Name>,
    /// The column with the row's id, which always comes; `None` for rows that came along.
    pub(crate) key: Option<&'static str>,
    /// The navigation properties whose rows come along, and what was asked for of those.
    pub(crate) related: Vec<(Name, Arc<Asked>)>,
    /// Columns that were left out, because the answer with them was too large.
    pub(crate) left_out: Arc<[Name]>,
}

impl Asked {
    pub(crate) fn has_column(&self, name: &str) -> bool {
        let mut columns = self.columns.iter().chain(self.left_out.iter());
        self.columns.is_empty()
            || self.key == Some(name)
            // Annotations of the row come unasked.
            || name.starts_with('@')
            || columns.any(|column| column.as_str() == name)
    }

    pub(crate) fn has_related(&self, navigation: &str) -> bool {
        self.related.iter().any(|(name, _)| name.as_str() == navigation)
    }
}
