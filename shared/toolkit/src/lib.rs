//! What makes a function a tool function.
//!
//! A tool implements [`Tool`]: its arguments, its result, what it asks Dataverse. [`Reads`] asks
//! several things in one trip; [`Edit`] works out what an update changes; [`Making`] and
//! [`carry_out`] write, and never twice. Tools that share a Lambda form a [`Group`]. [`Service`]
//! answers HTTP requests with a group: it checks who calls ([`Caller`], [`ApiKeys`]), opens the
//! connection, reads the arguments, calls the tool, and turns what came of it into an answer or a
//! [`ToolError`]. [`lambda::run`] is the entry in AWS Lambda;
//! the local stack calls the same service.

mod caller;
mod cause;
mod context;
mod duplicate;
mod edge;
mod edit;
mod error;
mod explain;
mod group;
mod idempotency;
pub mod inspection;
mod journal;
mod json;
mod keys;
pub mod lambda;
mod limit;
pub mod logging;
mod once;
mod origins;
mod part;
mod reads;
mod schema;
mod service;
mod settle;
mod tool;
mod transition;

pub use caller::{Caller, Grants, Scope, Scopes};
pub use cause::Cause;
pub use context::Context;
pub use crm::case::{Escalation, EscalationReason};
pub use edge::{
    BODY_LIMIT, CONNECTION_ID, CONVERSATION_ID, Call, Edge, Front, GRACE, Handler, IDEMPOTENCY_KEY,
    Incoming, Reply, bearer,
};
pub use edit::Edit;
pub use error::{DataverseDetails, ErrorCode, ToolError, WriteState};
pub use group::{Definition, Definitions, Gather, Group};
pub use journal::Journal;
pub use keys::{ApiKeys, ApiKeysError, KeyStore, WrongEntry, sha256_hex};
pub use limit::Limit;
pub use once::{Earlier, Made, Making};
pub use origins::{Origin, OriginError, Origins};
pub use part::optional_part;
pub use reads::{Answers, Reads, SameCall, Seeking, Slot};
pub use schema::{result_schema, strict_schema};
pub use service::{PATIENCE, Service, Tools};
pub use settle::{Target, carry_out};
pub use tool::{Access, Answer, Change, Tool};
pub use transition::{Closed, Transition, operations};
