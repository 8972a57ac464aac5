//! Checks the envelope of a message before the protocol reads it.

use bytes::Bytes;
use serde_json::{Value, json};

/// The methods that the log names. A client may send others.
const METHODS: [&str; 7] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "prompts/get",
    "prompts/list",
    "server/discover",
    "tools/list",
];

/// A message with a valid envelope.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    name: &'static str,
}

impl Message {
    /// Reads the message of a request (JSON-RPC 2.0, section 4). Several messages at once, which
    /// one old version of the protocol allowed, are refused.
    pub(crate) fn of(body: &Bytes) -> Result<Message, RpcError> {
        let message: Value = serde_json::from_slice(body).map_err(|error| RpcError {
            code: RpcError::PARSE,
            message: format!("not JSON: {error}"),
        })?;
        let problem = if !message.is_object() {
            "send one message, an object"
        } else if message["jsonrpc"] != "2.0" {
            "jsonrpc must be \"2.0\""
        } else if !message["method"].is_string() {
            "method must be a text"
        } else if message.get("id").is_some_and(|id| !(id.is_string() || id.is_i64())) {
            "id must be a text or a whole number"
        } else if message.get("params").is_some_and(|params| !params.is_object()) {
            "params must be an object"
        } else if message["params"].get("_meta").is_some_and(|meta| !meta.is_object()) {
            "params._meta must be an object"
        } else {
            let method = message["method"].as_str().unwrap_or_default();
            let name = METHODS.into_iter().find(|known| *known == method).unwrap_or("mcp");
            return Ok(Message { name });
        };
        Err(RpcError::request(problem.to_owned()))
    }

    /// Its name in the log.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// An error of JSON-RPC 2.0, section 5.1, without the id of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    code: i64,
    message: String,
}

impl RpcError {
    /// The text is not JSON.
    const PARSE: i64 = -32700;
    /// The JSON is not a message.
    const REQUEST: i64 = -32600;
    /// A defect.
    pub(crate) const INTERNAL: i64 = -32603;

    /// The message cannot be answered.
    pub(crate) fn request(message: String) -> RpcError {
        RpcError { code: RpcError::REQUEST, message }
    }

    /// A defect.
    pub(crate) fn internal() -> RpcError {
        RpcError {
            code: RpcError::INTERNAL,
            message: "something went wrong on our side".to_owned(),
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        json!({
            "jsonrpc": "2.0", "id": null,
            "error": {"code": self.code, "message": self.message},
        })
    }
}
