//! The armed faults. This decides which requests they strike, and how often.

use http::Method;
use parking_lot::Mutex;

use super::fault::{Fault, FaultError};

/// The armed faults, in the order in which they were armed.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<Vec<ArmedFault>>,
}

#[derive(Debug)]
struct ArmedFault {
    fault: Fault,
    /// The number of matching requests so far.
    seen: u32,
}

impl Faults {
    /// Arms a fault.
    pub fn arm(&self, fault: Fault) -> Result<(), FaultError> {
        fault.check()?;
        self.armed.lock().push(ArmedFault { fault, seen: 0 });
        Ok(())
    }

    /// The fault that strikes a request, if any. Only the first matching fault counts the request,
    /// even if it is not its turn to strike. A fault that has struck `times` times is removed.
    /// `paths` are the names of the request's path.
    pub fn take(&self, method: &Method, paths: &[&str]) -> Option<Fault> {
        let mut armed = self.armed.lock();
        let index = armed.iter().position(|it| matches(&it.fault, method, paths))?;
        let it = &mut armed[index];
        it.seen += 1;
        if !it.seen.is_multiple_of(it.fault.every) {
            return None;
        }
        it.fault.times -= 1;
        if it.fault.times == 0 {
            return Some(armed.remove(index).fault);
        }
        Some(it.fault.clone())
    }

    /// The faults that are still armed. `times` says how often each of them will still strike.
    pub fn armed(&self) -> Vec<Fault> {
        self.armed.lock().iter().map(|it| it.fault.clone()).collect()
    }

    /// Disarms all faults.
    pub fn clear(&self) {
        self.armed.lock().clear();
    }
}

fn matches(fault: &Fault, method: &Method, paths: &[&str]) -> bool {
    fault.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
        && fault
            .path
            .as_deref()
            .is_none_or(|wanted| paths.iter().any(|path| starts_at(path, wanted)))
}

/// Whether the path starts with the wanted one, in whole segments.
fn starts_at(path: &str, wanted: &str) -> bool {
    path.strip_prefix(wanted.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '(']))
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
}
