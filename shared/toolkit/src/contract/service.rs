//! Answers requests by calling tools.

use std::time::Duration;

use auth::Connections;
use jiff::Timestamp;
use state::State;
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::contract::tool::PATH;
use crate::edge::{IDEMPOTENCY_KEY, header};
use crate::idioms::idempotency::{Identity, canonical};
use crate::idioms::once::{Once, Tie};
use crate::operation::{Arguments, Declaration, Function, Home};
use crate::{Answer, Context, Edge, ErrorCode, Request, Tool, ToolError, WriteState, sha256_hex};

/// The longest that a tool waits in total while Dataverse throttles, if the tool only reads. A
/// waiting call occupies a function, and an account has a limited number of those. A read can be
/// repeated later. A tool that writes waits until the deadline, because a caller may forget a
/// failed write.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The data that tools work with.
pub struct Tools {
    connections: Connections,
    state: Option<State>,
}

impl Tools {
    /// Tools that use these connections.
    pub fn new(connections: Connections) -> Tools {
        Tools { connections, state: None }
    }

    /// Sets the table in which creates are announced. Without it, two calls at the same time may
    /// create the same record twice.
    #[must_use]
    pub fn with_state(mut self, state: Option<State>) -> Tools {
        self.state = state;
        self
    }

    /// The table in which creates are announced.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Calls a tool.
    pub(crate) async fn call<T: Tool>(
        &self,
        request: Request<'_, T>,
    ) -> Result<Answer<T::Result>, ToolError> {
        let Request { body: Arguments { given, read }, about: connection_id, caller, .. } = request;
        let (incoming, call) = (request.incoming, request.call);
        let identity = Identity {
            connection: connection_id.as_str(),
            client: &caller.client,
            tool: T::NAME,
            idempotency_key: header(&incoming.headers, &IDEMPOTENCY_KEY)?,
            conversation: call.conversation.as_deref(),
            arguments: &given,
        };
        // A tool that only reads creates no row.
        let row = if call.writes { identity.record_id() } else { None };
        let tie = match (row, identity.idempotency_key) {
            (None, _) => Tie::None,
            (Some(_), None) => Tie::Conversation,
            (Some(_), Some(_)) => Tie::Key(sha256_hex(canonical(&given))),
        };
        // If nothing connects this call with others, it creates a row with a new key.
        let row = row.unwrap_or_else(Uuid::new_v4);
        let once = Once::new(self.state.clone().filter(|_| call.writes), row, tie);
        let connection = timeout_at(incoming.deadline, self.connections.open(&connection_id))
            .await
            .map_err(|_| {
                ToolError::new(
                    ErrorCode::DeadlineExceeded,
                    "the connection's credentials could not be read in time",
                )
                .write(WriteState::NotHappened)
            })??;
        let mut session = connection.client().session(incoming.deadline);
        if !<T as Tool>::EFFECT.writes() {
            session = session.with_patience(PATIENCE);
        }
        call.session = Some(session.clone());
        let now = Timestamp::now();
        let tool = T::NAME;
        let context = Context { session, connection: connection_id, tool, now, once };
        let result = <T as Tool>::call(&context, read).await.map_err(|error| {
            // If only reads were sent, nothing was changed, whatever failed.
            let is_certain = error.is_without_effect() || context.session.has_sent_write();
            if is_certain { error } else { error.write(WriteState::NotHappened) }
        });
        if result.as_ref().is_err_and(ToolError::is_without_effect) {
            context.once().withdraw().await;
        }
        result
    }
}

impl Home for Tools {
    fn nothing_there(&self, path: &str, operations: &[Declaration]) -> ToolError {
        if !path.starts_with(PATH) {
            return ToolError::new(ErrorCode::NotFound, "there is nothing at that path")
                .next_step("GET /v1/openapi.json says what there is.");
        }
        let names: Vec<_> = operations.iter().map(|operation| operation.id).collect();
        ToolError::new(ErrorCode::UnknownTool, "no tool of this group has that name")
            .next_step(format!("Call one of: {}.", names.join(", ")))
    }
}

/// Answers HTTP requests with tools.
pub type Service = Edge<Function<Tools>>;
