//! What a fault is, as a control call arms it. Which requests it strikes and how often is said in
//! [`faults`](super::faults), what it does to them in [`strike`](super::strike).

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::message::ApiResponse;
use crate::organization::throttle::ProtectionLimit;

/// Headers that say where an answer ends.
const FRAMING: [HeaderName; 3] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 of the service protection limits.
    Throttle,
    /// 503.
    Unavailable,
    /// The connection is closed without an answer.
    Drop,
    /// The answer comes late.
    Slow,
    /// 401, as for a token that is no longer accepted.
    Unauthorized,
    /// 400 by a plug-in of the organization, with `message`.
    Plugin,
    /// Whatever the fault spells out: `status`, `headers` and a body.
    Answer,
}

/// An error in the form in which Dataverse writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpelledOutError {
    /// As it is written: `0x80040216`, `0x0`, or nothing.
    code: String,
    message: String,
}

/// One armed fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this method; any where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    /// Only requests whose path starts so; any where it is left out. From the root, or below
    /// `/api/data/v9.2`, below `/v1.0` of Graph, or without the tenant: `/oauth2/v2.0/token`.
    /// `/incidents` means `/incidents`, `/incidents(…)` and `/incidents/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// How it fails.
    pub kind: FaultKind,
    /// Whether the work is done before it fails.
    #[serde(default)]
    pub after_commit: bool,
    /// How many requests fail.
    #[serde(default = "one")]
    pub(super) times: u32,
    /// Only each so many-th of the matching requests fails: 3 for a third of them.
    #[serde(default = "one")]
    pub(super) every: u32,
    /// The `Retry-After` of a throttled or unavailable answer, in seconds. A throttled answer
    /// without it says one second; an unavailable one then has no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// How late a slow answer is.
    #[serde(default)]
    pub delay_ms: u64,
    /// Which limit a throttled request is over.
    #[serde(default)]
    pub limit: ProtectionLimit,
    /// What the plug-in says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The status of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The headers of an answer; `json` and `error` bring their own content type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// The body of an answer, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body of an answer, as bytes in Base64: compressed, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// The body of an answer, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// The body of an answer, as an error of Dataverse with the ids that go with it.
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
    /// Not a method.
    #[error("method: '{0}' is not an HTTP method in capital letters")]
    Method(String),
    /// Not a path.
    #[error("path: '{0}' does not start with a slash")]
    Path(String),
    /// Slow, but not at all.
    #[error("delay_ms: a slow answer needs a delay of at least 1 ms")]
    NoDelay,
    /// A plug-in that says nothing.
    #[error("message: only kind 'plugin' has one, and needs it")]
    Message,
    /// An answer without a status, or a status without an answer.
    #[error("status: only kind 'answer' has one, and needs it: 200 to 599")]
    Status,
    /// Only an answer is spelled out.
    #[error("headers, body, base64, json, error: only kind 'answer' has them")]
    Contents,
    /// Two bodies.
    #[error("body, base64, json, error: an answer has one of them at most")]
    Bodies,
    /// A body where HTTP has none.
    #[error("status: an answer {0} has no body")]
    NoBody(u16),
    /// Not Base64.
    #[error("base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not a header.
    #[error("headers: '{0}' is not a header, or its value is none")]
    Header(String),
    /// A header that the server itself writes.
    #[error("headers: '{0}' is written by the server itself")]
    Framing(String),
}

impl Fault {
    /// Refuses a fault that makes no sense.
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

    /// Whether the answer is an error of Dataverse itself.
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
