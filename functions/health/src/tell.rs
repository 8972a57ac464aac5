//! Tells people what is new at the end of a run: each thing once, many of a kind in one message,
//! and not too fast.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use auth::health::{DAILY, Event, Health, ONCE, still_pending};
use auth::{SecretExpiry, SecretNames};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use state::{Claim, Outage as Known, Registration, State, StateError};
use tokio::time::{Instant, sleep_until, timeout_at};
use toolkit::Needs;

use crate::message::{self, About};
use crate::outage::{Outage, Outages};
use crate::{Alert, AlertError, Alerts, Report};

/// How long an alert is claimed while it is being sent. That is longer than a run may take, and
/// shorter than the time until the next run. So if a run ends before it has sent an alert, the next
/// one sends it.
const SENDING: SignedDuration = SignedDuration::from_mins(10);

/// Up to this many events of a kind get a message each. More get one message that lists them.
const SEPARATELY: usize = 5;

/// The pause between two messages. SNS suspends an email subscription that gets more than ten a
/// second.
const PAUSE: Duration = Duration::from_millis(200);

/// How many requests the table gets at once.
const AT_ONCE: usize = 16;

/// How often a write is tried, if somebody else changes the item between the read and the write.
pub(crate) const TRIES: usize = 3;

/// What there is to tell about a connection.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) connection: Registration,
    /// The health as it is stored.
    pub(crate) health: Option<Health>,
    /// The events of this run. Some may also be pending in `health`.
    pub(crate) events: Vec<Event>,
}

impl Telling {
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.health.as_ref().is_none_or(|it| it.pending.is_empty())
    }
}

/// One event to tell.
#[derive(Debug)]
struct Item {
    /// The position of the telling that it belongs to.
    place: usize,
    event: Event,
    key: String,
    until: Timestamp,
}

/// What happened to an alert that is not about a single connection.
enum Said {
    Now,
    /// Another run has sent it, or is sending it.
    Elsewhere,
    NotYet,
}

/// Tells people, until there is no more time.
pub(crate) struct Teller<'a, A> {
    pub(crate) state: &'a State,
    pub(crate) alerts: &'a A,
    pub(crate) needs: &'a Needs,
    pub(crate) names: &'a SecretNames,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
    pub(crate) next: Instant,
    pub(crate) report: &'a mut Report,
}

impl<A: Alerts> Teller<'_, A> {
    /// Tells people what there is to tell, and removes it from what is pending. What could not be
    /// told stays pending.
    pub(crate) async fn tell(&mut self, tellings: &[Telling]) {
        let mut told: HashMap<usize, HashSet<String>> = HashMap::new();
        if let Err(error) = self.tell_all(tellings, &mut told).await {
            self.problem(error.to_string());
        }
        let strike = |(place, telling)| self.strike(telling, told.get(&place));
        let strikes: Vec<_> = tellings.iter().enumerate().map(strike).collect();
        let failed = failures(strikes).await;
        if let Some((count, error)) = failed {
            self.problem(format!("{count} connections are not up to date: {error}"));
        }
    }

    async fn tell_all(
        &mut self,
        tellings: &[Telling],
        told: &mut HashMap<usize, HashSet<String>>,
    ) -> Result<(), StateError> {
        let mut free = Vec::new();
        let items = self.items(tellings);
        let keys: Vec<_> = items
            .iter()
            .map(|item| (tellings[item.place].connection.id.clone(), item.key.clone()))
            .collect();
        let sending = self.after(SENDING);
        for (item, claimed) in items.into_iter().zip(self.state.claimed(&keys).await?) {
            match claimed {
                // People have been told, but the event is still pending.
                Some(until) if until > sending => {
                    told.entry(item.place).or_default().insert(item.key);
                }
                // Another run is sending it. If that run ends before, the next one sends it.
                Some(_) => {}
                None => free.push(item),
            }
        }
        let ours = self.claim(free, tellings).await?;
        let mut kinds: BTreeMap<usize, Vec<(Item, Claim)>> = BTreeMap::new();
        for (item, claim) in ours {
            kinds.entry(rank(&item.event)).or_default().push((item, claim));
        }
        for of_kind in kinds.into_values() {
            if of_kind.len() > SEPARATELY {
                self.say_together(of_kind, tellings, told).await;
                continue;
            }
            for one in of_kind {
                self.say_one(one, tellings, told).await;
            }
        }
        Ok(())
    }

    fn items(&self, tellings: &[Telling]) -> Vec<Item> {
        let mut items = Vec::new();
        for (place, telling) in tellings.iter().enumerate() {
            let pending = telling.health.as_ref().map(|health| still_pending(health, self.now));
            let mut known = HashSet::new();
            for event in pending.unwrap_or_default().into_iter().chain(telling.events.clone()) {
                let (key, until) = event.identity(self.now);
                if known.insert(key.clone()) {
                    items.push(Item { place, event, key, until });
                }
            }
        }
        items
    }

    /// Claims the free alerts of connections that are still there.
    async fn claim(
        &mut self,
        free: Vec<Item>,
        tellings: &[Telling],
    ) -> Result<Vec<(Item, Claim)>, StateError> {
        let state = self.state;
        let sending = self.after(SENDING);
        let claim = |item: Item| async move {
            let id = &tellings[item.place].connection.id;
            let claim = state.claim(Some(id), &item.key, sending).await;
            (item, claim)
        };
        let claims: Vec<_> = free.into_iter().map(claim).collect();
        let mut claims = stream::iter(claims).buffer_unordered(AT_ONCE);
        let (mut ours, mut failed) = (Vec::new(), None);
        while let Some((item, claim)) = claims.next().await {
            match claim {
                Ok(Some(claim)) => ours.push((item, claim)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            self.problem(format!("not all alerts could be claimed: {error}"));
        }
        // This is read after the claim. Otherwise, the claim of a connection that was removed in
        // between would stay.
        let id = |(item, _): &(Item, Claim)| tellings[item.place].connection.id.clone();
        let ids: Vec<_> = ours.iter().map(id).collect();
        let registered = match state.connections_of(&ids).await {
            Ok(registered) => registered,
            Err(error) => {
                self.release(ours.into_iter().map(|(_, claim)| claim).collect()).await;
                return Err(error);
            }
        };
        let is_there = |item: &Item| {
            let known = &tellings[item.place].connection;
            let there = registered.get(&known.id);
            there.is_some_and(|there| there.registered_at == known.registered_at)
        };
        let (mut there, gone): (Vec<_>, Vec<_>) =
            ours.into_iter().partition(|(item, _)| is_there(item));
        self.release(gone.into_iter().map(|(_, claim)| claim).collect()).await;
        there.sort_by_cached_key(|(item, _)| {
            (tellings[item.place].connection.id.clone(), item.key.clone())
        });
        Ok(there)
    }

    async fn say_one(
        &mut self,
        (item, claim): (Item, Claim),
        tellings: &[Telling],
        told: &mut HashMap<usize, HashSet<String>>,
    ) {
        let telling = &tellings[item.place];
        let secret = telling.health.as_ref().map_or(SecretExpiry::Unknown, |health| health.secret);
        let secret_name = &self.names.connection(&telling.connection.id);
        let about =
            About { connection: &telling.connection, secret, needs: self.needs, secret_name };
        let alert = message::of_event(&item.event, &about);
        match self.send(alert).await {
            Ok(()) => self.keep(vec![(item, claim)], told).await,
            Err(error) => {
                self.release(vec![claim]).await;
                self.problem(format!("{}: {error}", telling.connection.id));
            }
        }
    }

    async fn say_together(
        &mut self,
        of_kind: Vec<(Item, Claim)>,
        tellings: &[Telling],
        told: &mut HashMap<usize, HashSet<String>>,
    ) {
        let events: Vec<_> = of_kind
            .iter()
            .map(|(item, _)| (&tellings[item.place].connection, &item.event))
            .collect();
        let Some(alert) = message::of_events(&events) else { return };
        let subject = alert.subject.clone();
        match self.send(alert).await {
            Ok(()) => self.keep(of_kind, told).await,
            Err(error) => {
                self.release(of_kind.into_iter().map(|(_, claim)| claim).collect()).await;
                self.problem(format!("{subject}: {error}"));
            }
        }
    }

    /// Sends an alert, after the pause since the one before.
    async fn send(&mut self, alert: Alert) -> Result<(), AlertError> {
        let too_late = || AlertError("there was no time left for it".to_owned());
        if self.next >= self.deadline {
            return Err(too_late());
        }
        sleep_until(self.next).await;
        let sent = timeout_at(self.deadline, self.alerts.send(&alert)).await;
        self.next = Instant::now() + PAUSE;
        sent.map_err(|_| too_late()).flatten()?;
        self.report.alerts.push(alert);
        Ok(())
    }

    /// Keeps the claims of the alerts that were sent.
    async fn keep(&mut self, said: Vec<(Item, Claim)>, told: &mut HashMap<usize, HashSet<String>>) {
        let mut keeps = Vec::new();
        for (item, claim) in said {
            told.entry(item.place).or_default().insert(item.key);
            keeps.push(self.state.keep(claim, item.until));
        }
        if let Some((count, error)) = failures(keeps).await {
            self.problem(format!("{count} alerts may be sent once more: {error}"));
        }
    }

    /// Gives claims back.
    async fn release(&mut self, claims: Vec<Claim>) {
        let releases: Vec<_> = claims.into_iter().map(|claim| self.state.release(claim)).collect();
        if let Some((count, error)) = failures(releases).await {
            self.problem(format!("{count} alerts are late by {SENDING:#}: {error}"));
        }
    }

    /// Removes pending events that people have been told of, and those that are no longer true.
    async fn strike(
        &self,
        telling: &Telling,
        told: Option<&HashSet<String>>,
    ) -> Result<(), StateError> {
        let mut health = telling.health.clone();
        for _ in 0..TRIES {
            let Some(known) = health.filter(|health| !health.pending.is_empty()) else {
                return Ok(());
            };
            let is_said =
                |event: &Event| told.is_some_and(|told| told.contains(&event.identity(self.now).0));
            let mut pending = still_pending(&known, self.now);
            pending.retain(|event| !is_said(event));
            if pending.len() == known.pending.len() {
                return Ok(());
            }
            let id = &telling.connection.id;
            let struck = Health { pending, ..known };
            match self.state.put_health_of(&telling.connection, struck).await {
                Ok(_) | Err(StateError::Gone) => return Ok(()),
                Err(StateError::Conflict) => health = self.state.health(id).await?,
                Err(error) => return Err(error),
            }
        }
        // The next run finds the claims, and removes the events.
        Ok(())
    }

    /// Tells people which outages began, go on, or are over. `regions` are those of all
    /// connections.
    pub(crate) async fn tell_outages(&mut self, outages: &Outages, regions: &BTreeSet<String>) {
        let known = match self.state.outages().await {
            Ok(known) => known,
            Err(error) => return self.problem(error.to_string()),
        };
        for one in &known {
            let region = one.region.as_deref();
            let goes_on = outages
                .iter()
                .any(|outage| outage.region.is_none() || outage.region.as_deref() == region);
            if goes_on {
                continue;
            }
            let is_left = region.is_none_or(|region| regions.contains(region));
            let ended = if !is_left {
                self.state.end_outage(region).await
            } else if outages.is_answered(region) {
                self.tell_outage_over(one).await
            } else {
                Ok(())
            };
            if let Err(error) = ended {
                self.problem(error.to_string());
            }
        }
        for outage in outages.iter() {
            let since = known.iter().find(|one| one.region == outage.region).map(|one| one.since);
            match self.tell_outage(outage, since).await {
                // Another run acts on it.
                Ok(()) | Err(StateError::Conflict) => {}
                Err(error) => self.problem(error.to_string()),
            }
        }
    }

    async fn tell_outage(
        &mut self,
        outage: &Outage,
        since: Option<Timestamp>,
    ) -> Result<(), StateError> {
        let begins = Known { region: outage.region.clone(), since: since.unwrap_or(self.now) };
        if since.is_none() {
            self.state.begin_outage(&begins).await?;
        }
        let key = outage_key("outage", &begins);
        self.say(&key, self.after(DAILY), message::of_outage(outage, begins.since)).await.map(drop)
    }

    async fn tell_outage_over(&mut self, outage: &Known) -> Result<(), StateError> {
        let region = outage.region.as_deref();
        let key = outage_key("outage_over", outage);
        let alert = message::of_outage_over(region, outage.since, self.now);
        if !matches!(self.say(&key, self.after(ONCE), alert).await?, Said::NotYet) {
            self.state.end_outage(region).await?;
        }
        Ok(())
    }

    /// Sends an alert that is not about a single connection, unless it has been sent.
    async fn say(&mut self, key: &str, until: Timestamp, alert: Alert) -> Result<Said, StateError> {
        let Some(claim) = self.state.claim(None, key, self.after(SENDING)).await? else {
            return Ok(Said::Elsewhere);
        };
        match self.send(alert).await {
            Ok(()) => {
                self.state.keep(claim, until).await?;
                Ok(Said::Now)
            }
            Err(error) => {
                self.state.release(claim).await?;
                self.problem(error.to_string());
                Ok(Said::NotYet)
            }
        }
    }

    fn after(&self, lasts: SignedDuration) -> Timestamp {
        self.now.saturating_add(lasts).unwrap_or(Timestamp::MAX)
    }

    fn problem(&mut self, problem: String) {
        self.report.problems.push(problem);
    }
}

fn outage_key(name: &str, outage: &Known) -> String {
    let region = outage.region.as_ref().map(|region| format!("{region}#")).unwrap_or_default();
    format!("{name}#{region}{}", outage.since)
}

/// In which order people are told.
fn rank(event: &Event) -> usize {
    match event {
        Event::Broken { .. } => 0,
        Event::Recovered { .. } => 1,
        Event::PrivilegesLost { .. } => 2,
        Event::SecretExpires { .. } => 3,
        Event::Throttled => 4,
    }
}

/// Runs these futures, some at a time. Returns how many failed, and the error of the last one.
async fn failures<F>(all: Vec<F>) -> Option<(usize, StateError)>
where
    F: Future<Output = Result<(), StateError>>,
{
    let results = stream::iter(all).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    let count = errors.len();
    errors.into_iter().next_back().map(|error| (count, error))
}
