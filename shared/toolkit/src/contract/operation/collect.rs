//! Collects operations.

use crate::operation::{Declaration, Endpoint, Home};

/// Something that operations are collected into: [`Routes`](crate::Routes), which can call them, or
/// a list of their declarations, which does not link what they do.
pub trait Collect<H: Home>: Sized {
    /// Adds an operation. `group` is the function that serves it, and a tool's group.
    fn put<E: Endpoint<Home = H>>(&mut self, group: &'static str);

    /// The same, for chaining.
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
