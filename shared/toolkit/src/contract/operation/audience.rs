//! Whom a schema is for.

use std::borrow::Cow;

use auth::ConnectionId;

use crate::{Caller, Definition};

/// Whom a schema is for. What a tool takes and gives may depend on the key and on the connection; so
/// far neither adds anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Audience<'a> {
    /// Who asks; `None` for what everybody may read.
    pub caller: Option<&'a Caller>,
    /// The connection that the tools are to be called with, if it is known.
    pub connection: Option<&'a ConnectionId>,
}

impl Audience<'static> {
    /// Everybody: what neither key nor connection adds to.
    pub const EVERYBODY: Audience<'static> = Audience { caller: None, connection: None };
}

impl<'a> Audience<'a> {
    /// This caller, with a connection that is not known.
    pub fn of(caller: &'a Caller) -> Audience<'a> {
        Audience { caller: Some(caller), connection: None }
    }
}

impl Definition {
    /// The definition as this audience gets it; borrowed where nothing is added for it.
    pub fn for_audience(&self, _: Audience<'_>) -> Cow<'_, Definition> {
        Cow::Borrowed(self)
    }
}
