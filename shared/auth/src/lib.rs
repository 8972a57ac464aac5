//! What a connection is: its credentials, its tokens, and how it is.
//!
//! [`Connections`] opens a connection by its id: it reads the secret
//! `dynamics365/connections/{id}`, and gives a [`Connection`] whose [`dataverse::Client`] gets its
//! tokens from a cache. However many callers wait, one request goes to Entra ID; tokens are
//! renewed ahead of their end; and when Entra ID says that the secret is wrong or has expired, the
//! secret is read again before anybody hears of it, so that a rotation heals by itself.
//!
//! A brake keeps what is broken from costing every call: credentials that were refused are not sent
//! again for 30 seconds, a secret is read at most every 5, and what was read stays in use for a day
//! while it cannot be read again ([`Kept`]). All of it per process and connection; a trial has none,
//! and [`Connections::forget`] takes it away.
//!
//! - [`Credentials`] are what it takes; a [`Proof`] is how the application shows that it is itself.
//! - [`inspect`] looks at a connection for real. [`Diagnosis`] says what is wrong, by its [`Cause`],
//!   and in which [`Step`] of the set-up it is mended.
//! - [`health`] is how a connection is, by what looks at it found.

mod cause;
mod client_secret;
mod connection_id;
mod connections;
mod credentials;
mod diagnosis;
mod entra;
mod environment;
mod graph;
pub mod health;
mod inspection;
mod kept;
mod proof;
mod secret_expiry;
mod secrets;
mod set_up;
mod stand_in;
mod stored;
mod tokens;

pub use cause::Cause;
pub use client_secret::ClientSecret;
pub use connection_id::{ConnectionId, InvalidConnectionId};
pub use connections::{Connection, Connections};
pub use credentials::{Credentials, CredentialsError, CredentialsForm};
pub use diagnosis::Diagnosis;
pub use entra::{Entra, EntraError, EntraProblem};
pub use environment::Environment;
pub use graph::{Graph, GraphError};
pub use inspection::{Inspection, InspectionError, Organization, User, inspect};
pub use kept::{Failure, Kept};
pub use proof::Proof;
pub use secret_expiry::{ExpirySource, SecretExpiry};
pub use secrets::{SecretError, Secrets};
pub use set_up::Step;
pub use stand_in::stand_in;
pub use stored::ConnectionError;
pub use tokens::TokenError;
