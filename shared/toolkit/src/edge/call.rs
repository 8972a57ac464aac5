//! What the log gets to know of a call.

use auth::ConnectionId;
use state::EntryKind;

/// What the log gets to know of a call. It holds no arguments, names or texts.
#[derive(Debug, Default)]
pub struct Call {
    /// The tool or other operation that was called.
    pub tool: Option<String>,
    /// Whether it changes anything.
    pub writes: bool,
    /// The connection that it was for.
    pub connection: Option<ConnectionId>,
    /// The chat that it belongs to.
    pub conversation: Option<String>,
    /// Who called.
    pub client: Option<String>,
    /// The requests that it made to Dataverse.
    pub session: Option<dataverse::Session>,
    /// What it is in the activity log; `None` if it does not belong there.
    pub kind: Option<EntryKind>,
}
