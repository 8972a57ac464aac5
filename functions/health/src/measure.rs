//! What the log and the metrics say of a run.

use auth::health::Standing;
use serde_json::{Value, json};
use toolkit::logging;

use crate::{Checked, Report};

/// What the alarms count, over all connections: those that there was no time for, too, for an alarm
/// must not clear by that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    broken: usize,
    expired: usize,
    expiring: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, checked: &Checked) {
        self.broken += usize::from(checked.state == Standing::Broken);
        // A date in the past may be a wrong one: where it is not known how the connection is, it
        // proves nothing.
        let is_expired = checked.is_expired() && checked.state != Standing::Unknown;
        self.expired += usize::from(is_expired);
        self.expiring += usize::from(checked.is_expiring());
    }
}

/// The heartbeat, and what there is to count.
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
    logging::measure("checked", line, &[&[]], &names.map(|name| (name, "Count")));
}
