//! What the log shall know of a call.

use auth::ConnectionId;
use state::Kind;

/// What is known of a call when it ends: for the log, without arguments, names or texts.
#[derive(Debug, Default)]
pub struct Call {
    /// What was called.
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
    /// What it is in the activity log; nothing where it does not belong there.
    pub kind: Option<Kind>,
}
