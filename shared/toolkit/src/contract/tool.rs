//! The contract of a tool.

use std::borrow::Cow;
use std::future::Future;

use crm::about::Records;
use crm::case::Escalation;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contract::schema::{result_schema, strict_schema, whose};
use crate::contract::seen::Seen;
use crate::operation::{
    Arguments, Definition, Done, Effect, Example, InHeader, NoParameters, Section,
};
use crate::{Context, Endpoint, Operation, PerKind, Request, Scope, ToolError, Tools};
use crm::visible::{Access, Visible};

/// An operation that a bot can call.
pub trait Tool: Send + Sync + 'static {
    /// The name, `dynamics365_…`.
    const NAME: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// One or two sentences for the model: the purpose of the tool, and when to call it.
    const DESCRIPTION: &'static str;
    /// The end of the description, if it says that the visitor must be asked first. It is left out where
    /// the call waits for a yes anyway: nobody is asked twice.
    const ASK_FIRST: &'static str = "";
    /// Who may call it.
    const FOR: Access;
    /// Whether it is of use to the company's own people.
    const IS_FOR_STAFF: bool = true;
    /// The effect on the CRM. Calling a tool that only reads needs the scope `read`, any other tool
    /// the scope `write`.
    const EFFECT: Effect;
    /// Whether a repeated call changes nothing more, even without headers that mark it as a
    /// repetition: because the tool only reads, or because it sets the same values again.
    const IS_IDEMPOTENT: bool = !matches!(Self::EFFECT, Effect::Adds);
    /// Whether the tool itself reaches people outside the organization.
    const REACHES_OUT: bool = false;
    /// Whether the tool mails visitors. Only the functions of such tools may send mails.
    const SENDS_MAIL: bool = false;
    /// The privileges that the application user needs for this tool. Privileges that every security
    /// role has (to read users, teams, currencies) are not listed. Neither are those for optional
    /// parts of an answer.
    const PRIVILEGES: &'static [&'static str];
    /// More privileges that it needs in a call for a visitor.
    const PRIVILEGES_FOR_VISITORS: &'static [&'static str] = &[];
    /// More privileges that it needs for records of certain types.
    const PER_KIND: &'static [PerKind] = &[];
    /// Example arguments as JSON. They work on the local stack right after the stack has started.
    const EXAMPLE: &'static str;

    /// The arguments. The doc comments of the fields become the descriptions in the schema.
    type Arguments: DeserializeOwned + JsonSchema + Visible + Send + 'static;
    /// The result.
    type Result: Serialize + JsonSchema + Visible + Records + Send + 'static;

    /// Calls the tool.
    fn call(
        context: &Context,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Answer<Self::Result>, ToolError>> + Send;
}

/// The part of the path before the tool's name.
pub(crate) const PATH: &str = "/v1/tools/";

/// The scope that a tool with this effect needs.
const fn scope_of(effect: Effect) -> Scope {
    if effect.writes() { Scope::Write } else { Scope::Read }
}

impl<T: Tool> Operation for T {
    const ID: &'static str = T::NAME;
    const TITLE: &'static str = T::TITLE;
    const DESCRIPTION: &'static str = T::DESCRIPTION;
    const SECTION: Section = Section::Tools;
    const METHOD: Method = Method::POST;
    const SCOPE: Option<Scope> = Some(scope_of(T::EFFECT));
    const IS_FOR_VISITORS: bool = !matches!(T::FOR, Access::Staff);
    const EFFECT: Effect = T::EFFECT;
    const IS_IDEMPOTENT: bool = T::IS_IDEMPOTENT;
    const REACHES_OUT: bool = T::REACHES_OUT;
    const KIND: Option<state::EntryKind> = Some(state::EntryKind::ToolCall);
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "What was asked for.")];
    const EXAMPLE: Example = Example::with_body(T::EXAMPLE);

    type About = InHeader;
    type Parameters = NoParameters;
    type Body = Arguments<T::Arguments>;
    type Answer = Answer<Seen<T::Result>>;

    fn path() -> Cow<'static, str> {
        format!("{PATH}{}", T::NAME).into()
    }

    fn definition(group: &'static str) -> Option<Definition> {
        Some(Definition {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            ask_first: T::ASK_FIRST,
            group,
            effect: T::EFFECT,
            is_idempotent: T::IS_IDEMPOTENT,
            reaches_out: T::REACHES_OUT,
            sends_mail: T::SENDS_MAIL,
            scope: scope_of(T::EFFECT),
            privileges: T::PRIVILEGES,
            privileges_for_visitors: T::PRIVILEGES_FOR_VISITORS,
            per_kind: T::PER_KIND,
            access: T::FOR,
            is_for_staff: T::IS_FOR_STAFF,
            arguments: T::Arguments::shape(),
            result: T::Result::shape(),
            whose: whose::<T::Arguments>(),
            input_schema: strict_schema::<T::Arguments>(),
            output_schema: result_schema::<T::Result>(),
        })
    }
}

impl<T: Tool> Endpoint for T {
    type Home = Tools;

    async fn call(
        tools: &Tools,
        request: Request<'_, T>,
    ) -> Result<Done<Answer<Seen<T::Result>>>, ToolError> {
        let Request { body, about, caller, incoming, call, .. } = request;
        let called = tools.call::<T>(body, about, &caller, &incoming, call).await;
        // Whatever a tool says, it says nothing of tools that the caller does not have.
        let (answer, sight) = called.map_err(|error| error.for_caller(&caller))?;
        let answer = answer.for_caller(&caller);
        let mut records = Vec::new();
        answer.result.add_to(&mut records);
        let Answer { result, hints, escalation } = answer;
        let result = Seen::new(result, sight);
        Ok(Done::new(Answer { result, hints, escalation }).with_records(records))
    }
}

/// What a tool answers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer<T> {
    /// What was asked for.
    pub result: T,
    /// What the bot should do or know next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Why a person should take over.
    pub escalation: Option<Escalation>,
}

impl<T> Answer<T> {
    /// An answer that has only a result.
    pub fn new(result: T) -> Answer<T> {
        Answer { result, hints: Vec::new(), escalation: None }
    }

    /// Adds a hint: what the bot should do or know next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Answer<T> {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint, if there is one.
    #[must_use]
    pub fn hint_if(mut self, hint: Option<impl Into<String>>) -> Answer<T> {
        self.hints.extend(hint.map(Into::into));
        self
    }

    /// Adds hints.
    #[must_use]
    pub fn with_hints(mut self, hints: Vec<String>) -> Answer<T> {
        self.hints.extend(hints);
        self
    }

    /// Sets the reason why a person should take over, if there is one.
    #[must_use]
    pub fn escalate(mut self, escalation: Option<Escalation>) -> Answer<T> {
        self.escalation = escalation;
        self
    }
}

/// A field that an update changed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct Change {
    /// The argument's name.
    #[verified]
    pub field: &'static str,
    /// What it was, the beginning of a long text; left out where there was nothing.
    #[verified]
    pub from: Option<Value>,
    /// What it is now, or its beginning; left out where it is empty now.
    #[verified]
    pub to: Option<Value>,
}
