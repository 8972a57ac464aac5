//! Answers HTTP requests with the tools of a group.

use std::time::Duration;

use auth::Connections;
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use state::{Kind, State};
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::edge::{CONNECTION_ID, IDEMPOTENCY_KEY, header};
use crate::idempotency::{Identity, canonical};
use crate::once::{Once, Tie};
use crate::{
    Access, Call, Caller, Context, Edge, ErrorCode, Group, Handler, Incoming, Reply, ToolError,
    WriteState, sha256_hex,
};

/// How long who reads waits in all where Dataverse limits the calls. Each that waits holds a function,
/// of which an account has so many; and who reads can read again. Who writes waits on, for a write
/// that was given up may be forgotten.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What precedes a tool's name in the path.
const PREFIX: &str = "/v1/tools/";

/// The tools of a group, as a handler of requests.
pub struct Tools {
    group: Group,
    connections: Connections,
    state: Option<State>,
}

impl Tools {
    /// The tools of this group, over these connections.
    pub fn new(group: Group, connections: Connections) -> Tools {
        Tools { group, connections, state: None }
    }

    /// With the table in which creates are announced. Without it, two calls at once that know
    /// nothing of each other may make the same record twice.
    #[must_use]
    pub fn with_state(mut self, state: Option<State>) -> Tools {
        self.state = state;
        self
    }

    /// The table.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }
}

/// Answers HTTP requests with the tools of a group.
pub type Service = Edge<Tools>;

impl Edge<Tools> {
    /// The tools of this group, over these connections.
    pub fn new(group: Group, connections: Connections) -> Service {
        Edge::of(Tools::new(group, connections))
    }

    /// The tools.
    pub fn group(&self) -> &Group {
        &self.handler().group
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.handler().connections
    }
}

impl Handler for Tools {
    async fn handle(
        &self,
        request: Incoming,
        caller: Caller,
        call: &mut Call,
    ) -> Result<Reply, ToolError> {
        let tool = tool_name(&request)?;
        let access = self.group.access(tool)?;
        call.tool = Some(tool.to_owned());
        call.writes = access == Access::Write;
        call.kind = Some(Kind::ToolCall);
        let connection_id = caller.connection(header(&request.headers, &CONNECTION_ID)?)?;
        call.connection = Some(connection_id.clone());
        caller.authorize(access)?;

        let arguments = arguments(&request.body)?;
        let identity = Identity {
            connection: connection_id.as_str(),
            client: &caller.client,
            tool,
            idempotency_key: header(&request.headers, &IDEMPOTENCY_KEY)?,
            conversation: call.conversation.as_deref(),
            arguments: &arguments,
        };
        // What only reads makes no row.
        let row = if call.writes { identity.record_id() } else { None };
        let tie = match (row, identity.idempotency_key) {
            (None, _) => Tie::None,
            (Some(_), None) => Tie::Conversation,
            (Some(_), Some(_)) => Tie::Key(sha256_hex(canonical(&arguments))),
        };
        // Where nothing ties two calls together, each makes a row of its own.
        let row = row.unwrap_or_else(Uuid::new_v4);
        let once = Once::new(self.state.clone().filter(|_| call.writes), row, tie);
        let (tool, prepared) = self.group.prepare(tool, arguments)?;

        let connection = timeout_at(request.deadline, self.connections.open(&connection_id))
            .await
            .map_err(|_| {
                ToolError::new(
                    ErrorCode::DeadlineExceeded,
                    "the connection's credentials could not be read in time",
                )
                .write(WriteState::NotHappened)
            })??;
        let mut session = connection.client().session(request.deadline);
        if access == Access::Read {
            session = session.with_patience(PATIENCE);
        }
        call.session = Some(session.clone());
        let now = Timestamp::now();
        let context = Context { session, connection: connection_id, tool, now, once };
        let result = prepared(&context).await.map_err(|error| {
            // However the answer to a read went wrong, nothing was changed.
            let is_certain = error.is_without_effect() || context.session.has_sent_write();
            if is_certain { error } else { error.write(WriteState::NotHappened) }
        });
        if result.as_ref().is_err_and(ToolError::is_without_effect) {
            context.once().withdraw().await;
        }
        Ok(Reply::written(StatusCode::OK, result?))
    }
}

fn tool_name(incoming: &Incoming) -> Result<&str, ToolError> {
    let unknown = |detail| {
        ToolError::new(ErrorCode::UnknownTool, detail)
            .next_step("Call POST /v1/tools/{tool} with the arguments as a JSON object.")
    };
    let (_, tool) =
        incoming.path.split_once(PREFIX).ok_or_else(|| unknown("tools live below /v1/tools/"))?;
    if incoming.method != Method::POST {
        return Err(ToolError::method_not_allowed("POST"));
    }
    Ok(tool.trim_end_matches('/'))
}

fn arguments(body: &Bytes) -> Result<Value, ToolError> {
    if body.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let invalid = |detail: String| {
        ToolError::new(ErrorCode::InvalidArguments, detail)
            .next_step("Send the arguments as a JSON object, in UTF-8.")
    };
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("the body must be a JSON object".to_owned())),
        Err(error) => Err(invalid(format!("the body is not JSON: {error}"))),
    }
}
