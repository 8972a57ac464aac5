//! Faults that a control call arms: the next matching requests fail that way.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::ApiResponse;
use crate::throttle::Facet;

/// Headers that say where an answer ends.
const FRAMING: [HeaderName; 3] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
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
struct Refusal {
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
    method: Option<String>,
    /// Only requests whose path starts so; any where it is left out. From the root, or below
    /// `/api/data/v9.2`, below `/v1.0` of Graph, or without the tenant: `/oauth2/v2.0/token`.
    /// `/incidents` means `/incidents`, `/incidents(…)` and `/incidents/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// How it fails.
    pub kind: Kind,
    /// Whether the work is done before it fails.
    #[serde(default)]
    pub after_commit: bool,
    /// How many requests fail.
    #[serde(default = "one")]
    times: u32,
    /// Only each so many-th of the matching requests fails: 3 for a third of them.
    #[serde(default = "one")]
    every: u32,
    /// How many matching requests there were.
    #[serde(skip)]
    seen: u32,
    /// The `Retry-After` of a throttled or unavailable answer, in seconds. A throttled answer
    /// without it says one second; an unavailable one then has no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// How late a slow answer is.
    #[serde(default)]
    pub delay_ms: u64,
    /// Which limit a throttled request is over.
    #[serde(default)]
    pub limit: Facet,
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
    error: Option<Refusal>,
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
    fn check(&self) -> Result<(), FaultError> {
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
        if self.kind == Kind::Slow && self.delay_ms == 0 {
            return Err(FaultError::NoDelay);
        }
        if (self.kind == Kind::Plugin) != self.message.is_some() {
            return Err(FaultError::Message);
        }
        if self.kind == Kind::Answer {
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

    fn matches(&self, method: &Method, paths: &[&str]) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
            && self
                .path
                .as_deref()
                .is_none_or(|wanted| paths.iter().any(|path| starts_at(path, wanted)))
    }
}

/// Whether the path starts with whole segments of the wanted one.
fn starts_at(path: &str, wanted: &str) -> bool {
    path.strip_prefix(wanted.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '(']))
}

/// The armed faults, in the order they were armed.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Arms one.
    pub fn arm(&self, fault: Fault) -> Result<(), FaultError> {
        fault.check()?;
        self.armed.lock().push(fault);
        Ok(())
    }

    /// The first fault that matches a request, which is then used up by one. `paths` are the names
    /// that the request goes by: from the root, and below the API's root.
    pub fn take(&self, method: &Method, paths: &[&str]) -> Option<Fault> {
        let mut armed = self.armed.lock();
        let index = armed.iter().position(|fault| fault.matches(method, paths))?;
        armed[index].seen += 1;
        if !armed[index].seen.is_multiple_of(armed[index].every) {
            return None;
        }
        armed[index].times -= 1;
        if armed[index].times == 0 {
            return Some(armed.remove(index));
        }
        Some(armed[index].clone())
    }

    /// Those still armed.
    pub fn armed(&self) -> Vec<Fault> {
        self.armed.lock().clone()
    }

    /// Disarms all.
    pub fn clear(&self) {
        self.armed.lock().clear();
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
    fn a_fault_strikes_as_often_as_it_says() {
        let faults = Faults::default();
        faults
            .arm(fault(json!({"method": "POST", "path": "/incidents", "kind": "drop", "times": 2})))
            .unwrap();
        assert!(faults.take(&Method::GET, &["/incidents"]).is_none());
        assert!(faults.take(&Method::POST, &["/incidentresolutions"]).is_none());
        assert!(faults.take(&Method::POST, &["/api/data/v9.2/incidents", "/incidents"]).is_some());
        assert!(faults.take(&Method::POST, &["/incidents(1)/Incident_Annotation"]).is_some());
        assert!(faults.take(&Method::POST, &["/incidents"]).is_none());
    }

    #[test]
    fn a_fault_may_strike_each_third_request() {
        let faults = Faults::default();
        faults.arm(fault(json!({"kind": "throttle", "times": 2, "every": 3}))).unwrap();
        let struck: Vec<_> =
            (1..=9).filter(|_| faults.take(&Method::GET, &["/contacts"]).is_some()).collect();
        assert_eq!(struck, [3, 6]);
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
        let faults = Faults::default();
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
            assert!(faults.arm(fault(nonsense.clone())).is_err(), "{nonsense}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"kind": "drop", "time": 1})).is_err());
    }
}
