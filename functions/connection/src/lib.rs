//! Sets connections up, inspects and tests them. It also serves the fields of the sidebar, the
//! activity log and the API keys.
//!
//! A connection's credentials are stored only when they have been seen to work. If they do not
//! work, the answer names one cause, and the step of the set-up that mends it.

mod activity;
mod availability;
mod available;
mod columns;
mod keys;
mod known;
mod list;
mod look;
mod parameters;
mod remove;
mod schema;
mod set_up;
mod sidebar;
mod sidebar_fields;
mod table;
mod view;
mod visitors;

use auth::{ConnectionId, Connections};
use dataverse::Session;
use state::State;
use toolkit::operation::Section;
use toolkit::{
    Call, Caller, Collect, Definition, ErrorCode, Home, Incoming, Needs, PATIENCE, ToolError,
};

pub use keys::SAMPLE_KEY;

/// Looks after connections and API keys.
pub struct Administration {
    connections: Connections,
    state: State,
    tools: Vec<Definition>,
    needs: Needs,
}

/// The operations of this function.
pub fn operations<C: Collect<Administration>>(operations: C) -> C {
    const GROUP: &str = "connection";
    operations
        .with::<list::ListConnections>(GROUP)
        .with::<set_up::SetUpConnection>(GROUP)
        .with::<look::GetConnection>(GROUP)
        .with::<remove::RemoveConnection>(GROUP)
        .with::<look::TestConnection>(GROUP)
        .with::<sidebar_fields::GetSidebarFields>(GROUP)
        .with::<sidebar_fields::SetSidebarFields>(GROUP)
        .with::<available::GetAvailableFields>(GROUP)
        .with::<sidebar::GetSidebar>(GROUP)
        .with::<activity::GetActivity>(GROUP)
        .with::<visitors::GetVisitors>(GROUP)
        .with::<visitors::SetVisitors>(GROUP)
        .with::<keys::list::ListKeys>(GROUP)
        .with::<keys::make::MakeKey>(GROUP)
        .with::<keys::change::ChangeKey>(GROUP)
        .with::<keys::revoke::RevokeKey>(GROUP)
}

impl Administration {
    /// Looks after these connections, and says which of these tools they allow. `state` keeps what
    /// is remembered of them.
    pub fn new(connections: Connections, state: State, tools: Vec<Definition>) -> Administration {
        let needs = Needs::of(&tools);
        Administration { connections, state, tools, needs }
    }

    /// Opens the connection, and begins a session with its environment.
    async fn session(
        &self,
        id: &ConnectionId,
        incoming: &Incoming,
        call: &mut Call,
    ) -> Result<Session, ToolError> {
        let connection = self.connections.open(id).await?;
        let session = connection.client().session(incoming.deadline).with_patience(PATIENCE);
        call.session = Some(session.clone());
        Ok(session)
    }
}

impl Home for Administration {
    async fn renewed(&self, caller: Caller, section: Section) -> Result<Caller, ToolError> {
        let is_about_keys = section == Section::Keys;
        let Some(id) = caller.key else { return Ok(caller) };
        match table::soon(self.state.key(id)).await {
            Ok(Some((_, key))) => Caller::of_made(&key).map_err(|error| {
                ToolError::new(ErrorCode::Unauthenticated, "this API key allows nothing any more")
                    .for_log(error)
            }),
            Ok(None) => {
                Err(ToolError::new(ErrorCode::Unauthenticated, "this API key has been revoked"))
            }
            // Connections can be set up while the table does not answer. Keys are not made then.
            Err(error) if is_about_keys => Err(table::failed(error)),
            Err(error) => {
                tracing::warn!(%error, key = %id, "what the gateway knows of the key counts");
                Ok(caller)
            }
        }
    }
}
