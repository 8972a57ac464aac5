//! The id of a connection.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a connection: `[a-z0-9-]{1,63}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ConnectionId(String);

/// The text is not a connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection id consists of 1 to 63 lower-case letters, digits and hyphens")]
pub struct InvalidConnectionId;

impl FromStr for ConnectionId {
    type Err = InvalidConnectionId;

    fn from_str(text: &str) -> Result<ConnectionId, InvalidConnectionId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(ConnectionId(text.to_owned()))
        } else {
            Err(InvalidConnectionId)
        }
    }
}

impl TryFrom<String> for ConnectionId {
    type Error = InvalidConnectionId;

    fn try_from(text: String) -> Result<ConnectionId, InvalidConnectionId> {
        text.parse()
    }
}

impl ConnectionId {
    /// The form of an id, as a regular expression for JSON Schema.
    pub const PATTERN: &'static str = "^[a-z0-9-]{1,63}$";

    /// The id `default`, for calls that name no connection.
    pub fn fallback() -> ConnectionId {
        ConnectionId("default".to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_ids() {
        for text in ["default", "emea-2", "a"] {
            assert!(text.parse::<ConnectionId>().is_ok(), "{text}");
        }
        for text in ["", "A", "a/b", "a.b", "a b", "ü", &"a".repeat(64)] {
            assert_eq!(text.parse::<ConnectionId>(), Err(InvalidConnectionId), "{text}");
        }
    }
}
