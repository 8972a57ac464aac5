//! Faults, as control calls arm them. [`faults`](super::faults) decides which requests they strike
//! and how often. [`strike`](super::strike) decides what they do to these requests.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::message::ApiResponse;
use crate::organization::throttle::ProtectionLimit;

/// Headers that tell where an answer ends.
const FRAMING: [HeaderName; 3] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// The way in which a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429: a service protection limit is exceeded.
    Throttle,
    /// 503: the service is unavailable.
    Unavailable,
    /// The connection is closed without an answer.
    Drop,
    /// The answer comes late.
    Slow,
    /// 401, as if the token were no longer accepted.
    Unauthorized,
    /// 400 from a plug-in of the organization, with the text in `message`.
    Plugin,
    /// Exactly the answer that the fault gives: `status`, `headers` and a body.
    Answer,
}

/// An error in the form that Dataverse writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpelledOutError {
    /// The code as it is written: `0x80040216`, `0x0`, or nothing.
    code: String,
    message: String,
}

/// One armed fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this method fail. Without it, any method counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    /// Only requests fail whose path starts with this one. Without it, any path counts. It can
    /// start at the root, below `/api/data/v9.2`, below `/v1.0` of Graph, or without the tenant
    /// (`/oauth2/v2.0/token`). `/incidents` matches `/incidents`, `/incidents(…)` and
    /// `/incidents/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The way in which a request fails.
    pub kind: FaultKind,
    /// Whether the work is done before the request fails.
    #[serde(default)]
    pub after_commit: bool,
    /// The number of requests that fail.
    #[serde(default = "one")]
    pub(super) times: u32,
    /// Only every n-th matching request fails: with 3, a third of them.
    #[serde(default = "one")]
    pub(super) every: u32,
    /// The `Retry-After` header of a throttled or unavailable answer, in seconds. Without it, a
    /// throttled answer says one second, and an unavailable answer does not have the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The delay of a slow answer, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// The limit that a throttled request exceeds.
    #[serde(default)]
    pub limit: ProtectionLimit,
    /// The text of the plug-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// For the kind `answer`: the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// For the kind `answer`: the headers. With `json` and `error`, the content type is set
    /// automatically.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// For the kind `answer`: the body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// For the kind `answer`: the body as bytes in Base64, for example compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// For the kind `answer`: the body as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// For the kind `answer`: the body as an error of Dataverse, with the usual ids in the headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<SpelledOutError>,
}

fn one() -> u32 {
    1
}

/// Why a fault was not armed.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It would never strike.
    #[error("times, every: must be at least 1")]
    Never,
    /// The method is not an HTTP method.
    #[error("method: '{0}' is not an HTTP method in capital letters")]
    Method(String),
    /// The path is not a path.
    #[error("path: '{0}' does not start with a slash")]
    Path(String),
    /// A slow fault has no delay.
    #[error("delay_ms: a slow answer needs a delay of at least 1 ms")]
    NoDelay,
    /// A plug-in fault has no message, or another fault has one.
    #[error("message: only kind 'plugin' has one, and needs it")]
    Message,
    /// An answer has no status, or another fault has one.
    #[error("status: only kind 'answer' has one, and needs it: 200 to 599")]
    Status,
    /// Headers or a body belong only to the kind `answer`.
    #[error("headers, body, base64, json, error: only kind 'answer' has them")]
    Contents,
    /// There is more than one body.
    #[error("body, base64, json, error: an answer has one of them at most")]
    Bodies,
    /// There is a body, but HTTP allows none with this status.
    #[error("status: an answer {0} has no body")]
    NoBody(u16),
    /// The text is not Base64.
    #[error("base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// A header is not valid.
    #[error("headers: '{0}' is not a header, or its value is none")]
    Header(String),
    /// A header is one that the server itself writes.
    #[error("headers: '{0}' is written by the server itself")]
    Framing(String),
}

impl Fault {
    /// Checks that the fault makes sense.
    pub fn check(&self) -> Result<(), FaultError> {
        if self.times == 0 || self.every == 0 {
            return Err(FaultError::Never);
        }
        if let Some(method) = &self.method
            && !method.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            return Err(FaultError::Method(method.clone()));
        }
        if let Some(path) = &self.path
            && !path.starts_with('/')
        {
            return Err(FaultError::Path(path.clone()));
        }
        if self.kind == FaultKind::Slow && self.delay_ms == 0 {
            return Err(FaultError::NoDelay);
        }
        if (self.kind == FaultKind::Plugin) != self.message.is_some() {
            return Err(FaultError::Message);
        }
        if self.kind == FaultKind::Answer {
            self.answer()?;
        } else if self.status.is_some() {
            return Err(FaultError::Status);
        } else if self.bodies() > 0 || !self.headers.is_empty() {
            return Err(FaultError::Contents);
        }
        Ok(())
    }

    fn bodies(&self) -> usize {
        let given =
            [self.body.is_some(), self.base64.is_some(), self.json.is_some(), self.error.is_some()];
        given.into_iter().filter(|given| *given).count()
    }

    /// Whether the answer is written like an error of Dataverse itself.
    pub fn is_refusal(&self) -> bool {
        self.error.is_some()
    }

    /// The answer that the fault spells out.
    pub fn answer(&self) -> Result<ApiResponse, FaultError> {
        let status = self
            .status
            .filter(|status| (200..600).contains(status))
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or(FaultError::Status)?;
        if self.bodies() > 1 {
            return Err(FaultError::Bodies);
        }
        let mut answer = match (&self.json, &self.error) {
            (Some(json), _) => ApiResponse::json(status, json),
            (None, Some(error)) => ApiResponse::json(status, &json!({ "error": error })),
            (None, None) => ApiResponse::empty(status),
        };
        if let Some(text) = &self.body {
            answer.body = text.clone().into();
        }
        if let Some(text) = &self.base64 {
            answer.body = BASE64_STANDARD.decode(text)?.into();
        }
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            && !answer.body.is_empty()
        {
            return Err(FaultError::NoBody(status.as_u16()));
        }
        for (name, value) in &self.headers {
            let invalid = || FaultError::Header(name.clone());
            let header = HeaderName::try_from(name).map_err(|_| invalid())?;
            if FRAMING.contains(&header) {
                return Err(FaultError::Framing(name.clone()));
            }
            answer.headers.insert(header, HeaderValue::try_from(value).map_err(|_| invalid())?);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(value: serde_json::Value) -> Fault {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_answer_is_what_the_fault_spells_out() {
        let answer = |value| fault(value).answer().unwrap();
        let page = answer(json!({"kind": "answer", "status": 404, "body": "<html>",
            "headers": {"Content-Type": "text/html"}}));
        assert_eq!((page.status.as_u16(), &page.body[..]), (404, &b"<html>"[..]));
        assert_eq!(page.headers["content-type"], "text/html");
        let refusal = answer(json!({"kind": "answer", "status": 400,
            "error": {"code": "0x0", "message": "No."}}));
        assert_eq!(&refusal.body[..], br#"{"error":{"code":"0x0","message":"No."}}"#);
        assert_eq!(&answer(json!({"kind": "answer", "status": 200, "json": {}})).body[..], b"{}");
        let bytes = json!({"kind": "answer", "status": 200, "base64": "H4s="});
        assert_eq!(answer(bytes).body[..], [0x1f, 0x8b]);
        assert!(answer(json!({"kind": "answer", "status": 204})).body.is_empty());
    }

    #[test]
    fn a_fault_that_makes_no_sense_is_not_armed() {
        for nonsense in [
            json!({"kind": "drop", "times": 0}),
            json!({"kind": "drop", "every": 0}),
            json!({"kind": "slow"}),
            json!({"kind": "plugin"}),
            json!({"kind": "drop", "path": "incidents"}),
            json!({"kind": "drop", "method": "post"}),
            json!({"kind": "answer"}),
            json!({"kind": "answer", "status": 100}),
            json!({"kind": "answer", "status": 600}),
            json!({"kind": "answer", "status": 200, "body": "a", "json": {}}),
            json!({"kind": "answer", "status": 204, "body": "a"}),
            json!({"kind": "answer", "status": 200, "base64": "?"}),
            json!({"kind": "answer", "status": 302, "headers": {"a b": "c"}}),
            json!({"kind": "answer", "status": 302, "headers": {"location": "a\nb"}}),
            json!({"kind": "answer", "status": 200, "headers": {"Content-Length": "1"}}),
            json!({"kind": "drop", "status": 404}),
            json!({"kind": "drop", "body": ""}),
            json!({"kind": "drop", "headers": {"location": "/"}}),
        ] {
            assert!(fault(nonsense.clone()).check().is_err(), "{nonsense}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"kind": "drop", "time": 1})).is_err());
    }
}
