//! What a tool works with during a call.

use std::fmt;

use auth::ConnectionId;
use dataverse::{InstanceUrl, Page, Query, Record, Session, Table};
use jiff::Timestamp;

use crate::ToolError;
use crate::idioms::once::Once;

/// What a tool works with during a call.
pub struct Context {
    pub(crate) session: Session,
    pub(crate) connection: ConnectionId,
    pub(crate) tool: &'static str,
    pub(crate) now: Timestamp,
    pub(crate) once: Once,
}

impl Context {
    /// The rows that a query finds, in a trip of its own. Several queries go by
    /// [`Reads`](crate::Reads).
    pub async fn list(&self, query: &Query) -> Result<Page, ToolError> {
        Ok(self.session.list(query).await?)
    }

    /// The first row that a query finds, in a trip of its own.
    pub async fn first(&self, query: &Query) -> Result<Option<Record>, ToolError> {
        Ok(self.session.first(query).await?)
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

    /// The way to Dataverse, until the deadline. Only what is here has it: a tool has no other way
    /// to write than [`create`](crate::create) and [`carry_out`](crate::carry_out).
    pub(crate) fn session(&self) -> &Session {
        &self.session
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
