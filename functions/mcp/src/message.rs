//! Reads the messages of a request, and checks their envelopes before the protocol reads them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};

/// The methods that the log names. A client may send others.
const METHODS: [&str; 7] = [
    INITIALIZE,
    "notifications/initialized",
    "ping",
    "prompts/get",
    "prompts/list",
    "server/discover",
    "tools/list",
];

const INITIALIZE: &str = "initialize";

/// What the log calls a message that it does not name.
pub(crate) const UNNAMED: &str = "mcp";

/// The header with the version that client and server have agreed to.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The only version with several messages in one request. A request without the header has it, too
/// (2025-06-18, Streamable HTTP, "Protocol Version Header").
const OF_BATCHES: ProtocolVersion = ProtocolVersion::V_2025_03_26;

/// The most messages of one request. They are carried out one after the other, and share the 28
/// seconds of one request: that leaves each of ten 2.8, time for several trips to Dataverse. And where
/// the API limits how often somebody calls, it counts requests, whatever is in them.
const MOST: usize = 10;

/// What a request brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Messages {
    /// One message.
    One(Message),
    /// Several (JSON-RPC 2.0, section 6). One whose envelope is wrong does not keep the others from
    /// being answered.
    Batch(Vec<Result<Message, RpcError>>),
}

impl Messages {
    /// Reads what was sent with these headers.
    pub(crate) fn of(text: &Bytes, headers: &HeaderMap) -> Result<Messages, RpcError> {
        let body: Value = serde_json::from_slice(text).map_err(|error| RpcError {
            code: RpcError::PARSE,
            message: format!("not JSON: {error}"),
        })?;
        let entries = match body {
            Value::Array(entries) => entries,
            message => return Message::of(&message, text.clone()).map(Messages::One),
        };
        // Of the batch as a whole, nothing is carried out if it is refused here.
        let problem = if !headers.get_all(VERSION).iter().all(|it| it == OF_BATCHES.as_str()) {
            format!(
                "several messages at once, a batch, are only taken in the protocol's version \
                 {OF_BATCHES}, by the header MCP-Protocol-Version or without it: send one message, an \
                 object"
            )
        } else if entries.is_empty() {
            "a batch must have a message".to_owned()
        } else if entries.len() > MOST {
            format!("a batch must have at most {MOST} messages")
        } else if entries.iter().any(|entry| entry["method"] == INITIALIZE) {
            "initialize must not be in a batch: send it by itself, before the others".to_owned()
        } else {
            let entries = entries.iter().map(|entry| Message::of(entry, entry.to_string().into()));
            return Ok(Messages::Batch(entries.collect()));
        };
        Err(RpcError::request(problem))
    }
}

/// A message with a valid envelope.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    name: &'static str,
    id: Value,
    text: Bytes,
}

impl Message {
    /// Checks the envelope of a message (JSON-RPC 2.0, section 4).
    fn of(message: &Value, text: Bytes) -> Result<Message, RpcError> {
        let problem = if !message.is_object() {
            "a message must be an object"
        } else if message["jsonrpc"] != "2.0" {
            "jsonrpc must be \"2.0\""
        } else if !message["method"].is_string() {
            "method must be a text"
        } else if message.get("result").is_some() || message.get("error").is_some() {
            "a message with a method must have neither result nor error"
        } else if message.get("id").is_some_and(|id| !(id.is_string() || id.is_i64())) {
            "id must be a text or a whole number"
        } else if message.get("params").is_some_and(|params| !params.is_object()) {
            "params must be an object"
        } else if message["params"].get("_meta").is_some_and(|meta| !meta.is_object()) {
            "params._meta must be an object"
        } else {
            let method = message["method"].as_str().unwrap_or_default();
            let name = METHODS.into_iter().find(|known| *known == method).unwrap_or(UNNAMED);
            return Ok(Message { name, id: message["id"].clone(), text });
        };
        Err(RpcError::request(problem.to_owned()))
    }

    /// What came with a method of HTTP that brings no message.
    pub(crate) fn unread(text: Bytes) -> Message {
        Message { name: UNNAMED, id: Value::Null, text }
    }

    /// Its name in the log.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its id. It is null if nobody waits for an answer: a notification.
    pub(crate) fn id(&self) -> &Value {
        &self.id
    }

    /// The message as the protocol reads it.
    pub(crate) fn text(&self) -> Bytes {
        self.text.clone()
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
    /// The time was over, as the official SDKs number it (`RequestTimeout`).
    pub(crate) const LATE: i64 = -32001;

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

    /// The messages before this one took all of the time.
    pub(crate) fn late() -> RpcError {
        RpcError {
            code: RpcError::LATE,
            message:
                "nothing was done: the messages before this one took all the time of the request; \
                      send it again, by itself or with fewer"
                    .to_owned(),
        }
    }

    /// The error as the answer to the message with this id, which is null if there is none.
    pub(crate) fn to_value(&self, id: &Value) -> Value {
        json!({
            "jsonrpc": "2.0", "id": id,
            "error": {"code": self.code, "message": self.message},
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(body: &Value, versions: &[&'static str]) -> Result<Messages, RpcError> {
        let mut headers = HeaderMap::new();
        for version in versions.iter().copied() {
            headers.append(VERSION, HeaderValue::from_static(version));
        }
        Messages::of(&body.to_string().into(), &headers)
    }

    #[track_caller]
    fn one(read: Result<Messages, RpcError>) -> Message {
        match read {
            Ok(Messages::One(message)) => message,
            other => panic!("not one message: {other:?}"),
        }
    }

    #[track_caller]
    fn batch(read: Result<Messages, RpcError>) -> Vec<Result<Message, RpcError>> {
        match read {
            Ok(Messages::Batch(entries)) => entries,
            other => panic!("no batch: {other:?}"),
        }
    }

    fn ping(id: usize) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
    }

    #[test]
    fn several_messages_are_only_taken_in_the_version_that_has_batches() {
        let two = json!([ping(1), ping(2)]);
        let with_batches: [&[&str]; 3] = [&[], &["2025-03-26"], &["2025-03-26", "2025-03-26"]];
        for versions in with_batches {
            assert_eq!(batch(read(&two, versions)).len(), 2, "{versions:?}");
        }
        let without: [&[&str]; 7] = [
            &["2025-06-18"],
            &["2025-11-25"],
            &["2026-07-28"],
            &["2024-11-05"],
            &["2025-03-26", "2025-06-18"],
            &["2025-03-26 "],
            &[""],
        ];
        for versions in without {
            let refused = read(&two, versions).unwrap_err();
            assert_eq!(refused.code, RpcError::REQUEST);
            assert!(refused.message.contains("version 2025-03-26"), "{}", refused.message);
            // One message is taken in every version, which the protocol checks.
            assert_eq!(one(read(&ping(1), versions)).name(), "ping");
        }
    }

    #[test]
    fn a_batch_has_some_messages_and_not_too_many() {
        let of = |count: usize| Value::Array((0..count).map(ping).collect());
        for (count, problem) in [(0, "must have a message"), (MOST + 1, "at most 10 messages")] {
            let refused = read(&of(count), &[]).unwrap_err();
            assert_eq!(refused.code, RpcError::REQUEST);
            assert!(refused.message.contains(problem), "{}", refused.message);
        }
        for count in [1, MOST] {
            assert_eq!(batch(read(&of(count), &[])).len(), count);
        }
    }

    #[test]
    fn a_handshake_is_in_no_batch() {
        // Even if nothing else of it is right.
        for hello in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}),
            json!({"method": "initialize"}),
        ] {
            let refused = read(&json!([ping(1), hello]), &["2025-03-26"]).unwrap_err();
            assert!(refused.message.contains("initialize must not"), "{}", refused.message);
        }
    }

    #[test]
    fn a_wrong_entry_is_its_own_problem() {
        let entries = json!([
            ping(1),
            7,
            [],
            {"jsonrpc": "2.0", "id": 2, "result": {}},
            {"jsonrpc": "2.0", "id": 3, "method": "ping", "result": {}},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": null, "method": "ping"},
        ]);
        let entries = batch(read(&entries, &[]));
        let good: Vec<_> = entries.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, false, false, false, true, false]);
        for fault in entries.into_iter().filter_map(Result::err) {
            assert_eq!(fault.code, RpcError::REQUEST);
            assert_eq!(fault.to_value(&Value::Null)["id"], Value::Null);
        }
    }

    #[test]
    fn a_message_goes_on_as_it_came() {
        let text =
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"z":1.10,"a":1e+400}}"#;
        let id = json!("a");
        let message = one(Messages::of(&text.into(), &HeaderMap::new()));
        assert_eq!((message.name(), message.id()), (UNNAMED, &id));
        assert_eq!(message.text(), text);
        // Neither a number nor an order is changed in a batch.
        let several = format!("[{text}, {text}]");
        let entries = batch(Messages::of(&several.into(), &HeaderMap::new()));
        assert_eq!(entries.len(), 2);
        for message in entries.into_iter().map(Result::unwrap) {
            assert_eq!(message.id(), &id);
            assert_eq!(message.text(), text);
        }
    }

    #[test]
    fn the_log_names_known_methods_only() {
        for (method, name) in [
            ("ping", "ping"),
            ("initialize", "initialize"),
            ("tools/call", UNNAMED),
            ("a text of a client", UNNAMED),
        ] {
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": method});
            assert_eq!(one(read(&body, &[])).name(), name);
        }
    }

    #[test]
    fn what_is_no_json_is_told_as_such() {
        let refused = Messages::of(&Bytes::from_static(b"[{"), &HeaderMap::new()).unwrap_err();
        assert_eq!(refused.code, RpcError::PARSE);
    }

    #[test]
    fn an_error_names_the_message_that_it_answers() {
        let id = json!(7);
        let answer = RpcError::late().to_value(&id);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(RpcError::LATE)));
    }
}
