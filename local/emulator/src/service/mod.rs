//! The organization at work: what a request to the Web API does to it, the sample that it starts
//! with, and what control calls do to its rows.

mod changes;
pub(crate) mod load;
pub(crate) mod raw;
#[cfg(test)]
mod read_tests;
mod requests;
pub(crate) mod sample;

pub(crate) use requests::{handle, handle_change_set};
