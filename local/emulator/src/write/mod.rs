//! Writing: what a create, an update or a delete does to the rows, and what it refuses.

pub(crate) mod body;
mod defaults;
mod duplicates;
mod literal;
mod money;
mod price;
pub(crate) mod refusal;
mod rules;
mod states;
mod writer;

pub(crate) use rules::Numbers;
pub(crate) use writer::{How, Writer};
