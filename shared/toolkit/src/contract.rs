//! The tool's contract: what a tool and every other operation declare, and what calls them.

pub(crate) mod context;
pub(crate) mod limit;
pub(crate) mod needs;
pub mod operation;
pub(crate) mod part;
pub(crate) mod schema;
pub(crate) mod service;
pub(crate) mod tool;
