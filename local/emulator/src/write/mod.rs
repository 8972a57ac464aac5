//! Writing: the effects of creates, updates and deletes on the rows, and their refusals. The
//! special rules of the tables are not here, but in [`tables`](crate::tables).

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
