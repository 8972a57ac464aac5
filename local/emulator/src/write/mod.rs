//! Writing: what a create, an update or a delete does to the rows, and what it refuses. What is
//! special of a table is not known here: see [`tables`](crate::tables).

mod addresses;
pub(crate) mod body;
mod context;
mod defaults;
mod dependants;
mod literal;
pub(crate) mod money;
pub(crate) mod refusal;
pub(crate) mod rows;
mod rules;
mod session;
pub(crate) mod states;
mod writer;

pub(crate) use context::{Context, How};
pub(crate) use rules::{Change, RuleBook, States, TableRules};
pub(crate) use session::{Session, Written, suppresses_duplicate_detection};
pub(crate) use writer::{Writer, compute};
