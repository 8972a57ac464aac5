//! The readers of a schema.

use std::borrow::Cow;

use auth::ConnectionId;

use crate::{Caller, Definition};

/// The readers of a schema. The arguments and the result of a tool may depend on the API key and on
/// the connection. At the moment, neither changes anything.
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
    pub fn for_audience(&self, _: Audience<'_>) -> Cow<'_, Definition> {
        Cow::Borrowed(self)
    }
}
