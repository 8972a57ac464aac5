//! Primary keys that make a create repeatable.

use serde_json::Value;
use uuid::Uuid;

/// The namespace of the keys. It is a random one.
const NAMESPACE: Uuid = Uuid::from_u128(0x9d0e_7f8b_34a1_4c57_8f1e_6c2b_a0d5_41e9);

/// The parts of a call that are equal when the call is repeated.
pub(crate) struct Identity<'a> {
    pub(crate) connection: &'a str,
    pub(crate) client: &'a str,
    pub(crate) tool: &'a str,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) conversation: Option<&'a str>,
    pub(crate) arguments: &'a Value,
    /// What tells the visitor apart from others; `None` for calls of staff.
    pub(crate) visitor: Option<&'a str>,
}

impl Identity<'_> {
    /// The key for the row that the call creates. A repeated call gets the same key. It is made
    /// from the idempotency key or, without one, from the conversation and the arguments. It is
    /// `None` if there is neither a key nor a conversation.
    ///
    /// For a visitor, it is made from the visitor and the conversation in any case: the same call in
    /// another chat is another call.
    pub(crate) fn record_id(&self) -> Option<Uuid> {
        let arguments;
        let (kind, tie, arguments) = match (self.idempotency_key, self.conversation) {
            (Some(key), _) => ("key", key, ""),
            (None, Some(conversation)) => {
                arguments = canonical(self.arguments);
                ("conversation", conversation, arguments.as_str())
            }
            (None, None) => return None,
        };
        // The length before each part ensures that different lists of parts give different texts.
        let mut parts = vec![self.connection, self.client, self.tool, kind, tie, arguments];
        let of_all;
        if let Some(visitor) = self.visitor {
            parts.extend([self.conversation.unwrap_or_default(), visitor]);
            if visitor.is_empty() && self.conversation.is_none() {
                // Two strangers may have the same key.
                of_all = canonical(self.arguments);
                parts.push(&of_all);
            }
        }
        let name: String = parts.iter().map(|part| format!("{}:{part};", part.len())).collect();
        Some(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }
}

/// Writes arguments in a form in which equal arguments give equal texts: keys are sorted, and nulls
/// are left out. If you change this, increase `NORMALISING` in `once`.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(&mut text, value);
    text
}

/// Writes a value to the end of the text.
fn write_canonical(text: &mut String, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().filter(|(_, value)| !value.is_null()).collect();
            members.sort_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (position, (name, value)) in members.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(text, value);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_canonical(text, item);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(key: Option<&str>, conversation: Option<&str>, arguments: Value) -> Option<Uuid> {
        Identity {
            visitor: None,
            connection: "default",
            client: "chat",
            tool: "dynamics365_create_case",
            idempotency_key: key,
            conversation,
            arguments: &arguments,
        }
        .record_id()
    }

    #[test]
    fn the_same_call_has_the_same_key() {
        let arguments = || json!({"subject": "a", "contact": "b", "priority": null});
        let reordered = json!({"contact": "b", "subject": "a"});
        assert_eq!(id(Some("k"), None, arguments()), id(Some("k"), Some("c"), json!({})));
        assert_eq!(id(None, Some("c"), arguments()), id(None, Some("c"), reordered));
        assert_ne!(id(None, Some("c"), arguments()), id(None, Some("d"), arguments()));
        assert_ne!(id(None, Some("c"), arguments()), id(None, Some("c"), json!({"subject": "a"})));
        assert_ne!(id(Some("c"), None, json!({})), id(None, Some("c"), json!({})));
        assert_eq!(id(None, None, arguments()), None);
    }

    #[test]
    fn arguments_are_written_in_one_way() {
        let text = canonical(&json!({"b": [1.50, {"d": null, "c": "x\n\""}, []], "a": {}}));
        assert_eq!(text, r#"{"a":{},"b":[1.5,{"c":"x\n\""},[]]}"#);
    }
}
