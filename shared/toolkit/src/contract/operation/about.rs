//! Finds the connection that a request is about.

use auth::ConnectionId;

use crate::edge::{CONNECTION_ID, header};
use crate::{Caller, ErrorCode, Incoming, ToolError};

/// The part of a request that names the connection.
pub trait About: Send + Sync + 'static {
    /// The type of the connection: its id, or `()` if there is none.
    type Value: Send;
    /// Whether the path parameter `id` names the connection.
    const IS_IN_PATH: bool;
    /// Whether the header `X-Connection-Id` names the connection.
    const IS_IN_HEADER: bool;

    /// Finds the connection. It is an error if the caller's key is not bound to it.
    fn of(
        incoming: &Incoming,
        in_path: Option<&str>,
        caller: &Caller,
    ) -> Result<Self::Value, ToolError>;

    /// The id of the connection, for the log.
    fn connection(value: &Self::Value) -> Option<&ConnectionId>;
}

/// The request is not about a connection.
#[derive(Debug)]
pub enum Nothing {}

/// The path parameter `id` names the connection.
#[derive(Debug)]
pub enum InPath {}

/// The header `X-Connection-Id` names the connection. Without the header, it is the only connection
/// of the key, or else `default`.
#[derive(Debug)]
pub enum InHeader {}

impl About for Nothing {
    type Value = ();
    const IS_IN_PATH: bool = false;
    const IS_IN_HEADER: bool = false;

    fn of(_: &Incoming, _: Option<&str>, _: &Caller) -> Result<(), ToolError> {
        Ok(())
    }

    fn connection((): &()) -> Option<&ConnectionId> {
        None
    }
}

impl About for InPath {
    type Value = ConnectionId;
    const IS_IN_PATH: bool = true;
    const IS_IN_HEADER: bool = false;

    fn of(_: &Incoming, in_path: Option<&str>, caller: &Caller) -> Result<ConnectionId, ToolError> {
        let id: ConnectionId = in_path.unwrap_or_default().parse().map_err(|error| {
            ToolError::new(ErrorCode::InvalidArguments, format!("the path is wrong: {error}"))
        })?;
        caller.authorize_connection(&id)?;
        Ok(id)
    }

    fn connection(id: &ConnectionId) -> Option<&ConnectionId> {
        Some(id)
    }
}

impl About for InHeader {
    type Value = ConnectionId;
    const IS_IN_PATH: bool = false;
    const IS_IN_HEADER: bool = true;

    fn of(
        incoming: &Incoming,
        _: Option<&str>,
        caller: &Caller,
    ) -> Result<ConnectionId, ToolError> {
        caller.connection(header(&incoming.headers, &CONNECTION_ID)?)
    }

    fn connection(id: &ConnectionId) -> Option<&ConnectionId> {
        Some(id)
    }
}
