//! The library that every tool function is built with. It has four parts: the contract of tools
//! (`contract`), the HTTP edge (`edge`), the entry in AWS Lambda (`lambda`), and the ways to read
//! and write Dataverse (`idioms`).
//!
//! A tool implements [`Tool`]: its arguments, its result, and its call. [`Reads`] sends several
//! queries in one trip. [`create`] creates a row in the steps that [`Creates`] defines. [`Edit`]
//! finds out what an update changes, and [`carry_out`] writes it. Nothing is written twice.
//!
//! A tool is an [`Operation`], like every other route. A [`Function`] is made from [`Routes`]: it
//! finds the operation, checks the rights of the caller, and reads the input. [`Edge`] finds out
//! who calls ([`Caller`], [`ApiKeys`]), and turns the result into an answer or a problem
//! ([`ToolError`]). [`lambda::run`] is the entry in AWS Lambda. The local stack calls the same
//! service.

mod contract;
mod edge;
mod error;
mod idioms;
pub mod lambda;

pub use auth::Visitors;
pub use contract::at_hand::{named_tools, without_tools, without_tools_in};
pub use contract::confirm::{CONFIRM_TOOL, Carried};
pub use contract::context::Context;
pub use contract::limit::Limit;
pub use contract::needs::Needs;
pub use contract::operation::{
    self, About, Audience, Collect, Declaration, Definition, Done, Effect, Endpoint, Example,
    Function, Home, Operation, PerKind, Request, RouteError, Routes,
};
pub use contract::part::{optional_part, optional_part_for_staff};
pub use contract::schema::{named_result_schema, result_schema, strict_schema};
pub use contract::seen::Seen;
pub use contract::service::{BEGINNINGS, PATIENCE, Service, Tools};
pub use contract::template::{TOOL_PREFIX, Template};
pub use contract::tool::{Answer, Change, Tool};
pub use contract::verification::Verification;
pub use contract::vouched::{VISITOR_EMAIL, VISITOR_ID, VISITOR_TOKEN};
pub use crm::case::{Escalation, EscalationReason};
pub use crm::tables::choices::STATE;
pub use edge::call::Call;
pub use edge::caller::{Caller, Grants, Scope, Scopes, Serves};
pub use edge::journal::Journal;
pub use edge::key_store::KeyStore;
pub use edge::keys::{ApiKeys, ApiKeysError, WrongEntry, sha256_hex};
pub use edge::logging::MANY_WRONG_CODES;
pub use edge::made_key::{NoRandomness, new_api_key};
pub use edge::origins::{Origin, OriginError, Origins};
pub use edge::{
    BODY_LIMIT, Body, CONNECTION_ID, CONVERSATION_ID, Edge, Front, GRACE, Handler, IDEMPOTENCY_KEY,
    Incoming, Reply, bearer, logging,
};
pub use error::{DataverseDetails, ErrorCode, ToolError, WriteState, for_model};
pub(crate) use idioms::chat::NoCode;
pub use idioms::chat::{CODE_LIVES, NotShown};
pub use idioms::clear::Clear;
pub use idioms::codes::{CodeFor, Codes, Entered};
pub use idioms::consent::{CONFIRMATION, Consequence, MESSAGE_ID, Preview, Yes};
pub use idioms::creates::{Creates, Equal, First, Made, ReadAnswers, create};
pub use idioms::draft::Draft;
pub use idioms::edit::{Edit, Edits, with_stored_money};
pub use idioms::none::{none_in_state, none_of};
pub use idioms::person::{NewContact, Person, SeekingPerson};
pub use idioms::reads::{Answers, Reads, Seeking, SeekingOwnUser, Slot};
pub use idioms::settle::{RowChange, Target, carry_out};
pub use idioms::timeline::SeekingTimeline;
pub use idioms::transition::{Closed, Transition, operations};
