//! The caller and its rights.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use auth::{Confirm, ConnectionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::contract::confirm::CONFIRM_TOOL;
use crate::contract::refusals::not_for_visitors;
use crate::{ErrorCode, Template, ToolError};

/// A right of an API key.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Scope {
    /// May call tools that only read.
    Read,
    /// May call tools that change the CRM.
    Write,
    /// May set up connections and make API keys.
    Admin,
}

impl Scope {
    /// The name of the right.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whom an API key serves.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Serves {
    /// A bot that talks to people outside the company.
    Visitors,
    /// The company's own people.
    Staff,
}

impl Serves {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The name in the authorizer's context.
const MESSAGE_IS_ENOUGH: &str = "message_is_enough";

/// What a key says whose clients name the chat in a header.
pub(crate) const HEADER: &str = "header";

/// Whether a value is true. API Gateway hands on texts, too.
fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_str() == Some("true")
}

/// The rights of an API key.
pub type Scopes = BTreeSet<Scope>;

/// The connections that an API key is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// All connections.
    All,
    /// Only these connections.
    Only(BTreeSet<ConnectionId>),
}

impl Grants {
    /// Reads ids, or `*` for all connections.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Grants, String> {
        let mut ids = BTreeSet::new();
        for text in texts {
            if text == "*" {
                return Ok(Grants::All);
            }
            ids.insert(text.parse().map_err(|error| format!("{text:?}: {error}"))?);
        }
        Ok(Grants::Only(ids))
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.ids().join(","))
    }
}

/// The caller and its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the client that has the API key.
    pub client: String,
    /// The connections that the key is bound to.
    pub connections: Grants,
    /// The rights of the key.
    pub scopes: Scopes,
    /// The id of the key; `None` for one of the secret.
    pub key: Option<Uuid>,
    /// Whom it serves.
    pub serves: Serves,
    /// The tools that it is limited to; `None` means all.
    pub tools: Option<BTreeSet<String>>,
    /// Whether its word on who a visitor is counts.
    pub vouches: bool,
    /// Whether the id of a chat counts over the Model Context Protocol if it is a header of the request.
    /// Clients set headers once, for all chats, so otherwise only the call's own `_meta` counts.
    pub conversation_in_header: bool,
    /// Which of its calls somebody must have said yes to.
    pub confirm: Confirm,
    /// Whether a message is enough for that, also for what cannot be undone.
    pub message_is_enough: bool,
}

impl Caller {
    /// The context that the authorizer passes on. API Gateway only takes flat values.
    pub fn to_context(&self) -> HashMap<String, Value> {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        let mut context = HashMap::from([
            ("client".to_owned(), self.client.clone().into()),
            ("connections".to_owned(), self.connections.to_string().into()),
            ("scopes".to_owned(), scopes.join(" ").into()),
        ]);
        context.insert("for".to_owned(), self.serves.as_str().into());
        let in_header = self.conversation_in_header;
        context.extend(in_header.then(|| ("conversation".to_owned(), HEADER.into())));
        context.extend(self.vouches.then(|| ("vouches".to_owned(), true.into())));
        if self.confirm != Confirm::None {
            context.insert("confirm".to_owned(), self.confirm.as_str().into());
        }
        context.extend(self.message_is_enough.then(|| (MESSAGE_IS_ENOUGH.to_owned(), true.into())));
        context.extend(self.key.map(|key| ("key".to_owned(), key.to_string().into())));
        let tools = self.tools.as_ref().map(|tools| tools.iter().cloned().collect::<Vec<_>>());
        context.extend(tools.map(|tools| ("tools".to_owned(), tools.join(" ").into())));
        context
    }

    /// Reads the context that [`Caller::to_context`] wrote. `None` for anything else.
    pub fn from_context(context: &HashMap<String, Value>) -> Option<Caller> {
        let text = |name: &str| context.get(name).and_then(Value::as_str);
        let connections = text("connections")?.split(',').filter(|id| !id.is_empty());
        let scopes = text("scopes")?;
        Some(Caller {
            client: text("client")?.to_owned(),
            connections: Grants::parse(connections).ok()?,
            scopes: scopes.split(' ').filter_map(|name| name.parse().ok()).collect(),
            key: text("key").and_then(|key| key.parse().ok()),
            // An authorizer that is older than this does not say it.
            serves: text("for")?.parse().ok()?,
            tools: text("tools").map(|tools| tools.split_whitespace().map(str::to_owned).collect()),
            vouches: context.get("vouches").is_some_and(is_true),
            conversation_in_header: text("conversation") == Some(HEADER),
            confirm: text("confirm").map_or(Ok(Confirm::None), str::parse).ok()?,
            message_is_enough: context.get(MESSAGE_IS_ENOUGH).is_some_and(is_true),
        })
    }

    /// The connection of a call: the one that the call names, or the only one of the key, or
    /// `default`.
    pub fn connection(&self, named: Option<&str>) -> Result<ConnectionId, ToolError> {
        let id = match (named, &self.connections) {
            (Some(text), _) => text.parse().map_err(|error| {
                ToolError::new(
                    ErrorCode::InvalidArguments,
                    format!("the header X-Connection-Id is wrong: {error}"),
                )
            })?,
            (None, Grants::Only(ids)) if ids.len() == 1 => {
                ids.first().cloned().unwrap_or_else(ConnectionId::fallback)
            }
            (None, grants) => {
                let fallback = ConnectionId::fallback();
                if !grants.include(&fallback) {
                    return Err(ToolError::new(
                        ErrorCode::InvalidArguments,
                        "this API key is bound to several connections: name one in the header \
                         X-Connection-Id",
                    ));
                }
                fallback
            }
        };
        self.authorize_connection(&id)?;
        Ok(id)
    }

    /// Checks that the key is bound to this connection.
    pub fn authorize_connection(&self, id: &ConnectionId) -> Result<(), ToolError> {
        if self.connections.include(id) {
            Ok(())
        } else {
            Err(ToolError::new(
                ErrorCode::Forbidden,
                format!("this API key is not bound to the connection {id}"),
            ))
        }
    }

    /// Whether the key may call this tool, as far as it is limited to some.
    pub fn has_tool(&self, name: &str) -> bool {
        // Saying yes does nothing without another tool's call that waits.
        name == CONFIRM_TOOL || self.tools.as_ref().is_none_or(|tools| tools.contains(name))
    }

    /// Whether a template is for those whom the key serves.
    pub fn may_have(&self, template: Template) -> bool {
        self.serves == Serves::Staff || template.talks_to_customers()
    }

    /// Checks that the key may call this tool.
    pub fn authorize_tool(&self, name: &str) -> Result<(), ToolError> {
        if self.has_tool(name) {
            return Ok(());
        }
        let detail = format!("this API key is limited to some tools, and {name} is none of them");
        Err(ToolError::new(ErrorCode::Forbidden, detail)
            .next_step("Do not call this tool: GET /v1/tools lists those that the key has.")
            .admin_action(
                "Call with a key that has the tool, or give it to this one: PUT /v1/keys/{id} with \
                 all the tools that it shall have.",
            ))
    }

    /// Checks that the key is for staff, as this tool is.
    pub fn authorize_staff(&self) -> Result<(), ToolError> {
        match self.serves {
            Serves::Staff => Ok(()),
            Serves::Visitors => Err(not_for_visitors("this tool")),
        }
    }

    /// Checks that a key for visitors may come here at all, whatever its scopes.
    pub fn authorize_reach(&self, is_for_visitors: bool) -> Result<(), ToolError> {
        if is_for_visitors || self.serves == Serves::Staff {
            return Ok(());
        }
        let detail = "this API key is for visitors: it reaches the tools, the templates, the OpenAPI \
                      document and /mcp, and nothing else";
        Err(ToolError::new(ErrorCode::Forbidden, detail)
            .admin_action("Call with a key that is for staff."))
    }

    /// Checks that the key has this scope.
    pub fn authorize(&self, scope: Scope) -> Result<(), ToolError> {
        if self.scopes.contains(&scope) {
            Ok(())
        } else {
            let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
            Err(ToolError::new(
                ErrorCode::Forbidden,
                format!(
                    "this API key does not have the scope {}: it has {}",
                    scope.as_str(),
                    if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") }
                ),
            )
            .admin_action(format!(
                "Call with a key that has the scope {}, or give it to this one: PUT /v1/keys/{{id}} \
                 with all the scopes that it shall have.",
                scope.as_str()
            )))
        }
    }
}

impl Grants {
    /// Whether all of these connections are among them.
    pub fn includes(&self, others: &Grants) -> bool {
        match (self, others) {
            (Grants::All, _) => true,
            (Grants::Only(_), Grants::All) => false,
            (Grants::Only(ids), Grants::Only(others)) => others.is_subset(ids),
        }
    }

    /// The ids, or `*` for all connections: what [`Grants::parse`] reads.
    pub fn ids(&self) -> Vec<String> {
        match self {
            Grants::All => vec!["*".to_owned()],
            Grants::Only(ids) => ids.iter().map(ConnectionId::to_string).collect(),
        }
    }

    fn include(&self, id: &ConnectionId) -> bool {
        match self {
            Grants::All => true,
            Grants::Only(ids) => ids.contains(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(connections: &[&str], scopes: &[Scope]) -> Caller {
        Caller {
            client: "chat platform".to_owned(),
            connections: Grants::parse(connections.iter().copied()).unwrap(),
            scopes: scopes.iter().copied().collect(),
            key: None,
            serves: Serves::Staff,
            tools: None,
            vouches: false,
            conversation_in_header: false,
            confirm: Confirm::None,
            message_is_enough: false,
        }
    }

    #[test]
    fn survives_the_authorizers_context() {
        for before in [
            caller(&["*"], &[Scope::Read, Scope::Write, Scope::Admin]),
            caller(&["emea", "apac"], &[Scope::Read]),
            caller(&[], &[]),
            Caller { key: Some(Uuid::nil()), ..caller(&["emea"], &[Scope::Write]) },
            Caller {
                serves: Serves::Visitors,
                tools: Some(["a_tool", "another"].map(str::to_owned).into()),
                vouches: true,
                conversation_in_header: true,
                confirm: Confirm::Consequences,
                message_is_enough: true,
                ..caller(&["emea"], &[Scope::Read])
            },
        ] {
            assert_eq!(Caller::from_context(&before.to_context()), Some(before));
        }
        assert_eq!(Caller::from_context(&HashMap::new()), None);
        // Whoever does not say whom a key serves has let nobody in.
        let mut context = caller(&["*"], &[Scope::Read]).to_context();
        context.remove("for");
        assert_eq!(Caller::from_context(&context), None);
    }

    #[test]
    fn which_connection() {
        let code = |result: Result<ConnectionId, ToolError>| result.unwrap_err().code();
        let one = caller(&["emea"], &[]);
        assert_eq!(one.connection(None).unwrap().as_str(), "emea");
        assert_eq!(code(one.connection(Some("apac"))), ErrorCode::Forbidden);
        assert_eq!(code(one.connection(Some("../x"))), ErrorCode::InvalidArguments);
        let two = caller(&["emea", "apac"], &[]);
        assert_eq!(code(two.connection(None)), ErrorCode::InvalidArguments);
        assert_eq!(two.connection(Some("apac")).unwrap().as_str(), "apac");
        assert_eq!(caller(&["*"], &[]).connection(None).unwrap().as_str(), "default");
        let none = caller(&[], &[]);
        assert_eq!(code(none.connection(None)), ErrorCode::InvalidArguments);
        assert_eq!(code(none.connection(Some("default"))), ErrorCode::Forbidden);
    }

    #[test]
    fn scopes_do_not_include_each_other() {
        let reader = caller(&["*"], &[Scope::Read]);
        assert!(reader.authorize(Scope::Read).is_ok());
        assert_eq!(reader.authorize(Scope::Write).unwrap_err().code(), ErrorCode::Forbidden);
        assert!(caller(&["*"], &[Scope::Admin]).authorize(Scope::Read).is_err());
    }
}
