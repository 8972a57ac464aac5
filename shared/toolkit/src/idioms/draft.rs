//! A row that is to be made.

use dataverse::{Create, Write};
use uuid::Uuid;

/// A new row, and what is written together with it.
pub struct Draft<'a> {
    pub(crate) create: Create,
    pub(crate) beside: Box<dyn Fn(Uuid) -> Vec<Write> + Send + Sync + 'a>,
}

impl From<Create> for Draft<'_> {
    fn from(create: Create) -> Self {
        Draft { create, beside: Box::new(|_| Vec::new()) }
    }
}

impl<'a> Draft<'a> {
    /// A row together with other writes: all of it or nothing. They are made for the key that the
    /// row gets in the end, which may be that of another call's.
    pub fn with(
        create: Create,
        beside: impl Fn(Uuid) -> Vec<Write> + Send + Sync + 'a,
    ) -> Draft<'a> {
        Draft { create, beside: Box::new(beside) }
    }
}
