//! What the tools share of the CRM itself.
//!
//! - [`mod@reference`]: a record as a person names it (an id, an email address, a name, a number), and
//!   how one is found by it: one match is used, several are ambiguous, none is not found.
//! - [`record`]: a record of any of the five kinds that notes and activities hang on.
//! - [`person`]: contacts and leads by what people are called.
//! - [`labels`]: the choices of Dynamics 365 by their labels, never by their numbers.
//! - [`text`]: text from callers, checked before it goes in; text from the CRM, made plain before
//!   it goes out.
//! - [`money`], [`time`]: amounts and points in time, those that callers give and those that the
//!   tools show.
//! - [`account`], [`activity`], [`case`], [`contact`], [`lead`], [`note`], [`opportunity`]: the
//!   records as the tools show them.

pub mod about;
pub mod account;
pub mod activity;
pub mod address;
pub mod case;
pub mod company;
pub mod contact;
pub mod labels;
pub mod lead;
pub mod money;
pub mod note;
pub mod opportunity;
pub mod person;
pub mod record;
pub mod reference;
pub mod tables;
pub mod text;
pub mod time;

mod linked;
mod schema;

pub use linked::Linked;
