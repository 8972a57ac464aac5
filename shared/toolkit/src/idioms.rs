//! The ways in which tools read and write Dataverse: many queries in one trip, and no write twice.

pub(crate) mod chat;
pub(crate) mod clear;
pub(crate) mod codes;
pub(crate) mod consent;
pub(crate) mod creates;
pub(crate) mod draft;
pub(crate) mod duplicate;
pub(crate) mod edit;
pub(crate) mod idempotency;
pub(crate) mod making;
pub(crate) mod none;
pub(crate) mod once;
pub(crate) mod person;
pub(crate) mod reads;
pub(crate) mod settle;
pub(crate) mod timeline;
pub(crate) mod transition;
