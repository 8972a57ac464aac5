//! The part of the CRM that all tools share.
//!
//! - [`mod@reference`]: how people name a record (by id, email address, name or number), and how it
//!   is found. One match is used, several are ambiguous, and none is an error.
//! - [`record`]: a record of any of the five types that can have notes and activities.
//! - [`person`]: finds contacts and leads by people's names.
//! - [`labels`]: the choices of Dynamics 365, by label and never by number.
//! - [`text`]: checks text from callers before it goes into the CRM, and makes text from the CRM
//!   plain before it goes out.
//! - [`figure`], [`money`], [`time`]: numbers, amounts and points in time, as callers give them and as the tools show
//!   them.
//! - [`visible`]: who may see each field of an answer, and who may give each argument.
//! - [`visitor`]: which rows are a visitor's.
//! - [`account`], [`activity`], [`case`], [`contact`], [`lead`], [`note`], [`opportunity`]: the
//!   records as the tools show them.

pub mod about;
pub mod account;
pub mod activity;
pub mod address;
pub mod case;
pub mod company;
pub mod contact;
pub mod figure;
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
pub mod visible;
pub mod visitor;

// The derive macros name this crate.
extern crate self as crm;

mod linked;
mod schema;

pub use linked::Linked;
