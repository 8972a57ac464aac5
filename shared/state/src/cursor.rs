//! Cursors: where the next page of the log, or of the list of connections, begins.

use std::fmt;
use std::str::FromStr;

use auth::ConnectionId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::StateError;

/// Where the log of a connection goes on. Its text is URL-safe and opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    connection: ConnectionId,
    /// The sort key of the last entry.
    position: String,
}

/// Where the list of connections goes on: after this id. Its text is URL-safe and opaque. A cursor
/// that somebody makes up shows nothing that the API key does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionCursor(ConnectionId);

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was handed out")]
pub struct InvalidCursor;

/// The version of the text's form, with which a cursor of the log begins.
const FORM: &str = "1";
/// The same for the list of connections. It differs, so that neither accepts a cursor of the other.
const LIST_FORM: &str = "c1";
/// The most bytes that a cursor may have. Ours are shorter: an id of 63 characters and a sort key.
const LONGEST: usize = 1024;

impl Cursor {
    pub(crate) fn new(connection: &ConnectionId, position: String) -> Cursor {
        Cursor { connection: connection.clone(), position }
    }

    /// The sort key after which the connection's log goes on.
    pub(crate) fn position_in(&self, connection: &ConnectionId) -> Result<&str, StateError> {
        if self.connection == *connection {
            Ok(&self.position)
        } else {
            Err(StateError::ForeignCursor)
        }
    }
}

impl ConnectionCursor {
    /// The cursor that goes on after this connection.
    pub fn after(last: ConnectionId) -> ConnectionCursor {
        ConnectionCursor(last)
    }

    /// The connection after which the list goes on. It may have been removed.
    pub fn last(&self) -> &ConnectionId {
        &self.0
    }
}

impl fmt::Display for ConnectionCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(format!("{LIST_FORM}/{}", self.0)))
    }
}

impl FromStr for ConnectionCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<ConnectionCursor, InvalidCursor> {
        let text = decoded(text)?;
        let (form, last) = text.split_once('/').ok_or(InvalidCursor)?;
        if form != LIST_FORM {
            return Err(InvalidCursor);
        }
        last.parse().map(ConnectionCursor).map_err(|_| InvalidCursor)
    }
}

/// Decodes a cursor's text, without a check of what it says.
fn decoded(text: &str) -> Result<String, InvalidCursor> {
    if text.len() > LONGEST {
        return Err(InvalidCursor);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
    String::from_utf8(bytes).map_err(|_| InvalidCursor)
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{FORM}/{}/{}", self.connection, self.position);
        formatter.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Cursor, InvalidCursor> {
        let text = decoded(text)?;
        let mut parts = text.splitn(3, '/');
        let (Some(FORM), Some(connection), Some(position)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidCursor);
        };
        let connection = connection.parse().map_err(|_| InvalidCursor)?;
        // An entry's sort key begins with its time.
        let time = position.split('#').next().unwrap_or_default();
        time.parse::<Timestamp>().map_err(|_| InvalidCursor)?;
        Ok(Cursor { connection, position: position.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> ConnectionId {
        text.parse().unwrap()
    }

    #[test]
    fn a_cursor_of_one_connection_says_nothing_to_another() {
        let cursor = Cursor::new(&id("north"), "2026-11-24T09:00:00.000Z#a#0".to_owned());
        assert_eq!(cursor.position_in(&id("south")), Err(StateError::ForeignCursor));
        assert_eq!(cursor.position_in(&id("north")), Ok("2026-11-24T09:00:00.000Z#a#0"));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in [
            String::new(),
            "default".to_owned(),
            encoded("1/default"),
            encoded("1/default/"),
            encoded("1/default/sidebar"),
            encoded("1/NORTH/2026-11-24T09:00:00.000Z#a#0"),
            encoded("2/default/2026-11-24T09:00:00.000Z#a#0"),
            encoded(&format!("1/default/2026-11-24T09:00:00.000Z#{}", "a".repeat(1000))),
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn a_cursor_of_the_list_is_none_of_the_log() {
        let text = ConnectionCursor::after(id("north")).to_string();
        assert_eq!(text.parse::<ConnectionCursor>(), Ok(ConnectionCursor::after(id("north"))));
        assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor));
        let of_log = Cursor::new(&id("north"), "2026-11-24T09:00:00.000Z#a#0".to_owned());
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in [
            of_log.to_string(),
            String::new(),
            "north".to_owned(),
            encoded("north"),
            encoded("c1/"),
            encoded("c1/NORTH"),
            encoded("c1/north/more"),
            encoded("c2/north"),
            encoded(&format!("c1/{}", "a".repeat(1000))),
        ] {
            assert_eq!(text.parse::<ConnectionCursor>(), Err(InvalidCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "\\PC*", bytes in any::<Vec<u8>>()) {
            let _ = text.parse::<Cursor>();
            let _ = text.parse::<ConnectionCursor>();
            let _ = URL_SAFE_NO_PAD.encode(format!("c1/{text}")).parse::<ConnectionCursor>();
            let _ = URL_SAFE_NO_PAD.encode(bytes).parse::<Cursor>();
            let _ = URL_SAFE_NO_PAD.encode(format!("1/default/{text}")).parse::<Cursor>();
        }

        #[test]
        fn a_cursor_survives_its_text(
            connection in "[a-z0-9-]{1,63}",
            second in 0_i64..4_102_444_800,
            request in "[\\PC&&[^#]]{0,64}",
            position in 0_usize..100,
        ) {
            let at = Timestamp::from_second(second).unwrap();
            let cursor = Cursor::new(&id(&connection), format!("{at:.3}#{request}#{position}"));
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(text.parse::<Cursor>(), Ok(cursor));
        }
    }
}
