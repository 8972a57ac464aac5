//! Writing: what a create, an update or a delete does to the rows, and what it refuses.

pub(crate) mod body;
mod defaults;
mod duplicates;
mod literal;
mod money;
mod price;
pub(crate) mod refusal;
pub(crate) mod request;
mod rules;
pub(crate) mod states;
mod writer;

pub use duplicates::AddedRule;
pub(crate) use duplicates::DuplicateRules;
pub(crate) use request::{Outcome, Session, suppresses_duplicate_detection};
pub(crate) use rules::{Numbers, complete_names, lines_of};
pub(crate) use writer::{How, Writer};
