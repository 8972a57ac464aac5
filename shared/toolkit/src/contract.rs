//! The contract of tools and of all other operations: what they declare, and the code that calls
//! them.

pub(crate) mod at_hand;
pub(crate) mod behalf;
pub(crate) mod confirm;
pub(crate) mod context;
pub(crate) mod cut;
pub(crate) mod limit;
pub(crate) mod needs;
pub mod operation;
pub(crate) mod part;
pub(crate) mod refusals;
pub(crate) mod schema;
pub(crate) mod seen;
pub(crate) mod service;
pub(crate) mod template;
pub(crate) mod tool;
pub(crate) mod verification;
pub(crate) mod vouched;
