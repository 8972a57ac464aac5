//! What the API does, each operation declared once.
//!
//! An [`Operation`] is data: where it is, who may call it, what it does to the world, what it takes
//! and gives. [`Endpoint`] adds the call. A [`Tool`] is both, with more said for models. Of the
//! declarations are made the router, the OpenAPI document, the lists of tools, and the checks of the
//! template: they need [`Operation`] alone, so what the operations do is not linked into them.

mod about;
mod collect;
mod declaration;
mod input;
mod parameters;
mod router;

use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{Call, Caller, ErrorCode, Incoming, Scope, ToolError};

pub use about::{About, InHeader, InPath, Nothing};
pub use collect::Collect;
pub use declaration::{Declaration, Definition, Parameter, PerKind, Place};
pub use input::{Arguments, Empty, Input, Json};
pub use parameters::{NoParameters, Parameters, Within, from_text, names_of};
pub use router::{Function, Home, RouteError, Routes};

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only looks.
    Reads,
    /// It adds something, and leaves what is there as it is.
    Adds,
    /// It replaces values that are there.
    Changes,
    /// It may end something: a case is resolved, an opportunity won, a connection removed.
    Closes,
}

impl Effect {
    /// Whether it changes anything at all.
    pub const fn writes(self) -> bool {
        !matches!(self, Effect::Reads)
    }

    /// Whether something that was there may be gone afterwards.
    pub const fn replaces(self) -> bool {
        matches!(self, Effect::Changes | Effect::Closes)
    }
}

/// A part of the API, for those who read its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// What a bot can do.
    Tools,
    /// What there is, for those who build bots.
    Catalog,
    /// The Dynamics 365 environments.
    Connections,
}

/// One operation of the API, as data.
pub trait Operation: Send + Sync + 'static {
    /// Its name: a tool's, or the `operationId` of the OpenAPI document. The log calls it this.
    const ID: &'static str;
    /// Its name for people.
    const TITLE: &'static str;
    /// What else there is to say; empty where nothing.
    const DESCRIPTION: &'static str = "";
    /// The part of the API that it belongs to.
    const SECTION: Section;
    /// The HTTP method. Not GET where it writes.
    const METHOD: Method;
    /// The right that a key needs for it.
    const SCOPE: Scope;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Whether the same call again changes nothing more.
    const IS_IDEMPOTENT: bool = !matches!(Self::EFFECT, Effect::Adds);
    /// Whether it reaches beyond the organization's CRM.
    const REACHES_OUT: bool = false;
    /// What it is in the activity log; nothing where it does not belong there.
    const KIND: Option<state::Kind> = None;
    /// Whether its answer changes with a new version alone, so that callers may keep it a while.
    const IS_KEPT: bool = false;
    /// The statuses of an answer that went well, and what they mean.
    const ANSWERS: &'static [(StatusCode, &'static str)];
    /// How it may fail.
    const PROBLEMS: &'static [ErrorCode] = ErrorCode::ALL;
    /// A call that the local stack answers well, straight after its start.
    const EXAMPLE: Example;

    /// The connection that it is about, and where that is named.
    type About: About;
    /// What it takes in path and query.
    type Parameters: Parameters;
    /// What it takes in the body.
    type Body: Input;
    /// What it gives.
    type Answer: Serialize + JsonSchema + Send;

    /// Where it is: a path with parameters in braces, `/v1/connections/{id}`.
    fn path() -> Cow<'static, str>;

    /// What is known of it as a tool, where it is one.
    fn definition(_group: &'static str) -> Option<Definition> {
        None
    }
}

/// A call, for documentation and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The parameters of the path, by their names.
    pub path: &'static [(&'static str, &'static str)],
    /// What stands behind the question mark.
    pub query: &'static str,
    /// The body, JSON; empty where there is none.
    pub body: &'static str,
}

impl Example {
    /// A call without parameters and body.
    pub const PLAIN: Example = Example { path: &[], query: "", body: "" };
    /// One about the connection `default`.
    pub const OF_DEFAULT: Example = Example { path: &[("id", "default")], query: "", body: "" };

    /// A call with this body.
    pub const fn with_body(body: &'static str) -> Example {
        Example { body, ..Example::PLAIN }
    }
}

/// An operation that can be called.
pub trait Endpoint: Operation + Sized {
    /// What it works with; all that one function serves have the same.
    type Home: Home;

    /// Does it.
    fn call(
        home: &Self::Home,
        request: Request<'_, Self>,
    ) -> impl Future<Output = Result<Done<Self::Answer>, ToolError>> + Send;
}

/// A request that may be carried out: the caller is known and may do this, and what was sent is what
/// the operation takes.
pub struct Request<'a, O: Operation> {
    /// What it takes in path and query.
    pub parameters: O::Parameters,
    /// What it takes in the body.
    pub body: O::Body,
    /// The connection that it is about.
    pub about: <O::About as About>::Value,
    /// Who calls.
    pub caller: Caller,
    /// The request itself: its headers, its id, its deadline.
    pub incoming: Incoming,
    /// What the log shall know.
    pub call: &'a mut Call,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Done<A> {
    /// Which of the operation's statuses.
    pub status: StatusCode,
    /// What is answered.
    pub answer: A,
    /// The records that the answer is about, for the activity log.
    pub records: Vec<Uuid>,
}

impl<A> Done<A> {
    /// 200.
    pub fn new(answer: A) -> Done<A> {
        Done { status: StatusCode::OK, answer, records: Vec::new() }
    }

    /// Under another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Done<A> {
        Done { status, ..self }
    }

    /// About these records.
    #[must_use]
    pub fn with_records(self, records: Vec<Uuid>) -> Done<A> {
        Done { records, ..self }
    }
}
