//! The operations of the API. Each is declared once.
//!
//! An [`Operation`] is data: its path, who may call it, its effect, its input and its output. An
//! [`Endpoint`] can also be called. A [`Tool`] is both, and says more for models. These
//! declarations are the source of the router, the OpenAPI document, the lists of tools and the
//! checks of the template. Documents and lists only need [`Operation`], so they do not link the
//! code of the operations.

mod about;
mod audience;
mod collect;
mod declaration;
mod handed;
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
pub(crate) use handed::is_nothing;
pub use input::{Arguments, Empty, Input, Json};
pub use parameters::{NoParameters, Parameters, Within, from_text, names_of};
pub(crate) use router::{ByName, before_api};
pub use router::{Function, Home, RouteError, Routes};

/// The effect of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It adds something, and changes nothing that exists.
    Adds,
    /// It replaces values.
    Changes,
    /// It may end something: resolve a case, win an opportunity, remove a connection.
    Closes,
}

impl Effect {
    /// Whether the operation changes anything at all.
    pub const fn writes(self) -> bool {
        !matches!(self, Effect::Reads)
    }

    /// Whether the operation may replace or end something.
    pub const fn replaces(self) -> bool {
        matches!(self, Effect::Changes | Effect::Closes)
    }
}

/// A part of the API. The description of the API is ordered by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// The tools for bots.
    Tools,
    /// Descriptions of the tools and of the API, for those who build bots.
    Catalog,
    /// Chats with visitors.
    Conversations,
    /// The Dynamics 365 environments.
    Connections,
    /// The API keys.
    Keys,
}

/// One operation of the API, as data.
pub trait Operation: Send + Sync + 'static {
    /// The name of the operation: the tool's name, or the `operationId` in the OpenAPI document.
    /// The log uses it, too.
    const ID: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// A further description, or an empty text.
    const DESCRIPTION: &'static str = "";
    /// The part of the API to which the operation belongs.
    const SECTION: Section;
    /// The HTTP method. It must not be GET if the operation writes.
    const METHOD: Method;
    /// The scope that an API key needs for it; `None` if every key will do.
    const SCOPE: Option<Scope>;
    /// Whether a key for visitors reaches it.
    const IS_FOR_VISITORS: bool = false;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Whether a repeated call changes nothing more.
    const IS_IDEMPOTENT: bool = !matches!(Self::EFFECT, Effect::Adds);
    /// Whether the operation reaches beyond the organization's CRM.
    const REACHES_OUT: bool = false;
    /// Whether it takes the header `X-Confirmation`.
    const TAKES_BUTTON: bool = false;
    /// The kind of entry that a call makes in the activity log. `None` if it makes no entry.
    const KIND: Option<state::EntryKind> = None;
    /// Whether callers may keep the answer for a while, because only a new version changes it.
    const IS_KEPT: bool = false;
    /// The HTTP statuses of success, each with its meaning.
    const ANSWERS: &'static [(StatusCode, &'static str)];
    /// The errors that the operation may answer with.
    const PROBLEMS: &'static [ErrorCode] = ErrorCode::ALL;
    /// An example of a call. It works on the local stack right after the stack has started.
    const EXAMPLE: Example;

    /// The part of a request that names the connection.
    type About: About;
    /// The parameters in the path and the query.
    type Parameters: Parameters;
    /// The body of a request.
    type Body: Input;
    /// The body of an answer.
    type Answer: Serialize + JsonSchema + Send;

    /// The path, with parameters in braces: `/v1/connections/{id}`.
    fn path() -> Cow<'static, str>;

    /// The tool's definition, if the operation is a tool.
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
    /// A call without parameters and without a body.
    pub const PLAIN: Example = Example { path: &[], query: "", body: "" };
    /// A call about the connection `default`.
    pub const OF_DEFAULT: Example = Example { path: &[("id", "default")], query: "", body: "" };

    /// A call with this body.
    pub const fn with_body(body: &'static str) -> Example {
        Example { body, ..Example::PLAIN }
    }

    /// The value of the parameter of this name, if the call has it.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let in_path = self.path.iter().find(|(one, _)| *one == name);
        let in_path = in_path.map(|(_, value)| (*value).to_owned());
        in_path.or_else(|| {
            let mut query = url::form_urlencoded::parse(self.query.as_bytes());
            query.find(|(one, _)| one == name).map(|(_, value)| value.into_owned())
        })
    }
}

/// An operation that can be called.
pub trait Endpoint: Operation + Sized {
    /// The data that the operation works with. It is the same for all operations of a function.
    type Home: Home;

    /// Carries out a request.
    fn call(
        home: &Self::Home,
        request: Request<'_, Self>,
    ) -> impl Future<Output = Result<Done<Self::Answer>, ToolError>> + Send;
}

/// A request that may be carried out. The caller is known and has the right, and the input is read.
pub struct Request<'a, O: Operation> {
    /// The parameters from the path and the query.
    pub parameters: O::Parameters,
    /// The body.
    pub body: O::Body,
    /// The connection that the request is about, if any.
    pub about: <O::About as About>::Value,
    /// The caller.
    pub caller: Caller,
    /// The HTTP request: its headers, its id, its deadline.
    pub incoming: Incoming,
    /// The data about this call that the log receives.
    pub call: &'a mut Call,
}

/// The result of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Done<A> {
    /// The HTTP status, one of those in [`Operation::ANSWERS`].
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

    /// Sets the status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Done<A> {
        Done { status, ..self }
    }

    /// Sets the records that the answer is about.
    #[must_use]
    pub fn with_records(self, records: Vec<Uuid>) -> Done<A> {
        Done { records, ..self }
    }
}
