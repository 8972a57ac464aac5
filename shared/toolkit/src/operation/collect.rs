//! Operations that are put together.

use crate::operation::{Declaration, Endpoint, Home};

/// What operations are collected into: [`Routes`](crate::Routes), which call them, or a list of their
/// declarations. The list does not link what the operations do.
pub trait Collect<H: Home>: Sized {
    /// Adds an operation, to a group of tools where it is a tool.
    fn put<E: Endpoint<Home = H>>(&mut self, group: &'static str);

    /// Adds an operation of this group.
    #[must_use]
    fn with<E: Endpoint<Home = H>>(mut self, group: &'static str) -> Self {
        self.put::<E>(group);
        self
    }
}

impl<H: Home> Collect<H> for Vec<Declaration> {
    fn put<E: Endpoint<Home = H>>(&mut self, group: &'static str) {
        self.push(Declaration::of::<E>(group));
    }
}
