//! Checks whether the connections work and when their secrets end, and tells people before a
//! visitor notices.
//!
//! A run has three parts:
//!
//! - It looks at every connection, many at a time ([`Checker`]). [`auth::health::decide`] compares
//!   what was found with what was known. What is new is stored at once, with the events to tell.
//! - It decides whether there is an outage: Entra ID or Dataverse does not answer, as a whole or in
//!   a region. Then people get one message, and no connection is at fault. This also decides
//!   whether the connections that did not answer are broken.
//! - It tells people ([`Alerts`]), also what an earlier run had no time to tell.
//!
//! A run that ends early loses nothing, and nothing is told twice.

mod alerts;
mod budget;
mod check;
mod measure;
mod message;
mod outage;
mod report;
mod tell;

use std::time::{Duration, SystemTime};

use auth::health::Check;
use futures::FutureExt as _;
use lambda_runtime::{Context, Error};
use serde::Deserialize;
use tokio::time::Instant;

pub use alerts::{Alert, AlertError, Alerts, Attribute, Topic};
pub use check::Checker;
pub use report::{Checked, Report};

/// What the schedule sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What to look at.
    pub check: Check,
}

/// How long before Lambda's deadline a run must have ended.
const MARGIN: Duration = Duration::from_secs(5);

/// Does what the schedule asks for.
///
/// # Errors
///
/// If the run is not complete. Lambda then calls again. What people have been told is not told
/// again.
pub async fn handle<A: Alerts>(
    checker: &Checker<A>,
    request: Request,
    context: &Context,
) -> Result<Report, Error> {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let deadline = Instant::now() + left.saturating_sub(MARGIN);
    // The future of a run is large. In a box, it need not be compiled into every caller.
    let run = checker.run(request.check, &context.request_id, deadline).boxed();
    let report = run.await?;
    if report.is_complete() {
        Ok(report)
    } else {
        Err(Error::from(format!("not complete: {}", report.problems.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_to_look_at() {
        let read = |text: &str| serde_json::from_str::<Request>(text).ok();
        assert_eq!(read(r#"{"check":"connections"}"#), Some(Request { check: Check::Connections }));
        assert_eq!(read(r#"{"check":"expiry"}"#), Some(Request { check: Check::Expiry }));
        assert_eq!(read(r#"{"check":"all"}"#), Some(Request { check: Check::All }));
        assert_eq!(read(r#"{"check":"everything"}"#), None);
        assert_eq!(read("{}"), None);
    }
}
