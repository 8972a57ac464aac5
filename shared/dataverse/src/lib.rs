//! A client for the Dataverse Web API.
//!
//! It knows OData and Dataverse, but nothing about bots or AWS:
//!
//! - [`Query`] says what to read. It goes out as OData, or as FetchXML where OData cannot say it. Names are [`Name`]s and values are [`Literal`]s, so text that a
//!   visitor typed cannot become part of a query's structure.
//! - [`Session`] sends: one query, several in one `$batch` trip, a keyed [`Create`], a conditional
//!   [`Update`], an [`Action`], or a [`ChangeSet`] that happens whole or not at all.
//! - [`Record`] is a row of an answer, with its formatted values and expanded rows.
//! - [`HttpClients`] limits how many sockets stay open to all hosts.
//! - [`Error`] says what went wrong, whether trying again may help, and what became of a write.
//!
//! Only reads and keyed creates are repeated after a lost answer. Throttling (429) is waited out as
//! long as the session's deadline allows.

mod asked;
mod batch;
mod client;
mod cloud;
mod code;
mod error;
mod exchange;
mod fetch;
mod filter;
mod function;
mod http_clients;
mod instance;
mod name;
mod obstacle;
mod page;
mod query;
mod record;
mod retry;
mod sending;
mod token;
mod write;

pub use client::{Client, Session};
pub use cloud::{Cloud, Hosts};
pub use code::Code;
pub use error::{ApiError, Error, WriteOutcome};
pub use filter::{Comparison, Filter, Literal, Pattern, Text, TextFunction};
pub use function::Function;
pub use http_clients::{
    HttpClients, HttpClientsError, Idle, ReadError, lacks_descriptors, read_up_to, tls,
};
pub use instance::{InstanceUrl, InstanceUrlError};
pub use name::{Collection, InvalidName, Link, Name, Related, Table};
pub use obstacle::Obstacle;
pub use page::{Count, Page};
pub use query::{Expand, Order, Query};
pub use record::{Lookup, Record};
pub use retry::retry_after;
pub use token::{AccessToken, InvalidToken, TokenSource};
pub use write::{Action, ChangeSet, Create, Created, Outcome, Update, Write, bind};
