//! The readers of a schema.

use std::borrow::Cow;
use std::collections::BTreeSet;

use auth::{Confirm, ConnectionId};
use crm::visible::{Access, Choice, Shape, Sight};
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

    /// Whether they call for visitors.
    fn is_visitors(self) -> bool {
        self.caller.is_some_and(|caller| caller.serves == Serves::Visitors)
    }
}

impl Definition {
    /// The definition for this audience. It is borrowed if the audience changes nothing in it.
    pub fn for_audience(&self, audience: Audience<'_>) -> Cow<'_, Definition> {
        let is_asked = audience.caller.is_some_and(|caller| caller.confirm != Confirm::None);
        let asked_once = is_asked && !self.ask_first.is_empty();
        if !audience.is_visitors() && !asked_once {
            return Cow::Borrowed(self);
        }
        let mut definition = self.clone();
        if asked_once {
            let shorter = self.description.strip_suffix(self.ask_first);
            definition.description = shorter.map_or(self.description, str::trim_end);
        }
        self.cut_arguments(&mut definition.input_schema, audience);
        self.cut_shown(&self.result, &mut definition.output_schema, audience);
        Cow::Owned(definition)
    }

    /// Takes out of a schema of the arguments what this audience cannot give.
    pub fn cut_arguments(&self, schema: &mut Value, audience: Audience<'_>) {
        if !audience.is_visitors() {
            return;
        }
        let sight = verified();
        // All arguments are required, because strict modes want that.
        self.arguments.cut_schema(schema, &sight, &sight);
        let cleared = format!("/properties/{CLEAR}/items/enum");
        if let Some(Value::Array(names)) = schema.pointer_mut(&cleared) {
            let field = |name: &Value| self.arguments.field(name.as_str()?);
            names.retain(|name| field(name).is_some_and(|field| sight.includes(field.access)));
        }
        for name in &self.whose {
            if let Some(schema) = schema.pointer_mut(&format!("/properties/{name}")) {
                schema["type"] = json!(["string", "null"]);
            }
        }
    }

    /// Takes out of a schema of the whole answer what this audience does not see.
    pub fn cut_answer(&self, schema: &mut Value, audience: Audience<'_>) {
        if !self.result.fields().is_empty() {
            self.cut_shown(&answer(&self.result), schema, audience);
        }
    }

    /// Takes out of an example of the arguments and of the answer what this audience cannot give, and
    /// does not see.
    pub fn cut_example(&self, arguments: &mut Value, answer: &mut Value, audience: Audience<'_>) {
        if audience.is_visitors() {
            self.arguments.cut(arguments, &verified());
            if let Some(result) = answer.get_mut("result") {
                self.result.cut(result, &verified());
            }
        }
    }

    /// Takes out of a schema of this shape, which is the result's or has it, what this audience does not
    /// see.
    fn cut_shown(&self, shape: &Shape, schema: &mut Value, audience: Audience<'_>) {
        if audience.is_visitors() {
            let least = match self.access {
                Access::Open => Sight::Open,
                _ => Sight::Verified(BTreeSet::new()),
            };
            shape.cut_schema(schema, &verified(), &least);
        }
    }
}

/// What whoever calls for visitors gives and sees at most: what a verified visitor does, because a visitor
/// may become one in the course of a chat.
fn verified() -> Sight {
    Sight::Verified(Choice::ALL.iter().copied().collect())
}

/// The fields of an answer whose result has these.
fn answer(result: &Shape) -> Shape {
    let mut answer = Shape::default();
    answer.add("result", Access::Open, result.clone());
    for name in ["hints", "escalation"] {
        answer.add(name, Access::Open, Shape::default());
    }
    answer
}
