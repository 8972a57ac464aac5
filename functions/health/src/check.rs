//! A run: every connection is looked at, and what comes of it is stored, said and measured.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::{ConnectionId, Connections};
use dataverse::Session;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use state::{Connection, Entry, Health, Kind, SecretExpiry, State, StateError};
use tokio::time::{Instant, timeout_at};
use toolkit::inspection::{Inspection, inspect};
use toolkit::{ToolError, logging};

use crate::decide::{DAILY, ONCE};
use crate::message::{self, About};
use crate::outage::{Outage, outage};
use crate::{
    Alert, Alerts, Check, Checked, Circumstances, Event, Found, Needs, Report, Standing, decide,
};

/// How many connections are looked at at once.
const AT_ONCE: usize = 16;

/// How long a look at one connection may take, and how short it may become where there are many.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORTEST_PATIENCE: Duration = Duration::from_secs(2);

/// Who overstays that by this much is not waited for.
const GRACE: Duration = Duration::from_millis(500);

/// What of a run is kept for storing and sending: a quarter, at most this much.
const LONGEST_RESERVE: Duration = Duration::from_secs(30);

/// How long an alert is claimed while it is being sent: longer than a run may take, shorter than
/// until the next one, which sends it where this one came to an end in between.
const SENDING: SignedDuration = SignedDuration::from_mins(10);

/// Looks at connections, and tells people about them. Cheap to clone.
pub struct Checker<A> {
    inner: Arc<Inner<A>>,
}

struct Inner<A> {
    connections: Connections,
    state: State,
    alerts: A,
    needs: Needs,
}

impl<A> Clone for Checker<A> {
    fn clone(&self) -> Checker<A> {
        Checker { inner: Arc::clone(&self.inner) }
    }
}

impl<A> std::fmt::Debug for Checker<A> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Checker").finish_non_exhaustive()
    }
}

/// One run.
#[derive(Clone, Debug)]
struct Run {
    check: Check,
    id: Arc<str>,
    now: Timestamp,
    outage: bool,
}

/// What a look at a connection found.
struct Look {
    connection: Connection,
    found: Found,
    /// For the activity log.
    outcome: &'static str,
    trips: u32,
    throttles: u32,
    took: Duration,
}

/// What came of it.
struct Settled {
    checked: Checked,
    alerts: Vec<Alert>,
    problems: Vec<String>,
}

/// What came of an alert.
enum Said {
    Now(Alert),
    Before,
    NotYet(String),
}

impl<A: Alerts> Checker<A> {
    /// Looks at the connections of `state`, with their secrets and tokens from `connections`, for
    /// tools that need `needs`.
    pub fn new(connections: Connections, state: State, alerts: A, needs: Needs) -> Checker<A> {
        Checker { inner: Arc::new(Inner { connections, state, alerts, needs }) }
    }

    /// Looks at every connection, and says what is to be said.
    ///
    /// # Errors
    ///
    /// If the connections are not known. Whatever else goes wrong is in the report.
    pub async fn run(
        &self,
        check: Check,
        id: &str,
        deadline: Instant,
    ) -> Result<Report, StateError> {
        let registered = self.inner.state.connections().await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = patience(registered.len(), left);
        let looks: Vec<Look> = stream::iter(registered)
            .map(|connection| self.clone().look(connection, patience))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;

        let mut report = Report::default();
        let now = Timestamp::now();
        let outage = outage(looks.iter().map(|look| &look.found));
        if check.connections() {
            let answered = looks.iter().any(|look| look.found.is_answer());
            self.tell_outage(outage.as_ref(), answered, now, &mut report).await;
        }
        report.outage = outage.is_some();
        let run = Run { check, id: id.into(), now, outage: report.outage };
        let mut settled = stream::iter(looks)
            .map(|look| self.clone().settle(look, run.clone()))
            .buffer_unordered(AT_ONCE);
        while let Some(Settled { checked, alerts, problems }) = settled.next().await {
            report.connections.push(checked);
            report.alerts.extend(alerts);
            report.problems.extend(problems);
        }
        report.connections.sort_unstable_by(|one, other| one.connection.cmp(&other.connection));
        measure_run(&report, id);
        Ok(report)
    }

    /// Looks at one connection. Neither a panic nor a wait without end reaches the others.
    fn look(self, connection: Connection, patience: Duration) -> BoxFuture<'static, Look> {
        async move {
            let started = Instant::now();
            let deadline = started + patience;
            let session = OnceLock::new();
            let work = self.inspect(&connection.id, &session, deadline);
            let work = AssertUnwindSafe(work).catch_unwind();
            let (found, outcome) = match timeout_at(deadline + GRACE, work).await {
                Ok(Ok(Ok(inspection))) => {
                    (Found::works(&inspection, &self.inner.needs, &connection), "ok")
                }
                Ok(Ok(Err(error))) => {
                    let found = Found::failure(&error);
                    if found == Found::Failed {
                        tracing::error!(connection = %connection.id, %error, "a check failed");
                    }
                    (found, error.code().as_str())
                }
                // The panic's own line is in the log above.
                Ok(Err(_)) => (Found::Failed, "internal"),
                Err(_) => {
                    let detail = "the check took too long".to_owned();
                    (Found::Unanswered { detail, fault: None }, "deadline_exceeded")
                }
            };
            let trips = session.get().map_or(0, Session::trips);
            let throttles = session.get().map_or(0, Session::throttled);
            Look { connection, found, outcome, trips, throttles, took: started.elapsed() }
        }
        .boxed()
    }

    /// With the secret read anew and a token of its own.
    async fn inspect(
        &self,
        id: &ConnectionId,
        session: &OnceLock<Session>,
        deadline: Instant,
    ) -> Result<Inspection, ToolError> {
        let connections = &self.inner.connections;
        connections.forget(id);
        let connection = connections.open(id).await?;
        let session = session.get_or_init(|| connection.client().session(deadline));
        inspect(&connection, &connections.graph(), session).await
    }

    /// Stores, says and measures what came of a look.
    fn settle(self, look: Look, run: Run) -> BoxFuture<'static, Settled> {
        async move {
            let (health, alerts, mut problems) = self.inner.conclude(&look, &run).await;
            if look.found == Found::Failed {
                problems.push(format!("{}: the check failed", look.connection.id));
            }
            let checked = Checked::new(&look.connection, health.as_ref(), &look.found, run.now);
            self.inner.record(&look, &run).await;
            measure(&look, &checked, &run);
            Settled { checked, alerts, problems }
        }
        .boxed()
    }

    /// Says that an outage began, goes on, or is over.
    async fn tell_outage(
        &self,
        outage: Option<&Outage>,
        answered: bool,
        now: Timestamp,
        report: &mut Report,
    ) {
        match self.inner.tell_outage(outage, answered, now).await {
            Ok(Some(Said::Now(alert))) => report.alerts.push(alert),
            Ok(Some(Said::NotYet(problem))) => report.problems.push(problem),
            // Another run acts on it.
            Ok(Some(Said::Before) | None) | Err(StateError::Conflict) => {}
            Err(error) => report.problems.push(error.to_string()),
        }
    }
}

impl<A: Alerts> Inner<A> {
    /// Decides what has become of a connection, stores that and says what is to be said.
    async fn conclude(&self, look: &Look, run: &Run) -> (Option<Health>, Vec<Alert>, Vec<String>) {
        let id = &look.connection.id;
        let failed = |error: StateError| format!("{id}: {error}");
        let previous = match self.state.health(id).await {
            Ok(previous) => previous,
            // Without knowing what was, nothing can be said to have changed.
            Err(error) => return (None, Vec::new(), vec![failed(error)]),
        };
        let circumstances = Circumstances {
            check: run.check,
            now: run.now,
            registered_at: look.connection.updated_at,
            outage: run.outage,
        };
        let mut decision = decide(previous.as_ref(), &look.found, &circumstances);
        let health = match decision.health.take() {
            None => previous.clone(),
            Some(health) => match self.state.put_health(id, health.clone()).await {
                Ok(stored) => Some(stored),
                // Another run, or a set-up, was faster and acts on what it found; but nobody else
                // tells when the secret ends.
                Err(StateError::Conflict) => {
                    decision.events.retain(|event| matches!(event, Event::SecretExpires { .. }));
                    Some(health)
                }
                Err(error) => return (Some(health), Vec::new(), vec![failed(error)]),
            },
        };
        let (mut alerts, mut problems, mut is_forgotten) = (Vec::new(), Vec::new(), false);
        for event in &decision.events {
            match self.say_event(event, &look.connection, health.as_ref(), run.now).await {
                Ok(Said::Now(alert)) => alerts.push(alert),
                Ok(Said::Before) => {}
                Ok(Said::NotYet(problem)) => {
                    is_forgotten |= event.is_transition();
                    problems.push(format!("{id}: {problem}"));
                }
                Err(error) => {
                    is_forgotten |= event.is_transition();
                    problems.push(failed(error));
                }
            }
        }
        // The next run must see the change again.
        if let (true, Some(previous), Some(stored)) = (is_forgotten, previous, &health) {
            let as_before = Health { version: stored.version, ..previous };
            if let Err(error) = self.state.put_health(id, as_before).await {
                problems.push(failed(error));
            }
        }
        (health, alerts, problems)
    }

    async fn say_event(
        &self,
        event: &Event,
        connection: &Connection,
        health: Option<&Health>,
        now: Timestamp,
    ) -> Result<Said, StateError> {
        let secret = health.map_or(SecretExpiry::Unknown, |health| health.secret);
        let (key, until) = event.identity(now);
        let about = About { connection, secret, needs: &self.needs };
        let alert = message::of_event(event, &about);
        self.say(Some(&connection.id), &key, until, alert).await
    }

    /// Sends an alert unless that has been done. If it cannot be sent, the next run tries again.
    async fn say(
        &self,
        connection: Option<&ConnectionId>,
        key: &str,
        until: Timestamp,
        alert: Alert,
    ) -> Result<Said, StateError> {
        let sending = Timestamp::now().saturating_add(SENDING).unwrap_or(Timestamp::MAX);
        let Some(claim) = self.state.claim(connection, key, sending).await? else {
            return Ok(Said::Before);
        };
        match self.alerts.send(&alert).await {
            Ok(()) => {
                self.state.keep(claim, until).await?;
                Ok(Said::Now(alert))
            }
            Err(error) => {
                self.state.release(claim).await?;
                Ok(Said::NotYet(error.to_string()))
            }
        }
    }

    async fn tell_outage(
        &self,
        outage: Option<&Outage>,
        answered: bool,
        now: Timestamp,
    ) -> Result<Option<Said>, StateError> {
        let until = |lasts| now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        match (outage, self.state.outage().await?) {
            (Some(outage), since) => {
                if since.is_none() {
                    self.state.begin_outage(now).await?;
                }
                let since = since.unwrap_or(now);
                let alert = message::of_outage(outage, since);
                let said = self.say(None, &format!("outage#{since}"), until(DAILY), alert).await?;
                Ok(Some(said))
            }
            (None, Some(since)) if answered => {
                let alert = message::of_outage_over(since, now);
                let said =
                    self.say(None, &format!("outage_over#{since}"), until(ONCE), alert).await?;
                if !matches!(said, Said::NotYet(_)) {
                    self.state.end_outage().await?;
                }
                Ok(Some(said))
            }
            (None, _) => Ok(None),
        }
    }

    /// Leaves an entry in the activity log; that it cannot is no reason to stop.
    async fn record(&self, look: &Look, run: &Run) {
        let id = &look.connection.id;
        let entry = Entry {
            at: Timestamp::now(),
            kind: Kind::Check,
            tool: None,
            outcome: look.outcome.to_owned(),
            duration_ms: milliseconds(look.took),
            trips: look.trips,
            conversation: None,
            client: None,
            records: Vec::new(),
            dataverse_request_id: None,
            request_id: run.id.to_string(),
        };
        if let Err(error) = self.state.record(id, &[entry]).await {
            tracing::warn!(%error, connection = %id, "the activity log was not written");
        }
    }
}

/// How long a look at each of so many connections may take.
fn patience(connections: usize, left: Duration) -> Duration {
    let budget = left.saturating_sub((left / 4).min(LONGEST_RESERVE));
    let rounds = u32::try_from(connections.div_ceil(AT_ONCE)).unwrap_or(u32::MAX).max(1);
    (budget / rounds).clamp(SHORTEST_PATIENCE, PATIENCE)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A connection's metrics.
fn measure(look: &Look, checked: &Checked, run: &Run) {
    let mut line = json!({
        "request_id": &*run.id,
        "Connection": look.connection.id.as_str(),
        "state": checked.state.name(),
        "cause": checked.cause,
        "hint": checked.hint,
        "duration_ms": milliseconds(look.took),
        "trips": look.trips,
        "throttles": look.throttles,
    });
    let secret = match look.found {
        Found::Works { .. } | Found::Broken(_) => checked.days_left,
        _ => None,
    };
    let mut units = Vec::new();
    for (name, value) in [
        ("ConnectionHealthy", checked.state.metric().map(i32::from)),
        ("SecretDaysToExpiry", secret),
    ] {
        if let Some(value) = value {
            line[name] = value.into();
            units.push((name, "Count"));
        }
    }
    logging::measure("check", line, &[&[], &["Connection"]], &units);
}

/// The heartbeat.
fn measure_run(report: &Report, id: &str) {
    let count =
        |standing| report.connections.iter().filter(|checked| checked.state == standing).count();
    for problem in &report.problems {
        tracing::error!(problem, "the check is not complete");
    }
    let line: Value = json!({
        "request_id": id,
        "healthy": count(Standing::Healthy),
        "broken": count(Standing::Broken),
        "outage": report.outage,
        "alerts": report.alerts.len(),
        "HealthCheckRuns": 1,
        "ConnectionsChecked": report.connections.len(),
    });
    let units = [("HealthCheckRuns", "Count"), ("ConnectionsChecked", "Count")];
    logging::measure("checked", line, &[&[]], &units);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_share_the_time_there_is() {
        let left = Duration::from_secs(290);
        assert_eq!(patience(0, left), PATIENCE);
        assert_eq!(patience(200, left), PATIENCE);
        let of_many = patience(1600, left);
        assert!(of_many * 100 <= Duration::from_secs(260) && of_many > SHORTEST_PATIENCE);
        assert_eq!(patience(100_000, left), SHORTEST_PATIENCE);
        assert_eq!(patience(1, Duration::from_secs(4)), Duration::from_secs(3));
    }
}
