//! What a tool works with during a call.

use std::fmt;

use auth::ConnectionId;
use dataverse::{InstanceUrl, Session, Table};
use jiff::Timestamp;
use uuid::Uuid;

use crate::once::Once;

/// What a tool works with during a call.
pub struct Context {
    pub(crate) session: Session,
    pub(crate) connection: ConnectionId,
    pub(crate) tool: &'static str,
    pub(crate) now: Timestamp,
    pub(crate) once: Once,
}

impl Context {
    /// The session with Dataverse, which ends at the call's deadline.
    pub fn dataverse(&self) -> &Session {
        &self.session
    }

    /// The environment's address, for links.
    pub fn instance(&self) -> &InstanceUrl {
        self.session.instance()
    }

    /// The address that opens a record of a list, with `{id}` where the record's id goes. There is
    /// none if the list is empty.
    pub fn list_url<T>(&self, table: Table, list: &[T]) -> Option<String> {
        (!list.is_empty()).then(|| self.instance().record_pages(table.logical_name))
    }

    /// The connection that the call is for.
    pub fn connection(&self) -> &ConnectionId {
        &self.connection
    }

    /// When the call came.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The tool that was called.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// The primary key for the row that this call makes, in a tool that writes. If the same call
    /// comes again, with its idempotency key or in its conversation, the key is the same. So first
    /// look for a row that has it, with [`Reads::same_call`](crate::Reads::same_call).
    pub fn record_id(&self) -> Uuid {
        self.once.row()
    }

    pub(crate) fn once(&self) -> &Once {
        &self.once
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
