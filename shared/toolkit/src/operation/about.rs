//! Which connection a request is about, and where it says so.

use auth::ConnectionId;

use crate::edge::{CONNECTION_ID, header};
use crate::{Caller, ErrorCode, Incoming, ToolError};

/// Where an operation's connection is named.
pub trait About: Send + Sync + 'static {
    /// What the operation knows of it.
    type Value: Send;
    /// Whether the path has a parameter `id` for it.
    const IS_IN_PATH: bool;
    /// Whether a header says which.
    const IS_IN_HEADER: bool;

    /// Which one it is; the caller's key is bound to it.
    fn of(
        incoming: &Incoming,
        in_path: Option<&str>,
        caller: &Caller,
    ) -> Result<Self::Value, ToolError>;

    /// For the log.
    fn connection(value: &Self::Value) -> Option<&ConnectionId>;
}

/// It is about no connection.
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
