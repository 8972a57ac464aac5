//! What makes a function a tool function.
//!
//! A tool implements [`Tool`]: its arguments, its result, what it asks Dataverse. [`Reads`] asks
//! several questions in one trip. [`create`] makes a row by the steps that [`Creates`] asks for.
//! [`Edit`] works out what an update changes, and [`carry_out`] writes it. Nothing is written twice.
//!
//! A tool is an [`Operation`], like every other route. A [`Function`] is made of [`Routes`]: it
//! finds the operation, checks what the caller may do, and reads what was sent. [`Edge`] checks who
//! calls ([`Caller`], [`ApiKeys`]) and turns the result into an answer or a problem
//! ([`ToolError`]). [`lambda::run`] is the entry in AWS Lambda. The local stack calls the same
//! service.

mod call;
mod caller;
mod context;
mod creates;
mod duplicate;
mod edge;
mod edit;
mod error;
mod explain;
mod idempotency;
mod journal;
mod json;
mod keys;
pub mod lambda;
mod limit;
pub mod logging;
mod making;
mod needs;
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
pub use needs::Needs;
pub use operation::{
    About, Audience, Collect, Declaration, Definition, Done, Effect, Endpoint, Example, Function,
    Home, Operation, PerKind, Request, RouteError, Routes,
};
pub use origins::{Origin, OriginError, Origins};
pub use part::optional_part;
pub use reads::{Answers, Reads, Seeking, Slot};
pub use schema::{result_schema, strict_schema};
pub use service::{PATIENCE, Service, Tools};
pub use settle::{Target, carry_out};
pub use tool::{Answer, Change, Tool};
pub use transition::{Closed, Transition, operations};
