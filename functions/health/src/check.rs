//! A run: it looks at every connection, stores what is new, tells people, and measures.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use auth::health::{Check, Circumstances, Decision, Finding, Health, Occasion, decide};
use auth::{Connections, FormNames, SecretError, WithSecrets};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use state::{EntryKind, LogEntry, Registration, State, StateError};
use tokio::time::Instant;
use toolkit::Needs;

use crate::budget::{AT_ONCE, SHORTEST_PATIENCE, for_looks, patience};
use crate::look::{Look, Looker, Subject};
use crate::measure::{Counts, measure};
use crate::outage::{Outages, region};
use crate::tell::{TRIES, Teller, Telling};
use crate::{Alert, AlertError, Alerts, Checked, Report, message};

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
    /// When all looks must have ended.
    looking: Instant,
}

/// The connections to look at.
struct Subjects {
    all: Vec<Subject>,
    /// Whether the last run had no time for some.
    was_cut: bool,
    /// The connections that have a secret, and the secrets that are no connection's.
    with_secrets: Result<WithSecrets, SecretError>,
}

/// What happened to a connection in this run.
enum Seen {
    Looked(Box<Look>),
    /// It was removed meanwhile, or a secret without an entry in the list could not be read. There
    /// is nothing to tell, and nothing to keep.
    Gone,
    /// There was no time for it.
    Left(Box<Subject>),
}

impl<A: Alerts> Checker<A> {
    /// Looks at the connections in the list of `state`. `connections` has their secrets and tokens,
    /// and `needs` says which privileges the tools need.
    pub fn new(connections: Connections, state: State, alerts: A, needs: Needs) -> Checker<A> {
        Checker { inner: Arc::new(Inner { connections, state, alerts, needs }) }
    }

    /// Looks at every connection that there is time for, and tells people what is new.
    ///
    /// # Errors
    ///
    /// If the list of connections cannot be read. Everything else that goes wrong is in the report.
    pub async fn run(
        &self,
        check: Check,
        id: &str,
        deadline: Instant,
    ) -> Result<Report, StateError> {
        let state = &self.inner.state;
        let Subjects { all: subjects, was_cut, with_secrets } = self.subjects().await?;
        let regions: BTreeSet<String> =
            subjects.iter().map(|subject| region(&subject.connection.instance_url)).collect();
        let began = Instant::now();
        let looking = began + for_looks(deadline.saturating_duration_since(began));
        let run = Run { check, id: id.into(), looking };
        let (mut looks, left) = self.look_at(subjects, &run).await;

        let mut report = Report { left: left.len(), ..Report::default() };
        match with_secrets {
            Ok(with_secrets) => report.others = with_secrets.others,
            Err(problem) => report
                .problems
                .push(format!("connections that were stored by hand are not watched: {problem}")),
        }
        for name in &report.others {
            tracing::warn!(
                secret = name,
                "this is no connection: an id has 1 to 63 lower-case letters, digits and hyphens"
            );
        }
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
            // What is known about it stands until there is time to look at it.
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
            names: self.inner.connections.secret_names(),
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

    /// Sends a test alert, so that people see whether alerts reach them.
    ///
    /// # Errors
    ///
    /// It was not sent.
    pub async fn send_test_alert(&self) -> Result<Alert, AlertError> {
        let alert = message::test();
        self.inner.alerts.send(&alert).await?;
        Ok(alert)
    }

    /// Every connection with what is known about it. Those that the last run had no time for come
    /// first.
    async fn subjects(&self) -> Result<Subjects, StateError> {
        let state = &self.inner.state;
        let (registered, with_secrets) =
            tokio::join!(state.connections(), self.inner.connections.with_secrets());
        let registered = registered?;
        let ids: Vec<_> = registered.iter().map(|one| one.id.clone()).collect();
        let mut healths = state.healths(&ids).await?;
        let next = state.next_to_check().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the run begins with the first connection");
            None
        });
        let mut unregistered =
            with_secrets.as_ref().map(|it| it.connections.clone()).unwrap_or_default();
        for id in &ids {
            unregistered.remove(id);
        }
        let with_health = |connection: Registration| {
            let health = healths.remove(&connection.id);
            Subject { connection, health, is_new: false }
        };
        let now = Timestamp::now();
        let new = |id| {
            let connection = Registration::unread(&id, FormNames::default(), now);
            Subject { connection, health: None, is_new: true }
        };
        let mut all: Vec<_> = registered.into_iter().map(with_health).collect();
        all.extend(unregistered.into_iter().map(new));
        all.sort_unstable_by(|one, other| one.connection.id.cmp(&other.connection.id));
        if let Some(next) = &next {
            let first = all.partition_point(|one| one.connection.id < *next);
            all.rotate_left(first);
        }
        Ok(Subjects { all, was_cut: next.is_some(), with_secrets })
    }

    /// Looks at these connections, many at a time, and stores what is new about each at once. Also
    /// returns those that there was no time for, in their order.
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
            // The first connections are always looked at. Otherwise, a run could achieve nothing.
            if place >= AT_ONCE && time < SHORTEST_PATIENCE / 2 {
                return (place, Seen::Left(Box::new(subject)));
            }
            let id = subject.connection.id.clone();
            let deadline = (now + patience(many - place, time)).min(run.looking);
            let looker = Looker { connections: &self.inner.connections, needs: &self.inner.needs };
            let mut look = looker.look(subject, deadline).await;
            // Nobody needs its token and its credentials any more.
            self.inner.connections.forget(&id);
            match self.inner.register(&look).await {
                Err(StateError::Gone) => return (place, Seen::Gone),
                Err(error) => look.problem = Some(error),
                Ok(()) => {}
            }
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

    /// Decides which of the connections that did not answer are broken. By now it is known whether
    /// the others answered.
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
    /// Takes what the look found out about the connection down in the list. A connection that has a
    /// secret comes into the list, whatever is wrong with it.
    ///
    /// # Errors
    ///
    /// [`StateError::Gone`] if there is no such connection, or if that is not known.
    async fn register(&self, look: &Look) -> Result<(), StateError> {
        let (id, found) = (&look.connection.id, &look.connection);
        match &look.before {
            Some(before) if before.says(found) => Ok(()),
            Some(before) => self.state.renew_connection(found, before).await,
            None => {
                // If nobody knows whether there is a secret, the next run finds it out.
                if self.connections.has_secret(id).await != Some(true) {
                    return Err(StateError::Gone);
                }
                let added = self.state.add_connection(found).await?.ok_or(StateError::Gone)?;
                // A removal deletes the secret first, and then the entry in the list. If all that
                // happened before this entry was added, it is deleted here.
                if self.connections.has_secret(id).await == Some(false) {
                    self.state.take_back(added).await?;
                    return Err(StateError::Gone);
                }
                tracing::info!(connection = %id, "a connection that was stored by hand is in the list");
                Ok(())
            }
        }
    }

    /// Decides how a connection is now. Stores what is new, together with the events to tell.
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
                    // Another run, or a set-up, has looked later, and acts on what it found. But
                    // nobody else tells when the secret ends, so this run still does.
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

    /// Writes an entry into the activity log. If that fails, the run goes on.
    async fn record(&self, look: &Look, run: &Run) {
        let id = &look.connection.id;
        let fault = match &look.found {
            Finding::Broken(fault) | Finding::Unanswered { fault: Some(fault), .. } => Some(fault),
            _ => None,
        };
        let entry = LogEntry {
            at: look.ended,
            kind: EntryKind::Check,
            tool: None,
            outcome: look.outcome.to_owned(),
            cause: fault.map(|fault| fault.cause.clone()),
            set_up_step: fault.and_then(|fault| fault.step),
            code: look.code.clone(),
            duration_ms: milliseconds(look.took),
            trips: look.trips,
            conversation: None,
            client: None,
            records: Vec::new(),
            dataverse_request_id: look.dataverse_request_id.clone(),
            verified_by: None,
            visitor: None,
            contact: None,
            confirmation: None,
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

/// Events that an earlier run did not tell are told even if there was no time for a look.
impl From<Subject> for Telling {
    fn from(subject: Subject) -> Telling {
        let Subject { connection, health, .. } = subject;
        Telling { connection, health, events: Vec::new() }
    }
}

/// Writes a line about a connection to the log. Metrics for each connection would cost money for
/// each.
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
