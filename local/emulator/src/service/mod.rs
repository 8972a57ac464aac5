//! Requests to the Web API and control calls carried out on an organization, and the sample data
//! that the organization starts with.

mod changes;
pub(crate) mod load;
pub(crate) mod raw;
#[cfg(test)]
mod read_tests;
mod requests;
pub(crate) mod sample;

pub(crate) use requests::{handle, handle_change_set};
