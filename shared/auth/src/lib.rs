//! Connections to Dynamics 365: their credentials, their tokens and their health.
//!
//! [`Connections`] opens a connection by its id: it reads the connection's secret
//! ([`SecretNames`]), and returns a [`Connection`] whose [`dataverse::Client`] takes its tokens from
//! a cache:
//!
//! - However many callers wait, only one request goes to Entra ID.
//! - A token is renewed before it ends.
//! - If Entra ID says that the client secret is wrong or has expired, the connection's secret is
//!   read again before any caller gets the error. So a rotated secret is picked up without help.
//!
//! A broken connection must not cost time on every call. So refused credentials are not sent again
//! for 30 seconds, and a secret is read at most every 5 seconds. While it cannot be read again, its
//! last value stays in use for a day ([`Kept`]). All of this is per process and connection. A trial
//! ([`Connections::trial`]) starts without it, and [`Connections::forget`] resets it.
//!
//! - [`Credentials`] are what a connection needs. A [`Proof`] is how the application proves its
//!   identity.
//! - [`inspect`] looks at a connection for real. A [`Diagnosis`] says what is wrong, by its
//!   [`Cause`], and which [`Step`] of the set-up mends it.
//! - [`health`] tracks how a connection is, from what looks at it found.

mod cause;
mod client_secret;
mod connection_id;
mod connections;
mod credentials;
mod credentials_change;
mod diagnosis;
mod entra;
mod environment;
mod graph;
pub mod health;
mod inspection;
mod kept;
mod pasted;
mod privileges;
mod proof;
mod secret_expiry;
mod secret_names;
mod secrets;
mod set_up;
mod stand_in;
mod stored;
mod tokens;
mod visitors;

pub use cause::{Cause, Effect};
pub use client_secret::ClientSecret;
pub use connection_id::{ConnectionId, InvalidConnectionId};
pub use connections::{Connection, Connections, WithSecrets};
pub use credentials::{Credentials, CredentialsError, CredentialsForm, FormNames, LONGEST_LABEL};
pub use credentials_change::{ChangeError, CredentialsChange, Sent};
pub use diagnosis::Diagnosis;
pub use entra::{Entra, EntraError, EntraProblem};
pub use environment::Environment;
pub use graph::{Graph, GraphError};
pub use inspection::{Inspection, InspectionError, Organization, User, inspect};
pub use kept::{Failure, Kept};
pub use pasted::meant_field;
pub use privileges::{Privileges, Reach};
pub use proof::Proof;
pub use secret_expiry::{DatedSecret, ExpirySource, SecretExpiry};
pub use secret_names::SecretNames;
pub use secrets::{SecretError, Secrets};
pub use set_up::Step;
pub use stand_in::stand_in;
pub use stored::ConnectionError;
pub use tokens::TokenError;
pub use visitors::{
    Codes, ColumnName, CompanyAccess, Confirm, EmailColumn, MailLanguage, Visitors,
};
