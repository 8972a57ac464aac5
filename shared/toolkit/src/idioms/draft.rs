//! A row that will be created.

use dataverse::{Create, Write};
use uuid::Uuid;

/// A new row, and the writes that go together with it.
pub struct Draft<'a> {
    pub(crate) before: Option<Create>,
    pub(crate) create: Create,
    pub(crate) beside: Box<dyn Fn(Uuid) -> Vec<Write> + Send + Sync + 'a>,
}

impl From<Create> for Draft<'_> {
    fn from(create: Create) -> Self {
        Draft { before: None, create, beside: Box::new(|_| Vec::new()) }
    }
}

impl<'a> Draft<'a> {
    /// A row together with other writes, all or nothing. The other writes are made for the final
    /// key of the row, which may be the key of another call.
    pub fn with(
        create: Create,
        beside: impl Fn(Uuid) -> Vec<Write> + Send + Sync + 'a,
    ) -> Draft<'a> {
        Draft { before: None, create, beside: Box::new(beside) }
    }

    /// Makes another row first, which the row points at, all or nothing.
    #[must_use]
    pub fn after(self, before: Option<&Create>) -> Draft<'a> {
        Draft { before: before.cloned(), ..self }
    }
}
