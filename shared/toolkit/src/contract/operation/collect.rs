//! Collects operations.

use crate::operation::{Declaration, Endpoint, Home};

/// A collection of operations. It is either [`Routes`](crate::Routes), which can call them, or a
/// list of their declarations, which does not link their code.
pub trait Collect<H: Home>: Sized {
    /// Adds an operation. `group` is the name of the function that serves it, and the group of a
    /// tool.
    fn put<E: Endpoint<Home = H>>(&mut self, group: &'static str);

    /// Adds an operation, for chaining.
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
