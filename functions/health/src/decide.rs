//! What has become of a connection, and what is to be said about it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use state::{Health, Noticed, SecretExpiry, Status};

use crate::{Check, Fault, Found};

/// The days before a secret's end on which people hear of it.
const NOTICES: [i32; 7] = [0, 1, 3, 7, 14, 30, 60];

/// A connection that has not answered for this long is broken, whatever the reason.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);

/// What does not change is said again after this long: a day, less what schedules drift.
pub(crate) const DAILY: SignedDuration = SignedDuration::from_mins(23 * 60 + 50);

/// What is said once is said once in this time.
pub(crate) const ONCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The step of the set-up that makes the secret.
const SECRET_STEP: u8 = 3;

/// Under which circumstances something was found.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// What was to be looked at.
    pub check: Check,
    /// When.
    pub now: Timestamp,
    /// Since when the connection is as it is registered.
    pub registered_at: Timestamp,
    /// Whether hardly any connection answers.
    pub outage: bool,
}

/// What has become of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How it is now; nothing where nothing new is known.
    pub health: Option<Health>,
    /// What is to be said about it, unless it has been said.
    pub events: Vec<Event>,
}

/// What is to be said about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It does not work.
    Broken {
        /// Why.
        fault: Fault,
        /// Since when.
        since: Timestamp,
    },
    /// It works again.
    Recovered {
        /// Since when it had not.
        since: Timestamp,
    },
    /// Its client secret is about to end.
    SecretExpires {
        /// The day.
        on: Date,
        /// In how many days.
        days_left: i32,
        /// Which of the notices it is, in days.
        notice: i32,
    },
    /// The application user may do less than at the last check.
    PrivilegesLost {
        /// What it had, and tools need.
        privileges: Vec<String>,
        /// When that was found out.
        at: Timestamp,
    },
    /// Dynamics 365 refuses calls because there are too many.
    Throttled,
}

impl Event {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Broken { .. } => "connection_broken",
            Event::Recovered { .. } => "connection_recovered",
            Event::SecretExpires { .. } => "secret_expires",
            Event::PrivilegesLost { .. } => "privileges_lost",
            Event::Throttled => "connection_throttled",
        }
    }

    /// What makes it the same event as another, and until when that is so.
    pub(crate) fn identity(&self, now: Timestamp) -> (String, Timestamp) {
        let name = self.name();
        let (key, lasts) = match self {
            Event::Broken { fault, since } => (format!("{name}#{}#{since}", fault.cause), DAILY),
            Event::Recovered { since } => (format!("{name}#{since}"), ONCE),
            // Longer than until the day itself, which is at most 60 days away.
            Event::SecretExpires { on, notice, .. } => {
                (format!("{name}#{on}#{notice}"), ONCE.saturating_mul(3))
            }
            Event::PrivilegesLost { at, .. } => (format!("{name}#{at}"), ONCE),
            Event::Throttled => (name.to_owned(), DAILY),
        };
        (key, now.saturating_add(lasts).unwrap_or(Timestamp::MAX))
    }

    /// Whether it is about a change, which the next check would not see any more.
    pub(crate) fn is_transition(&self) -> bool {
        matches!(self, Event::Recovered { .. } | Event::PrivilegesLost { .. })
    }
}

/// What has become of a connection, and what is to be said about it.
pub fn decide(previous: Option<&Health>, found: &Found, circumstances: &Circumstances) -> Decision {
    let Circumstances { check, now, .. } = *circumstances;
    let health = health(previous, found, circumstances);
    let mut events = Vec::new();
    if check.connections() {
        events.extend(change(previous, found, circumstances));
    }
    if check.expiry() {
        let secret = health.as_ref().or(previous).map(|health| health.secret);
        events.extend(secret.and_then(|secret| expiry(secret, found, now)));
    }
    Decision { health, events }
}

fn health(
    previous: Option<&Health>,
    found: &Found,
    circumstances: &Circumstances,
) -> Option<Health> {
    let now = circumstances.now;
    let version = previous.map_or(0, |previous| previous.version);
    let secret = previous.map_or(SecretExpiry::Unknown, |previous| previous.secret);
    match (found, previous) {
        // A look at the secret leaves changes of the rest to the check that reports them.
        (Found::Works { secret, .. }, Some(previous)) if !circumstances.check.connections() => {
            Some(Health { secret: *secret, ..previous.clone() })
        }
        (_, Some(_)) if !circumstances.check.connections() => None,
        (Found::Works { missing_privileges, secret }, _) => Some(Health {
            status: Status::Healthy,
            checked_at: now,
            secret: *secret,
            noticed: Noticed {
                broken_since: None,
                missing_privileges: Some(missing_privileges.clone()),
            },
            version,
        }),
        _ => {
            let (fault, since) = fault(previous, found, circumstances)?;
            let status = Status::Broken { cause: fault.cause, step: fault.step, since };
            let noticed = previous.map(|previous| previous.noticed.clone()).unwrap_or_default();
            let noticed = Noticed { broken_since: Some(since), ..noticed };
            Some(Health { status, checked_at: now, secret, noticed, version })
        }
    }
}

/// The fault, if what was found is one, and since when it is there.
fn fault(
    previous: Option<&Health>,
    found: &Found,
    circumstances: &Circumstances,
) -> Option<(Fault, Timestamp)> {
    let Circumstances { now, registered_at, outage, .. } = *circumstances;
    let known_broken = match previous.map(|previous| &previous.status) {
        Some(Status::Broken { since, .. }) => Some(*since),
        _ => None,
    };
    match found {
        Found::Broken(fault) => Some((fault.clone(), known_broken.unwrap_or(now))),
        Found::Unanswered { .. } if outage => None,
        Found::Unanswered { fault: Some(fault), .. } => {
            Some((fault.clone(), known_broken.unwrap_or(now)))
        }
        Found::Unanswered { detail, fault: None } => {
            let last_known = previous.map_or(registered_at, |previous| previous.checked_at);
            let silent = match previous.map(|previous| &previous.status) {
                Some(Status::Broken { cause, .. }) => cause == UNANSWERED,
                _ => now.duration_since(last_known) >= SILENCE,
            };
            silent.then(|| (unanswered(detail), known_broken.unwrap_or(last_known)))
        }
        Found::Works { .. } | Found::Throttled | Found::Failed => None,
    }
}

/// The cause where there is none but that nothing answers.
const UNANSWERED: &str = "unanswered";

fn unanswered(detail: &str) -> Fault {
    Fault {
        cause: UNANSWERED.to_owned(),
        step: None,
        detail: detail.to_owned(),
        action: Some(
            "Look whether the environment is started and not in administration mode (Power \
             Platform admin center, Environments), and at Microsoft's service health page."
                .to_owned(),
        ),
    }
}

/// What is to be said about the connection's working.
fn change(previous: Option<&Health>, found: &Found, circumstances: &Circumstances) -> Vec<Event> {
    let now = circumstances.now;
    if let Some((fault, since)) = fault(previous, found, circumstances) {
        return vec![Event::Broken { fault, since }];
    }
    if *found == Found::Throttled {
        return vec![Event::Throttled];
    }
    let (Some(previous), Found::Works { missing_privileges, .. }) = (previous, found) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    if let Some(since) = previous.noticed.broken_since {
        events.push(Event::Recovered { since });
    }
    // What is missing from the start is said at the set-up.
    if let Some(before) = &previous.noticed.missing_privileges {
        let lost = missing_privileges.iter().filter(|privilege| !before.contains(privilege));
        let privileges: Vec<_> = lost.cloned().collect();
        if !privileges.is_empty() {
            events.push(Event::PrivilegesLost { privileges, at: now });
        }
    }
    events
}

/// How many days a secret has left; nothing where that is not known, or not true any more: what
/// works has no secret that is over.
pub(crate) fn days_left(secret: SecretExpiry, found: &Found, now: Timestamp) -> Option<i32> {
    let on = secret.expires_on()?;
    let today = TimeZone::UTC.to_datetime(now).date();
    let days = today.until(on).ok()?.get_days();
    (days >= 0 || !found.is_answer()).then_some(days)
}

fn expiry(secret: SecretExpiry, found: &Found, now: Timestamp) -> Option<Event> {
    // Whoever hears that the secret does not work need not hear when it ends.
    if matches!(found, Found::Broken(fault) if fault.step == Some(SECRET_STEP)) {
        return None;
    }
    let days_left = days_left(secret, found, now).filter(|days| *days >= 0)?;
    let notice = NOTICES.into_iter().find(|notice| days_left <= *notice)?;
    Some(Event::SecretExpires { on: secret.expires_on()?, days_left, notice })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-24T09:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn circumstances(check: Check) -> Circumstances {
        Circumstances {
            check,
            now: at(NOW),
            registered_at: at("2026-01-01T00:00:00Z"),
            outage: false,
        }
    }

    fn secret(on: &str) -> SecretExpiry {
        SecretExpiry::Graph { expires_on: on.parse().unwrap() }
    }

    fn works(secret: SecretExpiry, missing: &[&str]) -> Found {
        let missing_privileges = missing.iter().map(|name| (*name).to_owned()).collect();
        Found::Works { missing_privileges, secret }
    }

    fn expired() -> Fault {
        Fault {
            cause: "secret_expired".to_owned(),
            step: Some(3),
            detail: "the client secret has expired".to_owned(),
            action: None,
        }
    }

    fn healthy(checked_at: &str) -> Health {
        Health {
            status: Status::Healthy,
            checked_at: at(checked_at),
            secret: SecretExpiry::Unknown,
            noticed: Noticed { broken_since: None, missing_privileges: Some(Vec::new()) },
            version: 4,
        }
    }

    fn broken(cause: &str, since: &str) -> Health {
        let status = Status::Broken { cause: cause.to_owned(), step: Some(3), since: at(since) };
        let noticed = Noticed { broken_since: Some(at(since)), missing_privileges: None };
        Health { status, noticed, ..healthy("2026-11-24T08:45:00Z") }
    }

    fn notice(on: &str) -> Option<(i32, i32)> {
        let found = works(secret(on), &[]);
        let decision = decide(None, &found, &circumstances(Check::Expiry));
        match decision.events.as_slice() {
            [] => None,
            [Event::SecretExpires { days_left, notice, .. }] => Some((*days_left, *notice)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_is_announced_by_the_nearest_notice_alone() {
        assert_eq!(notice("2027-01-24"), None);
        assert_eq!(notice("2027-01-23"), Some((60, 60)));
        assert_eq!(notice("2026-12-25"), Some((31, 60)));
        assert_eq!(notice("2026-12-24"), Some((30, 30)));
        assert_eq!(notice("2026-12-07"), Some((13, 14)));
        assert_eq!(notice("2026-12-01"), Some((7, 7)));
        assert_eq!(notice("2026-11-27"), Some((3, 3)));
        assert_eq!(notice("2026-11-26"), Some((2, 3)));
        assert_eq!(notice("2026-11-25"), Some((1, 1)));
        assert_eq!(notice("2026-11-24"), Some((0, 0)));
        // It works, so the date is an old one.
        assert_eq!(notice("2026-11-23"), None);
    }

    #[test]
    fn the_same_notice_is_the_same_event_on_another_day() {
        let event = |days_left| Event::SecretExpires {
            on: "2026-12-07".parse().unwrap(),
            days_left,
            notice: 14,
        };
        assert_eq!(event(13).identity(at(NOW)).0, event(12).identity(at(NOW)).0);
        assert!(event(13).identity(at(NOW)).1 > at("2026-12-08T00:00:00Z"));
    }

    #[test]
    fn an_unknown_end_is_no_event() {
        let found = works(SecretExpiry::Unknown, &[]);
        assert!(decide(None, &found, &circumstances(Check::All)).events.is_empty());
    }

    #[test]
    fn a_connection_breaks_stays_broken_and_recovers() {
        let usual = circumstances(Check::Connections);
        let before = healthy("2026-11-24T08:45:00Z");
        let first = decide(Some(&before), &Found::Broken(expired()), &usual);
        assert_eq!(first.events, [Event::Broken { fault: expired(), since: at(NOW) }]);
        let health = first.health.unwrap();
        assert_eq!((health.version, health.checked_at), (4, at(NOW)));

        let later = Circumstances { now: at("2026-11-24T09:15:00Z"), ..usual };
        let second = decide(Some(&health), &Found::Broken(expired()), &later);
        // The same event, so that it is said once a day.
        assert_eq!(second.events, first.events);
        let (first, until) = first.events[0].identity(at(NOW));
        assert_eq!(first, second.events[0].identity(later.now).0);
        assert!(until > at("2026-11-25T08:00:00Z") && until < at("2026-11-25T09:00:00Z"));

        let third = decide(second.health.as_ref(), &works(SecretExpiry::Unknown, &[]), &later);
        assert_eq!(third.events, [Event::Recovered { since: at(NOW) }]);
        assert_eq!(third.health.unwrap().status, Status::Healthy);
    }

    #[test]
    fn what_was_mended_and_tested_by_hand_has_recovered_too() {
        let noticed = broken("secret_expired", "2026-11-20T00:00:00Z").noticed;
        let before = Health { noticed, ..healthy("2026-11-24T08:50:00Z") };
        let found = works(SecretExpiry::Unknown, &[]);
        let decision = decide(Some(&before), &found, &circumstances(Check::Connections));
        assert_eq!(decision.events, [Event::Recovered { since: at("2026-11-20T00:00:00Z") }]);
        assert_eq!(decision.health.unwrap().noticed.broken_since, None);
    }

    #[test]
    fn another_cause_is_another_event_since_the_same_moment() {
        let before = broken("secret_wrong", "2026-11-20T00:00:00Z");
        let decision =
            decide(Some(&before), &Found::Broken(expired()), &circumstances(Check::Connections));
        let since = at("2026-11-20T00:00:00Z");
        assert_eq!(decision.events, [Event::Broken { fault: expired(), since }]);
    }

    #[test]
    fn whoever_hears_of_the_expired_secret_does_not_hear_that_it_will_expire() {
        let before = Health { secret: secret(NOW.get(..10).unwrap()), ..healthy(NOW) };
        let decision = decide(Some(&before), &Found::Broken(expired()), &circumstances(Check::All));
        assert_eq!(decision.events.len(), 1, "{:?}", decision.events);
        let other = Fault { step: Some(6), ..expired() };
        let decision = decide(Some(&before), &Found::Broken(other), &circumstances(Check::All));
        assert_eq!(decision.events.len(), 2, "{:?}", decision.events);
    }

    #[test]
    fn silence_is_a_fault_after_an_hour_and_never_in_an_outage() {
        let silence = Found::Unanswered { detail: "no answer".to_owned(), fault: None };
        let usual = circumstances(Check::Connections);
        let recent = healthy("2026-11-24T08:15:00Z");
        let nothing = Decision { health: None, events: Vec::new() };
        assert_eq!(decide(Some(&recent), &silence, &usual), nothing);
        let long_ago = healthy("2026-11-24T08:00:00Z");
        let outage = Circumstances { outage: true, ..usual };
        assert_eq!(decide(Some(&long_ago), &silence, &outage), nothing);
        let decision = decide(Some(&long_ago), &silence, &usual);
        let [Event::Broken { fault, since }] = decision.events.as_slice() else { panic!() };
        assert_eq!((fault.cause.as_str(), *since), (UNANSWERED, long_ago.checked_at));
        // It stays so, although it was checked a moment ago.
        let again = decide(decision.health.as_ref(), &silence, &usual);
        assert_eq!(again.events, decision.events);
        // What is broken for a better reason stays broken for that.
        let known = broken("secret_expired", "2026-11-20T00:00:00Z");
        assert_eq!(decide(Some(&known), &silence, &usual), nothing);
        assert_eq!(decide(Some(&known), &Found::Failed, &usual), nothing);
    }

    #[test]
    fn an_instance_that_alone_cannot_be_reached_is_a_fault_at_once() {
        let unreachable =
            Found::Unanswered { detail: "no connection".to_owned(), fault: Some(expired()) };
        let usual = circumstances(Check::Connections);
        let before = healthy("2026-11-24T08:45:00Z");
        assert_eq!(decide(Some(&before), &unreachable, &usual).events.len(), 1);
        let outage = Circumstances { outage: true, ..usual };
        assert!(decide(Some(&before), &unreachable, &outage).events.is_empty());
    }

    #[test]
    fn lost_privileges_are_those_that_were_not_missing_before() {
        let usual = circumstances(Check::Connections);
        let found = works(SecretExpiry::Unknown, &["prvReadIncident", "prvReadLead"]);
        // What is missing from the start was said at the set-up.
        assert!(decide(None, &found, &usual).events.is_empty());
        let noticed = |missing: Option<&str>| Noticed {
            broken_since: None,
            missing_privileges: missing.map(|name| vec![name.to_owned()]),
        };
        let before = Health { noticed: noticed(None), ..healthy(NOW) };
        assert!(decide(Some(&before), &found, &usual).events.is_empty());
        let before = Health { noticed: noticed(Some("prvReadLead")), ..healthy(NOW) };
        let decision = decide(Some(&before), &found, &usual);
        let privileges = vec!["prvReadIncident".to_owned()];
        assert_eq!(decision.events, [Event::PrivilegesLost { privileges, at: at(NOW) }]);
        assert!(decide(decision.health.as_ref(), &found, &usual).events.is_empty());
    }

    #[test]
    fn a_look_at_the_secret_leaves_the_rest_to_the_other_check() {
        let expiry = circumstances(Check::Expiry);
        let before = broken("secret_expired", "2026-11-20T00:00:00Z");
        let found = works(secret("2026-12-07"), &["prvReadIncident"]);
        let decision = decide(Some(&before), &found, &expiry);
        assert!(matches!(decision.events.as_slice(), [Event::SecretExpires { notice: 14, .. }]));
        let health = decision.health.unwrap();
        assert_eq!(health, Health { secret: secret("2026-12-07"), ..before.clone() });
        assert_eq!(decide(Some(&before), &Found::Broken(expired()), &expiry).health, None);
    }

    #[test]
    fn throttling_is_no_fault_and_is_said_once_a_day() {
        let before = healthy("2026-11-24T08:45:00Z");
        let decision = decide(Some(&before), &Found::Throttled, &circumstances(Check::All));
        assert_eq!(decision, Decision { health: None, events: vec![Event::Throttled] });
    }
}
