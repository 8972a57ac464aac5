//! The data about a call for the log.

use auth::ConnectionId;
use state::EntryKind;

use crate::ToolError;

/// The data about a call for the log. It contains no arguments, names or texts.
#[derive(Debug, Default)]
pub struct Call {
    /// The tool or other operation that was called.
    pub tool: Option<String>,
    /// Whether the operation changes anything.
    pub writes: bool,
    /// The connection that the call uses.
    pub connection: Option<ConnectionId>,
    /// The chat to which the call belongs.
    pub conversation: Option<String>,
    /// The name of the client that called.
    pub client: Option<String>,
    /// The session with Dataverse, with the requests of the call.
    pub session: Option<dataverse::Session>,
    /// Why the connection does not work, where that is the answer and no error.
    pub found: Option<ToolError>,
    /// The kind of entry in the activity log. `None` if the call makes no entry.
    pub kind: Option<EntryKind>,
}
