//! What a tool is.

use std::future::Future;

use crm::case::Escalation;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, ToolError};

/// Whether a tool changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only looks. Needs the scope `read`.
    Read,
    /// It changes the CRM. Needs the scope `write`.
    Write,
}

/// One operation that a bot can call.
pub trait Tool: Send + Sync + 'static {
    /// The name, `dynamics365_…`.
    const NAME: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// For the model: what it is for and when to call it, in one or two sentences.
    const DESCRIPTION: &'static str;
    /// Whether it changes anything.
    const ACCESS: Access;
    /// What the application user needs for all that the tool does, beyond what every security
    /// role has (reading users, teams, currencies). Parts of an answer that can be left out are
    /// not counted.
    const PRIVILEGES: &'static [&'static str];

    /// What it takes. The doc comments of the fields are the descriptions in the schema.
    type Arguments: DeserializeOwned + JsonSchema + Send;
    /// What it gives.
    type Result: Serialize + JsonSchema + Send;

    /// Does it.
    fn call(
        context: &Context,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Answer<Self::Result>, ToolError>> + Send;
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
    /// The result alone.
    pub fn new(result: T) -> Answer<T> {
        Answer { result, hints: Vec::new(), escalation: None }
    }

    /// Adds what the bot should do or know next.
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

    /// Adds what the bot should do or know next.
    #[must_use]
    pub fn with_hints(mut self, hints: Vec<String>) -> Answer<T> {
        self.hints.extend(hints);
        self
    }

    /// Says why a person should take over, if one should.
    #[must_use]
    pub fn escalate(mut self, escalation: Option<Escalation>) -> Answer<T> {
        self.escalation = escalation;
        self
    }
}

/// A field that an update changed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The argument's name.
    pub field: &'static str,
    /// What it was, the beginning of a long text; left out where there was nothing.
    pub from: Option<Value>,
    /// What it is now, or its beginning.
    pub to: Value,
}
