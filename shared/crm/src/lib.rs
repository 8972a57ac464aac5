//! What the tools share of the CRM itself.
//!
//! - [`reference`]: a record as a person names it (an id, an email address, a name, a number), and
//!   how one is found by it: one match is used, several are ambiguous, none is not found.
//! - [`labels`]: the choices of Dynamics 365 by their labels, never by their numbers.
//! - [`text`]: text from callers, checked before it goes in; text from the CRM, made plain before
//!   it goes out.
//! - [`contact`], [`case`], [`opportunity`], [`activity`]: the records as the tools show them.

pub mod activity;
pub mod case;
pub mod contact;
pub mod labels;
pub mod money;
pub mod opportunity;
pub mod reference;
pub mod tables;
pub mod text;

mod linked;

pub use linked::Linked;
