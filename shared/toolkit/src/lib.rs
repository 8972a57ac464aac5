//! What makes a function a tool function.
//!
//! A tool implements [`Tool`]: its arguments, its result, what it asks Dataverse. [`Reads`] asks
//! several things in one trip; [`create`] makes a row that [`Creates`] says; [`Edit`] works out what
//! an update changes, and [`carry_out`] writes it. Nothing is written twice. A tool is an [`Operation`], as is every other route: [`Routes`] of
//! them make a [`Function`], which finds the operation, checks what the caller may do, and reads what
//! was sent. [`Edge`] checks who calls ([`Caller`], [`ApiKeys`]) and turns what came of it into an
//! answer or a [`ToolError`]. [`lambda::run`] is the entry in AWS Lambda;
//! the local stack calls the same service.

mod call;
mod caller;
mod cause;
mod context;
mod creates;
mod duplicate;
mod edge;
mod edit;
mod error;
mod explain;
mod idempotency;
pub mod inspection;
mod journal;
mod json;
mod keys;
pub mod lambda;
mod limit;
pub mod logging;
mod making;
mod once;
pub mod operation;
mod origins;
mod part;
mod reads;
mod schema;
mod service;
mod settle;
mod tool;
mod transition;

pub use call::Call;
pub use caller::{Caller, Grants, Scope, Scopes};
pub use cause::Cause;
pub use context::Context;
pub use creates::{Creates, Draft, Equal, First, Made, ReadAnswers, create};
pub use crm::case::{Escalation, EscalationReason};
pub use crm::tables::choices::STATE;
pub use edge::{
    BODY_LIMIT, Body, CONNECTION_ID, CONVERSATION_ID, Edge, Front, GRACE, Handler, IDEMPOTENCY_KEY,
    Incoming, Reply, bearer,
};
pub use edit::{Edit, Edits};
pub use error::{DataverseDetails, ErrorCode, ToolError, WriteState};
pub use journal::Journal;
pub use keys::{ApiKeys, ApiKeysError, KeyStore, WrongEntry, sha256_hex};
pub use limit::Limit;
pub use operation::{
    About, Collect, Declaration, Definition, Done, Effect, Endpoint, Example, Function, Home,
    Operation, PerKind, Request, RouteError, Routes,
};
pub use origins::{Origin, OriginError, Origins};
pub use part::optional_part;
pub use reads::{Answers, Reads, Seeking, Slot};
pub use schema::{result_schema, strict_schema};
pub use service::{PATIENCE, Service, Tools};
pub use settle::{Target, carry_out};
pub use tool::{Answer, Change, Tool};
pub use transition::{Closed, Transition, operations};
