//! The API keys: made, listed, changed and revoked over the API.

use std::collections::BTreeSet;

use auth::Confirm;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use state::{MadeKey, StateError};
use toolkit::{
    Caller, Definition, ErrorCode, Grants, Scope, Scopes, Serves, Template, ToolError, WriteState,
};
use uuid::Uuid;

use crate::{schema, table};

pub(crate) mod change;
pub(crate) mod list;
pub(crate) mod make;
pub(crate) mod revoke;

/// The key that the examples are about, in their paths.
pub(crate) const SAMPLE: (&str, &str) = ("id", "0199b1f6-5a00-7000-8000-000000000001");

/// The id of that key. The local stack has one of this id.
pub const SAMPLE_KEY: Uuid = match Uuid::try_parse(SAMPLE.1) {
    Ok(id) => id,
    // The compiler comes here, and says so, if the text above is no UUID.
    Err(_) => panic!("the sample's id is no UUID"),
};

/// An API key, as it is shown: never the key itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(crate) struct KeyView {
    #[schemars(schema_with = "id")]
    id: Uuid,
    client: String,
    connections: Vec<String>,
    #[schemars(with = "Vec<Scope>", extend("minItems" = 1))]
    scopes: Vec<String>,
    r#for: Option<String>,
    tools: Option<Vec<String>>,
    template: Option<String>,
    vouches: bool,
    conversation: Option<String>,
    confirm: Option<String>,
    message_is_enough: bool,
    #[schemars(schema_with = "schema::moment")]
    made_at: Timestamp,
    made_by: String,
    #[schemars(schema_with = "schema::moment")]
    changed_at: Timestamp,
}

impl From<MadeKey> for KeyView {
    fn from(key: MadeKey) -> KeyView {
        let MadeKey {
            id,
            client,
            connections,
            scopes,
            vouches,
            message_is_enough,
            made_at,
            made_by,
            changed_at,
            ..
        } = key;
        let (serves, tools, template) = (key.serves, key.tools, key.template);
        let (conversation, confirm) = (key.conversation, key.confirm);
        KeyView {
            id,
            client,
            connections,
            scopes,
            r#for: serves,
            tools,
            template,
            vouches,
            conversation,
            confirm,
            message_is_enough,
            made_at,
            made_by,
            changed_at,
        }
    }
}

/// The id of a key.
pub(crate) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "uuid"})
}

/// The id of a key, where there is one.
pub(crate) fn maybe_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "format": "uuid"})
}

/// The ids of connections.
pub(crate) fn connection_list(_: &mut SchemaGenerator) -> Schema {
    let id = json!({"type": "string"});
    json_schema!({"type": "array", "items": id, "minItems": 1, "maxItems": MOST_CONNECTIONS})
}

/// The longest name of a client, in characters.
const LONGEST_CLIENT: usize = 100;

/// The most connections that a key can be bound to one by one.
const MOST_CONNECTIONS: usize = 100;

/// The client's name, if it is one that a log line and a header can take.
fn client(text: &str) -> Result<String, ToolError> {
    let name = text.trim();
    let is_short = (1..=LONGEST_CLIENT).contains(&name.chars().count());
    // The gateway writes the name between quotation marks into its log.
    if is_short && !name.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        return Ok(name.to_owned());
    }
    Err(ToolError::invalid(
        "client",
        "must be a name of 1 to 100 characters on one line, without \" and \\",
    ))
}

/// The connections of a key that this caller may give away: none that its own key is not bound to.
fn connections(texts: &[String], caller: &Caller) -> Result<Vec<String>, ToolError> {
    if texts.len() > MOST_CONNECTIONS {
        return Err(ToolError::invalid(
            "connections",
            "must be 100 ids at most; [\"*\"] stands for all",
        ));
    }
    let grants = Grants::parse(texts.iter().map(|text| text.trim()))
        .map_err(|problem| ToolError::invalid("connections", problem))?;
    if grants == Grants::Only(BTreeSet::new()) {
        return Err(ToolError::invalid(
            "connections",
            "must name a connection at least, or be [\"*\"] for all",
        ));
    }
    if !caller.connections.includes(&grants) {
        return Err(ToolError::new(
            ErrorCode::Forbidden,
            format!(
                "this API key is bound to the connections {}, and can give no others away",
                caller.connections
            ),
        ));
    }
    Ok(grants.ids())
}

/// The names of these scopes, each once.
fn names(scopes: &[Scope]) -> Result<Vec<String>, ToolError> {
    let scopes: Scopes = scopes.iter().copied().collect();
    if scopes.is_empty() {
        return Err(ToolError::invalid("scopes", "must name one of read, write, admin at least"));
    }
    Ok(scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect())
}

/// Where the id of a chat counts over the Model Context Protocol besides a call's own `_meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConversationIn {
    /// In the request's header: only for a client that sends another one with each chat.
    Header,
}

impl ConversationIn {
    fn as_text(self) -> String {
        match self {
            ConversationIn::Header => "header".to_owned(),
        }
    }
}

/// Checks that a key's scopes fit whom it serves, and its limit. Keys for visitors reach nothing that
/// an administrator needs, and an administrator could lift a limit.
fn fits(serves: Option<Serves>, scopes: &[String], is_limited: bool) -> Result<(), ToolError> {
    if !scopes.iter().any(|scope| scope == Scope::Admin.as_str()) {
        return Ok(());
    }
    let problem = match (serves, is_limited) {
        (Some(Serves::Visitors), _) => "a key for visitors cannot have the scope admin",
        (_, true) => "a key that is limited to tools or to a template cannot have the scope admin",
        _ => return Ok(()),
    };
    Err(ToolError::invalid("scopes", problem))
}

/// Checks that a template is for those whom a key serves.
fn fits_template(serves: Option<Serves>, template: Option<&str>) -> Result<(), ToolError> {
    let template = template.and_then(|name| name.parse::<Template>().ok());
    match template {
        Some(template) if serves == Some(Serves::Visitors) && !template.talks_to_customers() => {
            Err(ToolError::invalid("template", "is for the company's own people: take another one"))
        }
        _ => Ok(()),
    }
}

/// The names of tools that a key is limited to, if there are such tools.
fn tools(names: &[String], all: &[Definition]) -> Result<Vec<String>, ToolError> {
    let mut known = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let name = name.trim();
        if !all.iter().any(|tool| tool.name == name) {
            let place = format!("tools[{position}]");
            let meant = auth::meant_field(name, all.iter().map(|tool| tool.name));
            let meant = meant.map(|meant| format!(" did you mean {meant}?")).unwrap_or_default();
            let problem = format!("there is no such tool:{meant} GET /v1/tools lists them");
            return Err(ToolError::invalid(&place, problem));
        }
        if !known.iter().any(|one| one == name) {
            known.push(name.to_owned());
        }
    }
    if known.is_empty() {
        return Err(ToolError::invalid("tools", "must name a tool at least"));
    }
    Ok(known)
}

/// The policy as a key has it.
fn stored(confirm: Confirm) -> Option<String> {
    (confirm != Confirm::None).then(|| confirm.as_str().to_owned())
}

/// The error for a key that is limited twice.
fn limited_twice() -> ToolError {
    ToolError::invalid("template", "cannot be given together with tools: either limits the key")
}

/// Writes a line about a key to the log: who did what to it, and what it allows by now.
fn trail(what: &'static str, key: &MadeKey, before: Option<&MadeKey>, by: &Caller, request: &str) {
    let allows = |key: &MadeKey| {
        let serves = key.serves.as_deref().unwrap_or("nobody");
        let tools = key.tools.as_ref().map(|tools| tools.join(" "));
        let tools = tools.or_else(|| key.template.clone()).unwrap_or_else(|| "all".to_owned());
        let vouches = if key.vouches { ", vouches for visitors" } else { "" };
        let confirm = key.confirm.as_deref().unwrap_or(Confirm::None.as_str());
        format!(
            "for {serves}, client {:?}, scopes {}, connections {}, tools {tools}{vouches}, confirm \
             {confirm}",
            key.client,
            key.scopes.join(" "),
            key.connections.join(" ")
        )
    };
    let before = before.map(allows);
    tracing::info!(
        id = %key.id,
        allows = allows(key),
        before,
        by = by.client,
        by_key = by.key.map(|id| id.to_string()),
        request_id = request,
        "{what}"
    );
}

/// Whether this caller may see and change the key: it reaches nothing that the caller's own does not.
fn is_visible(key: &MadeKey, caller: &Caller) -> bool {
    Grants::parse(key.connections.iter().map(String::as_str))
        .is_ok_and(|grants| caller.connections.includes(&grants))
}

fn no_such_key() -> ToolError {
    ToolError::new(ErrorCode::NotFound, "there is no API key with this id")
        .next_step("List the keys with GET /v1/keys. A key that was revoked is gone.")
}

/// The table did not do it.
fn not_done(error: StateError) -> ToolError {
    match error {
        StateError::Gone => no_such_key(),
        StateError::Conflict => ToolError::new(
            ErrorCode::VersionConflict,
            "the API key was changed by somebody else at this moment",
        )
        .next_step("Look at it, and try again.")
        .write(WriteState::NotHappened),
        error => table::failed(error),
    }
}

/// A field that may be left out, but cannot be removed by `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The key that a request is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyId {
    /// As the list has it.
    #[schemars(schema_with = "id")]
    pub(crate) id: Uuid,
}
