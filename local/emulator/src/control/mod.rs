//! Everything that tests can set and see: faults, settings, and the requests so far.

pub(crate) mod calls;
pub(crate) mod fault;
mod faults;
pub(crate) mod log;
mod shared;
pub(crate) mod strike;

pub(crate) use shared::Shared;
