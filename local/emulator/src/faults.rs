//! Faults that a control call arms: the next matching requests fail that way.

use http::Method;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::throttle::Facet;

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
}

/// One armed fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this method; any where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Only requests whose path starts so, below `/api/data/v9.2` or from the root; any where it is
    /// left out. `/incidents` means `/incidents`, `/incidents(…)` and `/incidents/…`.
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
        Ok(())
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
    fn a_fault_that_makes_no_sense_is_not_armed() {
        let faults = Faults::default();
        for nonsense in [
            json!({"kind": "drop", "times": 0}),
            json!({"kind": "drop", "every": 0}),
            json!({"kind": "slow"}),
            json!({"kind": "plugin"}),
            json!({"kind": "drop", "path": "incidents"}),
            json!({"kind": "drop", "method": "post"}),
        ] {
            assert!(faults.arm(fault(nonsense.clone())).is_err(), "{nonsense}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"kind": "drop", "time": 1})).is_err());
    }
}
