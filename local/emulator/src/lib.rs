//! Dataverse, Entra ID and a small part of Microsoft Graph, in memory. The emulator is strict: it
//! refuses what Dataverse refuses, with the same status, code and form of message. Tests can run a
//! client against it without changes.
//!
//! # Start it
//!
//! ```no_run
//! # async fn example() -> Result<(), dataverse_emulator::StartError> {
//! use dataverse_emulator::{Emulator, Options};
//!
//! let running = Emulator::start(Options::default()).await?;
//! let instance_url = running.url();
//! // Let the client sign in as CLIENT_ID with CLIENT_SECRET in the tenant TENANT_ID.
//! running.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Each [`Emulator`] has its own rows, so tests do not disturb each other. To start it as a
//! program, use `cargo run -p dataverse-emulator`.
//!
//! # What it has
//!
//! One port serves all of this:
//!
//! - the Web API under `/api/data/v9.2/` (9.0 and 9.1 are the same): rows with `$select`, `$filter`,
//!   `$expand`, `$orderby`, `$top`, `$count` and pages, or by FetchXML; creates, updates, deletes and
//!   links with their conditions; `$batch` with change sets; the actions and functions of `$metadata`; definitions of
//!   tables and columns; privileges, duplicate detection and the service protection limits
//! - the token endpoint under `/{tenant}/oauth2/v2.0/token`: client credentials with a secret
//! - Graph under `/v1.0/applications`: reading, adding and removing client secrets
//! - control calls under `/_emulator/`
//!
//! The rows are sample data. `POST /_emulator/reset` restores them.
//!
//! # What it refuses
//!
//! It refuses names of tables, columns and navigation properties that do not exist, values of a
//! wrong type or length, options and states that do not fit together, links to missing rows, rows
//! without the columns that the platform requires, and everything that the caller's roles do not
//! allow, down to the rows that they do not reach. What Dataverse has and the emulator does not, it
//! says in its own voice: 501 with the header `X-Dataverse-Emulator`. The README lists it.
//!
//! # Faults
//!
//! `POST /_emulator/faults` makes the next matching requests fail:
//!
//! ```json
//! {"method": "POST", "path": "/incidents", "kind": "drop", "after_commit": true, "times": 1}
//! ```
//!
//! The README of this crate lists the kinds of faults and the other control calls.
//!
//! # Its rooms
//!
//! A room uses only rooms that are above it in this list:
//!
//! | room | |
//! | --- | --- |
//! | `data` | tables, columns, values; the files in `data/` |
//! | `message` | requests, answers, refusals, preferences |
//! | `organization` | one organization: rows, time, apps, privileges, limits, published rules |
//! | `query` | reading: OData, FetchXML, rows as JSON, `$metadata` |
//! | `write` | writing, without knowing any table |
//! | `tables` | the special rules of each table |
//! | `actions` | actions and functions |
//! | `service` | sends a request to reading, writing or an action; the sample |
//! | `identity` | Entra ID, Graph, the app registration, tokens |
//! | `control` | control calls: faults, settings, the requests so far |
//! | `http` | listeners, the way of a request, `$batch` |

mod actions;
mod control;
mod data;
mod emulator;
mod http;
mod identity;
mod message;
mod organization;
mod query;
mod service;
mod tables;
mod write;

pub use self::http::hosts::{HostError, Hosts};
pub use data::well_known::{
    APPLICATION_OBJECT_ID, APPLICATION_REGISTRATION_ID, APPLICATION_USER_ID, CLIENT_ID,
    CLIENT_SECRET, ROTATED_CLIENT_SECRET, TENANT_DOMAIN, TENANT_ID,
};
pub use emulator::{Emulator, Options, Running, StartError};
pub use identity::certificate::CertificateError;
