//! What a chat writes while nobody knows who the visitor is: how much, and what.
//!
//! An organization's automatic replies would mail any address that somebody types. So a chat writes a
//! few records and no more, and so does everybody together with one API key.

use auth::ConnectionId;
use jiff::Timestamp;
use state::{Hour, Visit};
use uuid::Uuid;

use crate::idioms::once::within;
use crate::{Context, ErrorCode, ToolError, WriteState};

/// The chat of a call.
pub(crate) struct Chat {
    /// The chat, if the call says which it is.
    visit: Option<Visit>,
    hour: Hour,
}

impl Chat {
    pub(crate) fn new(connection: &ConnectionId, client: &str, conversation: Option<&str>) -> Chat {
        let connection = connection.as_str();
        Chat {
            visit: conversation.map(|it| Visit::new(connection, client, it)),
            hour: Hour::new(connection, client, Timestamp::now()),
        }
    }

    /// Counts one more record that nobody known writes. While the table does not answer, nothing is
    /// counted, and people can still ask for help.
    ///
    /// # Errors
    ///
    /// `visitor_unverified`: it would be one too many.
    pub(crate) async fn admit(&self, context: &Context) -> Result<(), ToolError> {
        let (Some(state), Some(settings)) = (&context.once().state, context.visitors()) else {
            return Ok(());
        };
        if let Some(visit) = &self.visit {
            let count = within(state.count_write(visit)).await;
            if count.is_some_and(|count| count > settings.writes_per_conversation) {
                return Err(too_much("this chat has written as many records as it may"));
            }
        }
        let count = within(state.count_write_of_hour(&self.hour)).await;
        if count.is_some_and(|count| count > settings.writes_per_hour) {
            return Err(too_much("chats have written as many records in this hour as they may"));
        }
        Ok(())
    }

    /// Notes the record that the call has made.
    pub(crate) async fn note_made(&self, context: &Context) {
        if let (Some(state), Some(visit)) = (&context.once().state, &self.visit) {
            within(state.note_made(visit, context.once().row())).await;
        }
    }

    /// The records that this chat has made.
    async fn made(&self, context: &Context) -> Vec<Uuid> {
        match (&context.once().state, &self.visit) {
            (Some(state), Some(visit)) => within(state.made(visit)).await.unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn too_much(detail: &str) -> ToolError {
    ToolError::new(ErrorCode::VisitorUnverified, detail)
        .next_step("Offer a person: nothing more can be written down before the visitor is known.")
        .write(WriteState::NotHappened)
}

impl Context {
    /// The records that the chat of this call has made while nobody knew who the visitor was. `None`
    /// unless that is so now.
    pub async fn made_by_stranger(&self) -> Option<Vec<Uuid>> {
        if self.is_unverified() { Some(self.chat.made(self).await) } else { None }
    }
}
