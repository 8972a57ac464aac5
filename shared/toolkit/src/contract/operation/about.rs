//! Finds the connection that a request is about.

use auth::ConnectionId;

use crate::edge::{CONNECTION_ID, header};
use crate::{Caller, ErrorCode, Incoming, ToolError};

/// Where a request names its connection.
pub trait About: Send + Sync + 'static {
    /// The connection's id, or `()` if there is no connection.
    type Value: Send;
    /// Whether the parameter `id` of the path names it.
    const IS_IN_PATH: bool;
    /// Whether the header `X-Connection-Id` names it.
    const IS_IN_HEADER: bool;

    /// Finds the connection, and refuses one that the caller's key is not bound to.
    fn of(
        incoming: &Incoming,
        in_path: Option<&str>,
        caller: &Caller,
    ) -> Result<Self::Value, ToolError>;

    /// The connection, for the log.
    fn connection(value: &Self::Value) -> Option<&ConnectionId>;
}

/// The request is about no connection.
#[derive(Debug)]
pub enum Nothing {}

/// The connection is the path's parameter `id`.
#[derive(Debug)]
pub enum InPath {}

/// The connection is named by the header `X-Connection-Id`, or is the only one of the key, or
/// `default`.
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
