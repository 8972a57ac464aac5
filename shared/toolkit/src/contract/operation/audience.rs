//! The readers of a schema.

use std::borrow::Cow;
use std::collections::BTreeSet;

use auth::{Confirm, ConnectionId};
use crm::visible::{Access, Choice, Sight};
use serde_json::{Value, json};

use crate::idioms::clear::CLEAR;
use crate::{Caller, Definition, Serves};

/// The readers of a schema. The arguments and the result of a tool depend on whom the API key serves.
/// They may depend on the connection, too, but nothing does at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Audience<'a> {
    /// The caller who asks. `None` for a schema that everybody may read.
    pub caller: Option<&'a Caller>,
    /// The connection with which the tools will be called, if it is known.
    pub connection: Option<&'a ConnectionId>,
}

impl Audience<'static> {
    /// Everybody: neither a key nor a connection is known.
    pub const EVERYBODY: Audience<'static> = Audience { caller: None, connection: None };
}

impl<'a> Audience<'a> {
    /// This caller, with an unknown connection.
    pub fn of(caller: &'a Caller) -> Audience<'a> {
        Audience { caller: Some(caller), connection: None }
    }
}

impl Definition {
    /// The definition for this audience. It is borrowed if the audience changes nothing in it.
    ///
    /// Whoever calls for visitors sees the arguments and results that a verified visitor has, because a
    /// visitor may become one in the course of a chat.
    pub fn for_audience(&self, audience: Audience<'_>) -> Cow<'_, Definition> {
        let is_asked = audience.caller.is_some_and(|caller| caller.confirm != Confirm::None);
        let asked_once = is_asked && !self.ask_first.is_empty();
        let is_visitors = audience.caller.is_some_and(|caller| caller.serves == Serves::Visitors);
        if !is_visitors && !asked_once {
            return Cow::Borrowed(self);
        }
        let mut definition = self.clone();
        if asked_once {
            let shorter = self.description.strip_suffix(self.ask_first);
            definition.description = shorter.map_or(self.description, str::trim_end);
        }
        if !is_visitors {
            return Cow::Owned(definition);
        }
        let sight = Sight::Verified(Choice::ALL.iter().copied().collect());
        // All arguments are required, because strict modes want that.
        self.arguments.cut_schema(&mut definition.input_schema, &sight, &sight);
        let cleared = format!("/properties/{CLEAR}/items/enum");
        if let Some(Value::Array(names)) = definition.input_schema.pointer_mut(&cleared) {
            let field = |name: &Value| self.arguments.field(name.as_str()?);
            names.retain(|name| field(name).is_some_and(|field| sight.includes(field.access)));
        }
        let least = match self.access {
            Access::Open => Sight::Open,
            _ => Sight::Verified(BTreeSet::new()),
        };
        self.result.cut_schema(&mut definition.output_schema, &sight, &least);
        for name in &self.whose {
            if let Some(schema) =
                definition.input_schema.pointer_mut(&format!("/properties/{name}"))
            {
                schema["type"] = json!(["string", "null"]);
            }
        }
        Cow::Owned(definition)
    }
}
