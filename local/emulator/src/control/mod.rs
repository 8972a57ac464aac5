//! What a test may set, and what it may see: faults, settings, the requests so far.

pub(crate) mod calls;
pub(crate) mod fault;
mod faults;
pub(crate) mod log;
mod shared;
pub(crate) mod strike;

pub(crate) use shared::Shared;
