//! The data about a call for the log.

use auth::ConnectionId;
use secrecy::SecretString;
use state::EntryKind;
use uuid::Uuid;

use crate::ToolError;
use crate::contract::behalf::Way;
use crate::idioms::consent::Confirmed;

/// The visitor of a call, for the log and the activity log.
#[derive(Clone, Debug)]
pub(crate) struct ForVisitor {
    /// How it is known who the visitor is; `None` if it is not.
    pub(crate) way: Option<Way>,
    /// What the visitor is known by. Only a keyed hash of it is kept.
    pub(crate) identity: Option<SecretString>,
    /// The visitor's contact.
    pub(crate) contact: Option<Uuid>,
}

impl ForVisitor {
    /// How it is known who the visitor is; `nobody` if it is not.
    pub(crate) fn way(&self) -> &'static str {
        self.way.map_or("nobody", Way::as_str)
    }
}

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
    /// The call that waited until somebody said yes, if this carries it out.
    pub(crate) confirmed: Option<Confirmed>,
    /// The id of the call that waits, or waited, until somebody says yes.
    pub confirmation: Option<String>,
    /// Whether a call was carried out that had waited until somebody said yes.
    pub(crate) is_confirmed: bool,
    /// For which visitor the call is made, if for one.
    pub(crate) visitor: Option<ForVisitor>,
    /// The kind of entry in the activity log. `None` if the call makes no entry.
    pub kind: Option<EntryKind>,
}

impl Call {
    /// A call of this operation.
    pub fn of(tool: &str) -> Call {
        Call { tool: Some(tool.to_owned()), ..Call::default() }
    }
}
