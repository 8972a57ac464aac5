//! Everything that a tool can use during a call.

use std::fmt;
use std::sync::{Arc, OnceLock};

use auth::ConnectionId;
use crm::reference::Merged;
use dataverse::{InstanceUrl, Page, Query, Record, Session, Table};
use jiff::Timestamp;

use crate::contract::behalf::Behalf;
use crate::idioms::chat::Chat;
use crate::idioms::consent::Consent;
use crate::idioms::once::Once;
use crate::{Journal, Reads, ToolError, Verification};

/// Everything that a tool can use during a call.
pub struct Context {
    pub(crate) session: Session,
    pub(crate) connection: ConnectionId,
    pub(crate) tool: &'static str,
    pub(crate) sends_mail: bool,
    pub(crate) now: Timestamp,
    pub(crate) once: Once,
    pub(crate) behalf: Behalf,
    pub(crate) chat: Chat,
    pub(crate) consent: Option<Consent>,
    pub(crate) verification: Option<Verification>,
    pub(crate) journal: Option<Arc<Journal>>,
    /// The reference whose record was merged, if the call must begin anew with its master.
    pub(crate) merged: OnceLock<Merged>,
}

impl Context {
    /// Notes a merged record. The error is not seen: the call begins anew with the master.
    pub(crate) fn begin_with_master(&self, merged: Merged) -> ToolError {
        // Another one shows the next time.
        let _ = self.merged.set(merged);
        ToolError::internal("the call begins anew")
    }

    /// The rows that a query finds. The query makes one trip to Dataverse. To send several queries
    /// in one trip, use [`Reads`](crate::Reads).
    pub async fn list(&self, query: &Query) -> Result<Page, ToolError> {
        let mut reads = Reads::new();
        let slot = reads.add(query.clone());
        reads.send(self).await?.page(slot)
    }

    /// The first row that a query finds. The query makes one trip to Dataverse.
    pub async fn first(&self, query: &Query) -> Result<Option<Record>, ToolError> {
        Ok(self.list(query).await?.records.into_iter().next())
    }

    /// The environment's address, for links.
    pub fn instance(&self) -> &InstanceUrl {
        self.session.instance()
    }

    /// The address that opens any record of a list, with `{id}` in place of the record's id. `None`
    /// if the list is empty.
    pub fn list_url<T>(&self, table: Table, list: &[T]) -> Option<String> {
        (!list.is_empty()).then(|| self.instance().record_pages(table.logical_name))
    }

    /// What finds out by mail who a visitor is, if the deployment has it.
    pub fn verification(&self) -> Option<&Verification> {
        self.verification.as_ref()
    }

    /// Does this work after the call has been answered, so that how long it takes tells nothing.
    pub fn afterwards(&self, work: impl Future<Output = ()> + Send + 'static) {
        later(self.journal.as_ref(), work);
    }

    /// The session with Dataverse, for work after the answer.
    pub fn session_for_later(&self) -> Session {
        self.session.clone()
    }

    /// The connection that the call uses.
    pub fn connection(&self) -> &ConnectionId {
        &self.connection
    }

    /// The time at which the call came.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The name of the tool.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// The session with Dataverse, until the deadline. Only this crate can use it: tools can write
    /// only with [`create`](crate::create) and [`carry_out`](crate::carry_out).
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn once(&self) -> &Once {
        &self.once
    }
}

/// Does this work after the answer.
pub(crate) fn later(
    journal: Option<&Arc<Journal>>,
    work: impl Future<Output = ()> + Send + 'static,
) {
    match journal {
        Some(journal) => journal.do_later(work),
        None => drop(tokio::spawn(work)),
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
