//! A run: every connection is looked at; what comes of it is stored, said and measured.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::health::{Check, Circumstances, Decision, Event, Finding, Health, Occasion, decide};
use auth::{ConnectionId, Connections, Inspection, inspect};
use dataverse::Session;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use state::{EntryKind, LogEntry, Registration, State, StateError};
use tokio::time::{Instant, timeout_at};
use toolkit::{Needs, ToolError};

use crate::budget::{AT_ONCE, SHORTEST_PATIENCE, for_looks, patience};
use crate::measure::{Counts, measure};
use crate::outage::{Outages, region};
use crate::tell::{TRIES, Teller, Telling};
use crate::{Alerts, Checked, Report};

/// Who overstays that by this much is not waited for.
const GRACE: Duration = Duration::from_millis(500);

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
    /// When the last look ends.
    looking: Instant,
}

/// A connection, and how it was when it was last looked at.
#[derive(Clone, Debug)]
struct Subject {
    connection: Registration,
    health: Option<Health>,
}

/// What a look at a connection found.
struct Look {
    connection: Registration,
    region: String,
    /// As it is stored now.
    health: Option<Health>,
    found: Finding,
    /// When it began and ended.
    began: Timestamp,
    ended: Timestamp,
    /// What is to be said of it, as far as it is not pending there.
    events: Vec<Event>,
    is_stored: bool,
    problem: Option<StateError>,
    /// For the activity log.
    outcome: &'static str,
    trips: u32,
    throttles: u32,
    took: Duration,
}

/// What came of a connection in this run.
enum Seen {
    Looked(Box<Look>),
    /// It was removed meanwhile: there is nothing to be said, and nothing to be kept.
    Gone,
    /// There was no time for it.
    Left(Box<Subject>),
}

impl<A: Alerts> Checker<A> {
    /// Looks at the connections of `state`, with their secrets and tokens from `connections`, for
    /// tools that need `needs`.
    pub fn new(connections: Connections, state: State, alerts: A, needs: Needs) -> Checker<A> {
        Checker { inner: Arc::new(Inner { connections, state, alerts, needs }) }
    }

    /// Looks at every connection, as far as there is time, and says what is to be said.
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
        let state = &self.inner.state;
        let (subjects, was_cut) = self.subjects().await?;
        let regions: BTreeSet<String> =
            subjects.iter().map(|subject| region(&subject.connection.instance_url)).collect();
        let began = Instant::now();
        let looking = began + for_looks(deadline.saturating_duration_since(began));
        let run = Run { check, id: id.into(), looking };
        let (mut looks, left) = self.look_at(subjects, &run).await;

        let mut report = Report { left: left.len(), ..Report::default() };
        let next = left.first().map(|subject| subject.connection.id.clone());
        if (next.is_some() || was_cut)
            && let Err(error) = state.put_next_to_check(next.as_ref()).await
        {
            report.problems.push(error.to_string());
        }
        let outages = Outages::of(looks.iter().map(|look| (look.region.as_str(), &look.found)));
        report.outage = outages.iter().next().is_some();
        if check.connections() {
            looks = self.judge_silence(looks, &outages, &run).await;
        }
        let now = Timestamp::now();
        let mut counts = Counts::default();
        for subject in &left {
            // What is known of it stands until there is time to look at it.
            let health = subject.health.as_ref();
            counts.add(&Checked::new(&subject.connection, health, &Finding::Failed, now));
        }
        let mut tellings: Vec<Telling> = left.into_iter().map(Telling::from).collect();
        for look in looks {
            if look.found == Finding::Failed {
                report.problems.push(format!("{}: the check failed", look.connection.id));
            }
            if let Some(error) = &look.problem {
                report.problems.push(format!("{}: {error}", look.connection.id));
            }
            let checked = Checked::new(&look.connection, look.health.as_ref(), &look.found, now);
            tell_log(&look, &checked, &run);
            counts.add(&checked);
            report.connections.push(checked);
            tellings.push(Telling::from(look));
        }
        tellings.retain(|telling| !telling.is_empty());
        report.connections.sort_unstable_by(|one, other| one.connection.cmp(&other.connection));
        let mut teller = Teller {
            state,
            alerts: &self.inner.alerts,
            needs: &self.inner.needs,
            now,
            deadline,
            next: Instant::now(),
            report: &mut report,
        };
        if check.connections() {
            teller.tell_outages(&outages, &regions).await;
        }
        teller.tell(&tellings).await;
        measure(&report, counts, id);
        Ok(report)
    }

    /// Every connection with what is known of it, those first that the last run did not come to;
    /// and whether there were any.
    async fn subjects(&self) -> Result<(Vec<Subject>, bool), StateError> {
        let state = &self.inner.state;
        let mut registered = state.connections().await?;
        let ids: Vec<_> = registered.iter().map(|one| one.id.clone()).collect();
        let mut healths = state.healths(&ids).await?;
        let next = state.next_to_check().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the run begins with the first connection");
            None
        });
        if let Some(next) = &next {
            let first = registered.partition_point(|one| one.id < *next);
            registered.rotate_left(first);
        }
        let with_health = |connection: Registration| {
            let health = healths.remove(&connection.id);
            Subject { connection, health }
        };
        Ok((registered.into_iter().map(with_health).collect(), next.is_some()))
    }

    /// Looks at them, many at a time, and stores what is new of each as it is found. Also gives
    /// those that there was no time for, in their order.
    async fn look_at(&self, subjects: Vec<Subject>, run: &Run) -> (Vec<Look>, Vec<Subject>) {
        let many = subjects.len();
        let see = |(place, subject)| self.clone().see(subject, place, many, run.clone());
        let all: Vec<_> = subjects.into_iter().enumerate().map(see).collect();
        let mut seen = stream::iter(all).buffer_unordered(AT_ONCE);
        let (mut looks, mut left) = (Vec::new(), Vec::new());
        while let Some((place, one)) = seen.next().await {
            match one {
                Seen::Looked(look) => looks.push(*look),
                Seen::Left(subject) => left.push((place, *subject)),
                Seen::Gone => {}
            }
        }
        left.sort_unstable_by_key(|(place, _)| *place);
        (looks, left.into_iter().map(|(_, subject)| subject).collect())
    }

    fn see(
        self,
        subject: Subject,
        place: usize,
        many: usize,
        run: Run,
    ) -> BoxFuture<'static, (usize, Seen)> {
        async move {
            let now = Instant::now();
            let time = run.looking.saturating_duration_since(now);
            // The first ones are looked at in any case, or a run could come to nothing.
            if place >= AT_ONCE && time < SHORTEST_PATIENCE / 2 {
                return (place, Seen::Left(Box::new(subject)));
            }
            let id = subject.connection.id.clone();
            let deadline = (now + patience(many - place, time)).min(run.looking);
            let mut look = self.look(subject, deadline).await;
            // Nobody needs its token and its credentials any more.
            self.inner.connections.forget(&id);
            match self.inner.conclude(&mut look, run.check, None).await {
                Err(StateError::Gone) => return (place, Seen::Gone),
                Err(error) => look.problem = Some(error),
                Ok(()) => {}
            }
            if look.is_stored || matches!(look.found, Finding::Failed | Finding::Throttled) {
                self.inner.record(&look, &run).await;
            }
            (place, Seen::Looked(Box::new(look)))
        }
        .boxed()
    }

    /// Looks at one connection. Neither a panic nor a wait without end reaches the others.
    async fn look(&self, subject: Subject, deadline: Instant) -> Look {
        let Subject { connection, health } = subject;
        let (began, started) = (Timestamp::now(), Instant::now());
        let session = OnceLock::new();
        let work = self.inspect(&connection.id, &session, deadline);
        let work = AssertUnwindSafe(work).catch_unwind();
        let (found, outcome) = match timeout_at(deadline + GRACE, work).await {
            Ok(Ok(Ok(inspection))) => (self.inner.works(&inspection, &connection), "ok"),
            Ok(Ok(Err(error))) => {
                let found = error.finding();
                if found == Finding::Failed {
                    tracing::error!(connection = %connection.id, %error, "a check failed");
                }
                (found, error.code().as_str())
            }
            // The panic's own line is in the log above.
            Ok(Err(_)) => (Finding::Failed, "internal"),
            Err(_) => {
                let detail = "the check took too long".to_owned();
                (Finding::Unanswered { detail, fault: None }, "deadline_exceeded")
            }
        };
        Look {
            region: region(&connection.instance_url),
            connection,
            health,
            found,
            began,
            ended: Timestamp::now(),
            events: Vec::new(),
            is_stored: false,
            problem: None,
            outcome,
            trips: session.get().map_or(0, Session::trips),
            throttles: session.get().map_or(0, Session::throttled),
            took: started.elapsed(),
        }
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
        let session = session
            .get_or_init(|| connection.client().session(deadline).with_patience(toolkit::PATIENCE));
        Ok(inspect(&connection, &connections.graph(), session).await?)
    }

    /// Decides which of those that did not answer are broken: now it is known whether the others
    /// did.
    async fn judge_silence(&self, looks: Vec<Look>, outages: &Outages, run: &Run) -> Vec<Look> {
        let judge = |look: Look| {
            let outage = outages.cover(&look.region);
            self.clone().judge(look, run.check, outage)
        };
        let (silent, mut looks): (Vec<_>, Vec<_>) =
            looks.into_iter().partition(|look| matches!(look.found, Finding::Unanswered { .. }));
        let judged: Vec<_> = silent.into_iter().map(judge).collect();
        let judged = stream::iter(judged).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        looks.extend(judged.into_iter().flatten());
        looks
    }

    fn judge(self, mut look: Look, check: Check, outage: bool) -> BoxFuture<'static, Option<Look>> {
        async move {
            match self.inner.conclude(&mut look, check, Some(outage)).await {
                Err(StateError::Gone) => return None,
                Err(error) => look.problem = Some(error),
                Ok(()) => {}
            }
            Some(look)
        }
        .boxed()
    }
}

impl<A> Inner<A> {
    /// What it means that the connection could be inspected. The day that it was registered with is
    /// known where its secret does not say.
    fn works(&self, inspection: &Inspection, registration: &Registration) -> Finding {
        Finding::Works {
            missing_privileges: self.needs.missing(&inspection.privileges),
            secret: inspection.secret.or_given(registration.secret_expires_on),
        }
    }

    /// Decides what has become of a connection, and stores what is new together with what is to be
    /// said of it.
    async fn conclude(
        &self,
        look: &mut Look,
        check: Check,
        outage: Option<bool>,
    ) -> Result<(), StateError> {
        let mut check = check;
        for _ in 0..TRIES {
            let circumstances = Circumstances {
                occasion: Occasion::Check { check, outage },
                now: look.ended,
                registered_at: look.connection.updated_at,
            };
            let Decision { health, events } =
                decide(look.health.as_ref(), &look.found, &circumstances);
            let Some(health) = health else {
                look.events = events;
                return Ok(());
            };
            match self.state.put_health_of(&look.connection, health).await {
                Ok(stored) => {
                    look.health = Some(stored);
                    look.events = events;
                    look.is_stored = true;
                    return Ok(());
                }
                Err(StateError::Conflict) => {
                    look.health = self.state.health(&look.connection.id).await?;
                    // Another run, or a set-up, has looked later, and acts on what it found; but
                    // nobody else tells when the secret ends.
                    let is_later = |health: &Health| health.checked_at >= look.began;
                    if look.health.as_ref().is_some_and(is_later) {
                        if !check.expiry() {
                            look.events = Vec::new();
                            return Ok(());
                        }
                        check = Check::Expiry;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(StateError::Conflict)
    }

    /// Leaves an entry in the activity log; that it cannot is no reason to stop.
    async fn record(&self, look: &Look, run: &Run) {
        let id = &look.connection.id;
        let entry = LogEntry {
            at: look.ended,
            kind: EntryKind::Check,
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

impl From<Look> for Telling {
    fn from(look: Look) -> Telling {
        Telling { connection: look.connection, health: look.health, events: look.events }
    }
}

/// What an earlier run did not come to say is said whether or not there was time for a look.
impl From<Subject> for Telling {
    fn from(subject: Subject) -> Telling {
        let Subject { connection, health } = subject;
        Telling { connection, health, events: Vec::new() }
    }
}

/// A line for each connection. Metrics of each would be paid for each.
fn tell_log(look: &Look, checked: &Checked, run: &Run) {
    tracing::info!(
        request_id = &*run.id,
        connection = look.connection.id.as_str(),
        state = checked.state.as_str(),
        cause = checked.cause,
        days_left = checked.days_left,
        hint = checked.hint,
        duration_ms = milliseconds(look.took),
        trips = look.trips,
        throttles = look.throttles,
        "check"
    );
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
