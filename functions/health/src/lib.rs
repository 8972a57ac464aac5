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
mod look;
mod measure;
mod message;
mod outage;
mod report;
mod tell;

use std::time::{Duration, SystemTime};

use auth::health::Check;
use futures::FutureExt as _;
use lambda_runtime::{Context, Error};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use alerts::{Alert, AlertError, Alerts, Attribute, Topic};
pub use check::Checker;
pub use report::{Checked, Report};

/// What a schedule or an operator sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What to do.
    pub check: Task,
}

/// What the function can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Task {
    /// To look at the connections.
    Look(Check),
    /// To check the way to the people: a test alert is sent to everybody who gets alerts.
    Alert(TestAlert),
}

/// The text `alert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestAlert {
    /// A test alert.
    Alert,
}

/// What the function answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of a look at the connections.
    Report(Report),
    /// The test alert that was sent.
    Sent {
        /// The alert.
        sent: Alert,
    },
}

/// How long before Lambda's deadline a run must have ended.
const MARGIN: Duration = Duration::from_secs(5);

/// Does what the schedule or the operator asks for.
///
/// # Errors
///
/// If the run is not complete. Lambda then calls again. What people have been told is not told
/// again. Or if the test alert was not sent.
pub async fn handle<A: Alerts>(
    checker: &Checker<A>,
    request: Request,
    context: &Context,
) -> Result<Outcome, Error> {
    let check = match request.check {
        Task::Look(check) => check,
        Task::Alert(TestAlert::Alert) => {
            let sent = checker.send_test_alert().await?;
            return Ok(Outcome::Sent { sent });
        }
    };
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let deadline = Instant::now() + left.saturating_sub(MARGIN);
    // The future of a run is large. In a box, it need not be compiled into every caller.
    let run = checker.run(check, &context.request_id, deadline).boxed();
    let report = run.await?;
    if report.is_complete() {
        Ok(Outcome::Report(report))
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
        for (text, check) in [
            ("connections", Task::Look(Check::Connections)),
            ("expiry", Task::Look(Check::Expiry)),
            ("all", Task::Look(Check::All)),
            ("alert", Task::Alert(TestAlert::Alert)),
        ] {
            assert_eq!(read(&format!(r#"{{"check":"{text}"}}"#)), Some(Request { check }));
        }
        assert_eq!(read(r#"{"check":"everything"}"#), None);
        assert_eq!(read("{}"), None);
    }
}
