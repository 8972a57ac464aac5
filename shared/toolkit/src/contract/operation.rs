//! The operations of the API, each declared once.
//!
//! An [`Operation`] is data: where it is, who may call it, what it does to the world, what it takes
//! and gives. [`Endpoint`] adds the call. A [`Tool`] is both, and says more for models. The router,
//! the OpenAPI document, the lists of tools and the checks of the template are made of these
//! declarations. Documents and lists only need [`Operation`], so they do not link what the
//! operations do.

mod about;
mod audience;
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
pub use audience::Audience;
pub use collect::Collect;
pub use declaration::{Declaration, Definition, Parameter, PerKind, Place};
pub use input::{Arguments, Empty, Input, Json};
pub use parameters::{NoParameters, Parameters, Within, from_text, names_of};
pub use router::{Function, Home, RouteError, Routes};

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It adds something, and changes nothing that exists.
    Adds,
    /// It replaces values.
    Changes,
    /// It may end something: a case is resolved, an opportunity won, a connection removed.
    Closes,
}

impl Effect {
    /// Whether it changes anything at all.
    pub const fn writes(self) -> bool {
        !matches!(self, Effect::Reads)
    }

    /// Whether it may replace or end something.
    pub const fn replaces(self) -> bool {
        matches!(self, Effect::Changes | Effect::Closes)
    }
}

/// A part of the API, by which its description is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// What a bot can do.
    Tools,
    /// Descriptions of the tools and of the API, for those who build bots.
    Catalog,
    /// The Dynamics 365 environments.
    Connections,
}

/// One operation of the API, as data.
pub trait Operation: Send + Sync + 'static {
    /// Its name: the tool's name, or the `operationId` of the OpenAPI document. The log uses it,
    /// too.
    const ID: &'static str;
    /// Its name for people.
    const TITLE: &'static str;
    /// What else there is to say about it, or an empty text.
    const DESCRIPTION: &'static str = "";
    /// The part of the API that it belongs to.
    const SECTION: Section;
    /// The HTTP method. It must not be GET if the operation writes.
    const METHOD: Method;
    /// The scope that an API key needs for it.
    const SCOPE: Scope;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Whether repeating the call changes nothing more.
    const IS_IDEMPOTENT: bool = !matches!(Self::EFFECT, Effect::Adds);
    /// Whether it reaches beyond the organization's CRM.
    const REACHES_OUT: bool = false;
    /// What it is in the activity log; `None` if it does not belong there.
    const KIND: Option<state::EntryKind> = None;
    /// Whether callers may keep its answer for a while, because only a new version changes it.
    const IS_KEPT: bool = false;
    /// The statuses of success, and what they mean.
    const ANSWERS: &'static [(StatusCode, &'static str)];
    /// How it may fail.
    const PROBLEMS: &'static [ErrorCode] = ErrorCode::ALL;
    /// A call that works on the local stack right after its start.
    const EXAMPLE: Example;

    /// Where a request names the connection that it is about.
    type About: About;
    /// Its parameters in path and query.
    type Parameters: Parameters;
    /// What it takes in the body.
    type Body: Input;
    /// What it answers.
    type Answer: Serialize + JsonSchema + Send;

    /// Its path, with parameters in braces: `/v1/connections/{id}`.
    fn path() -> Cow<'static, str>;

    /// Its definition as a tool, if it is one.
    fn definition(_group: &'static str) -> Option<Definition> {
        None
    }
}

/// An example of a call, for the documentation and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The parameters of the path, by their names.
    pub path: &'static [(&'static str, &'static str)],
    /// The query, without the question mark.
    pub query: &'static str,
    /// The body, as JSON; empty if there is none.
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
    /// What it works with. It is the same for all operations of one function.
    type Home: Home;

    /// Carries out a request.
    fn call(
        home: &Self::Home,
        request: Request<'_, Self>,
    ) -> impl Future<Output = Result<Done<Self::Answer>, ToolError>> + Send;
}

/// A request that may be carried out: the caller is known and allowed to, and what was sent has
/// been read.
pub struct Request<'a, O: Operation> {
    /// The parameters of path and query.
    pub parameters: O::Parameters,
    /// The body.
    pub body: O::Body,
    /// The connection that it is about, if any.
    pub about: <O::About as About>::Value,
    /// Who calls.
    pub caller: Caller,
    /// The request itself: its headers, its id, its deadline.
    pub incoming: Incoming,
    /// What the log gets to know.
    pub call: &'a mut Call,
}

/// The result of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Done<A> {
    /// The HTTP status, one of the operation's.
    pub status: StatusCode,
    /// The answer.
    pub answer: A,
    /// The records that the answer is about, for the activity log.
    pub records: Vec<Uuid>,
}

impl<A> Done<A> {
    /// An answer with the status 200.
    pub fn new(answer: A) -> Done<A> {
        Done { status: StatusCode::OK, answer, records: Vec::new() }
    }

    /// Sets another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Done<A> {
        Done { status, ..self }
    }

    /// Says which records the answer is about.
    #[must_use]
    pub fn with_records(self, records: Vec<Uuid>) -> Done<A> {
        Done { records, ..self }
    }
}
