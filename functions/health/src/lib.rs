//! Whether the connections work, and when their secrets end; told to people before a visitor
//! notices.
//!
//! A run has three parts. Every connection is looked at, many at a time ([`Checker`]): [`auth::health::decide`]
//! compares what was found with what was known, and what is new is stored at once, together with
//! what is to be said of it. Then it is decided whether Entra ID or Dataverse, as a whole or in a
//! region, does not answer, which is one message and nobody's fault; and so whether those that did
//! not answer are broken. Then what is to be said is said ([`Alerts`]), what an earlier run did not
//! come to included. A run that ends in between loses nothing, and nothing is said twice.

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

/// How much earlier than Lambda's deadline a run must have ended.
const MARGIN: Duration = Duration::from_secs(5);

/// Does what the schedule asks for.
///
/// # Errors
///
/// If the run is not complete, so that Lambda calls again: what has been said is not said twice.
pub async fn handle<A: Alerts>(
    checker: &Checker<A>,
    request: Request,
    context: &Context,
) -> Result<Report, Error> {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let deadline = Instant::now() + left.saturating_sub(MARGIN);
    // A run holds many looks: what knows nothing of that need not be compiled with all of it.
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
