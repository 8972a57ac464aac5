//! Writes a run to the log and the metrics.

use auth::health::Standing;
use serde_json::{Value, json};
use toolkit::logging;

use crate::{Checked, Report};

/// The counts that alarms watch, over all connections. Those that there was no time for count, too:
/// an alarm must not clear because they were left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    broken: usize,
    expired: usize,
    expiring: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, checked: &Checked) {
        self.broken += usize::from(checked.state == Standing::Broken);
        // A date in the past may be wrong. It proves nothing if it is not known how the connection
        // is.
        let is_expired = checked.is_expired() && checked.state != Standing::Unknown;
        self.expired += usize::from(is_expired);
        self.expiring += usize::from(checked.is_expiring());
    }
}

/// Writes the heartbeat of a run, and its counts.
pub(crate) fn measure(report: &Report, counts: Counts, id: &str) {
    let count =
        |standing| report.connections.iter().filter(|checked| checked.state == standing).count();
    for problem in &report.problems {
        tracing::error!(problem, "the check is not complete");
    }
    let line: Value = json!({
        "request_id": id,
        "healthy": count(Standing::Healthy),
        "unanswered": count(Standing::Unanswered),
        "outage": report.outage,
        "alerts": report.alerts.len(),
        "left": report.left,
        "HealthCheckRuns": 1,
        "ConnectionsChecked": report.connections.len(),
        "ConnectionsBroken": counts.broken,
        "SecretsExpired": counts.expired,
        "SecretsExpiring": counts.expiring,
    });
    let names = [
        "HealthCheckRuns",
        "ConnectionsChecked",
        "ConnectionsBroken",
        "SecretsExpired",
        "SecretsExpiring",
    ];
    logging::measure("checked", line, &names.map(|name| (name, "Count")));
}
