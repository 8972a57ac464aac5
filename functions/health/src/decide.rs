//! What has become of a connection, and what is to be said about it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use state::{Event, Fault, Health, Noticed, SecretExpiry, SecretNotice, Status};

use crate::{Check, Found};

/// The days before a secret's end on which people hear of it.
const NOTICES: [i32; 7] = [0, 1, 3, 7, 14, 30, 60];

/// A connection that has not answered for this long is broken, whatever the reason.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);

/// What does not change is said again after this long: a day, less what schedules drift.
pub(crate) const DAILY: SignedDuration = SignedDuration::from_mins(23 * 60 + 50);

/// What is said once is said once in this time.
pub(crate) const ONCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A check that found nothing new is stored after this long all the same, so that it can be seen
/// that the connection is looked after.
const RENEWED: SignedDuration = SignedDuration::from_hours(6);

/// As many events wait to be told, at most: those of a connection that comes and goes while nobody
/// can be told are not worth more.
const PENDING: usize = 20;

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
    /// Whether hardly any connection answers, or hardly any of its region; nothing while that is
    /// not known yet. Until then, one that does not answer is not said to be broken.
    pub outage: Option<bool>,
}

/// What has become of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How it is now, together with what has become pending; nothing where there is nothing to
    /// store.
    pub health: Option<Health>,
    /// What is to be said about it, unless it has been said. What is no change the next check finds
    /// again, and is not pending.
    pub events: Vec<Event>,
}

/// What makes an event the same as another one of its connection, and until when that is so.
pub(crate) fn identity(event: &Event, now: Timestamp) -> (String, Timestamp) {
    let name = event.name();
    let (key, lasts) = match event {
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

/// What has become of a connection, and what is to be said about it.
pub fn decide(previous: Option<&Health>, found: &Found, circumstances: &Circumstances) -> Decision {
    let Circumstances { check, now, .. } = *circumstances;
    let mut health = health(previous, found, circumstances);
    let mut events = Vec::new();
    if check.connections() {
        events.extend(change(previous, found, circumstances));
    }
    if check.expiry() {
        let known = health.as_ref().or(previous);
        let event = known.and_then(|known| expiry(known.secret, found, now));
        if let Some((event, notice)) = event {
            // It has been said, or is pending.
            if known.is_none_or(|known| known.noticed.secret_notice != Some(notice)) {
                events.push(event);
            }
            if let Some(health) = health.as_mut() {
                health.noticed.secret_notice = Some(notice);
            } else if let Some(previous) = previous {
                let mut noted = previous.clone();
                noted.noticed.secret_notice = Some(notice);
                health = Some(noted);
            }
        }
    }
    let health = health.and_then(|health| to_store(previous, health, &events));
    Decision { health, events }
}

/// What is worth storing: a change, with what is to be said of it, or a sign of life now and then.
fn to_store(previous: Option<&Health>, health: Health, events: &[Event]) -> Option<Health> {
    let Some(previous) = previous else { return Some(with_pending(health, events)) };
    let unchanged = Health { checked_at: previous.checked_at, ..health.clone() };
    if unchanged != *previous {
        return Some(with_pending(health, events));
    }
    let is_old = health.checked_at.duration_since(previous.checked_at) >= RENEWED;
    is_old.then_some(health)
}

fn with_pending(mut health: Health, events: &[Event]) -> Health {
    for event in events {
        let same = |other: &Event| {
            identity(other, Timestamp::UNIX_EPOCH) == identity(event, Timestamp::UNIX_EPOCH)
        };
        if !health.pending.iter().any(same) {
            health.pending.push(event.clone());
        }
    }
    let too_many = health.pending.len().saturating_sub(PENDING);
    health.pending.drain(..too_many);
    health
}

/// What of the pending is still to be said: a secret that was replaced in time does not end.
pub(crate) fn still_pending(health: &Health, now: Timestamp) -> Vec<Event> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let still = |event: &Event| match event {
        Event::SecretExpires { on, notice, .. } => {
            let days_left = today.until(*on).ok()?.get_days();
            let is_so = health.secret.expires_on() == Some(*on) && days_left >= 0;
            is_so.then_some(Event::SecretExpires { on: *on, days_left, notice: *notice })
        }
        other => Some(other.clone()),
    };
    health.pending.iter().filter_map(still).collect()
}

fn health(
    previous: Option<&Health>,
    found: &Found,
    circumstances: &Circumstances,
) -> Option<Health> {
    let now = circumstances.now;
    let version = previous.map_or(0, |previous| previous.version);
    let secret = previous.map_or(SecretExpiry::Unknown, |previous| previous.secret);
    let pending = previous.map(|previous| previous.pending.clone()).unwrap_or_default();
    let noticed = previous.map(|previous| previous.noticed.clone()).unwrap_or_default();
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
                silent_since: None,
                ..noticed
            },
            pending,
            version,
        }),
        _ => match (fault(previous, found, circumstances), previous) {
            (Some((fault, since)), _) => {
                let status = Status::Broken { cause: fault.cause, step: fault.step, since };
                let noticed = Noticed { broken_since: Some(since), silent_since: None, ..noticed };
                Some(Health { status, checked_at: now, secret, noticed, pending, version })
            }
            (None, Some(previous)) if matches!(found, Found::Unanswered { .. }) => {
                let noticed =
                    Noticed { silent_since: Some(silence(previous)?.unwrap_or(now)), ..noticed };
                Some(Health { noticed, ..previous.clone() })
            }
            _ => None,
        },
    }
}

/// Since when a connection that worked does not answer, where that is known; `None` where it did not
/// work anyhow. What was noted before it was last seen to work is over.
fn silence(previous: &Health) -> Option<Option<Timestamp>> {
    let is_over = |since: &Timestamp| *since < previous.checked_at;
    match previous.status {
        Status::Healthy => Some(previous.noticed.silent_since.filter(|since| !is_over(since))),
        Status::Broken { .. } => None,
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
        Found::Unanswered { .. } if outage != Some(false) => None,
        Found::Unanswered { fault: Some(fault), .. } => {
            Some((fault.clone(), known_broken.unwrap_or(now)))
        }
        Found::Unanswered { detail, fault: None } => {
            let (is_known, since) = match previous {
                None => (false, Some(registered_at)),
                Some(Health { status: Status::Broken { cause, since, .. }, .. }) => {
                    (cause == UNANSWERED, (cause == UNANSWERED).then_some(*since))
                }
                Some(previous) => (false, silence(previous).flatten()),
            };
            let since = since?;
            let is_long = is_known || now.duration_since(since) >= SILENCE;
            is_long.then(|| (unanswered(detail), known_broken.unwrap_or(since)))
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

fn expiry(secret: SecretExpiry, found: &Found, now: Timestamp) -> Option<(Event, SecretNotice)> {
    // Whoever hears that the secret does not work need not hear when it ends.
    if matches!(found, Found::Broken(fault) if fault.step == Some(SECRET_STEP)) {
        return None;
    }
    let days_left = days_left(secret, found, now).filter(|days| *days >= 0)?;
    let notice = NOTICES.into_iter().find(|notice| days_left <= *notice)?;
    let on = secret.expires_on()?;
    let event = Event::SecretExpires { on, days_left, notice };
    Some((event, SecretNotice { on, days: notice }))
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
            outage: Some(false),
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
            noticed: Noticed { missing_privileges: Some(Vec::new()), ..Noticed::default() },
            pending: Vec::new(),
            version: 4,
        }
    }

    fn broken(cause: &str, since: &str) -> Health {
        let status = Status::Broken { cause: cause.to_owned(), step: Some(3), since: at(since) };
        let noticed = Noticed { broken_since: Some(at(since)), ..Noticed::default() };
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
        assert_eq!(identity(&event(13), at(NOW)).0, identity(&event(12), at(NOW)).0);
        assert!(identity(&event(13), at(NOW)).1 > at("2026-12-08T00:00:00Z"));
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
        assert_eq!(health.pending, first.events);

        let later = Circumstances { now: at("2026-11-24T09:15:00Z"), ..usual };
        let second = decide(Some(&health), &Found::Broken(expired()), &later);
        // The same event, so that it is said once a day.
        assert_eq!(second.events, first.events);
        let (first, until) = identity(&first.events[0], at(NOW));
        assert_eq!(first, identity(&second.events[0], later.now).0);
        assert!(until > at("2026-11-25T08:00:00Z") && until < at("2026-11-25T09:00:00Z"));

        // Nothing has changed, so there is nothing to store.
        assert_eq!(second.health, None);

        let third = decide(Some(&health), &works(SecretExpiry::Unknown, &[]), &later);
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
        let nothing = Decision { health: None, events: Vec::new() };
        // However long ago it was stored that it worked: it has been looked at since.
        let before = healthy("2026-11-24T04:00:00Z");
        let first = decide(Some(&before), &silence, &usual);
        let silent = first.health.unwrap();
        assert_eq!((first.events, silent.noticed.silent_since), (Vec::new(), Some(at(NOW))));
        assert_eq!((&silent.status, silent.checked_at), (&Status::Healthy, before.checked_at));

        let later = |text| Circumstances { now: at(text), ..usual };
        let (soon, late) = (later("2026-11-24T09:45:00Z"), later("2026-11-24T10:00:00Z"));
        assert_eq!(decide(Some(&silent), &silence, &soon), nothing);
        for outage in [Some(true), None] {
            let outage = Circumstances { outage, ..late };
            assert_eq!(decide(Some(&silent), &silence, &outage), nothing);
        }
        let decision = decide(Some(&silent), &silence, &late);
        let [Event::Broken { fault, since }] = decision.events.as_slice() else { panic!() };
        assert_eq!((fault.cause.as_str(), *since), (UNANSWERED, at(NOW)));
        let health = decision.health.unwrap();
        assert_eq!((health.noticed.silent_since, &health.pending), (None, &decision.events));
        // It stays so, although it was checked a moment ago.
        let again = decide(Some(&health), &silence, &late);
        assert_eq!((again.events, again.health), (decision.events, None));
        // What answers in between is silent anew.
        let answered = decide(Some(&silent), &works(SecretExpiry::Unknown, &[]), &soon);
        assert_eq!(answered.health.unwrap().noticed.silent_since, None);
        let tested = Health { checked_at: at("2026-11-24T09:30:00Z"), ..silent };
        let health = decide(Some(&tested), &silence, &late).health.unwrap();
        assert_eq!(health.noticed.silent_since, Some(late.now));
        // What is broken for a better reason stays broken for that.
        let known = broken("secret_expired", "2026-11-20T00:00:00Z");
        assert_eq!(decide(Some(&known), &silence, &usual), nothing);
        assert_eq!(decide(Some(&known), &Found::Failed, &usual), nothing);
    }

    #[test]
    fn what_is_new_is_stored_and_else_a_sign_of_life_now_and_then() {
        let usual = circumstances(Check::Connections);
        let found = works(SecretExpiry::Unknown, &[]);
        let stored = |checked_at| decide(Some(&healthy(checked_at)), &found, &usual).health;
        assert_eq!(stored("2026-11-24T08:45:00Z"), None);
        assert_eq!(stored("2026-11-24T03:01:00Z"), None);
        assert_eq!(stored("2026-11-24T03:00:00Z").unwrap().checked_at, at(NOW));
        let known = broken("secret_expired", "2026-11-20T00:00:00Z");
        let known = Health { checked_at: at("2026-11-24T03:00:00Z"), ..known };
        let decision = decide(Some(&known), &Found::Broken(expired()), &usual);
        // It is said again in a day, and not because it is seen to live.
        assert_eq!((decision.health.unwrap().pending, decision.events.len()), (Vec::new(), 1));
    }

    #[test]
    fn what_is_pending_stays_so_once_each_and_is_bounded() {
        let usual = circumstances(Check::All);
        let since = at("2026-11-20T00:00:00Z");
        let ends =
            Event::SecretExpires { on: "2026-12-24".parse().unwrap(), days_left: 31, notice: 30 };
        let gone =
            Event::SecretExpires { on: "2026-12-01".parse().unwrap(), days_left: 7, notice: 7 };
        let pending = vec![Event::Recovered { since }, ends.clone(), gone];
        let secret = secret("2026-12-24");
        let before = Health { pending, secret, ..healthy("2026-11-24T08:45:00Z") };
        // Its secret was replaced in time, and the days are those of today.
        let still = still_pending(&before, at(NOW));
        let today =
            Event::SecretExpires { on: "2026-12-24".parse().unwrap(), days_left: 30, notice: 30 };
        assert_eq!(still, [Event::Recovered { since }, today]);
        let noticed = broken("secret_expired", "2026-11-20T00:00:00Z").noticed;
        let found = works(secret, &[]);
        let health = decide(Some(&Health { noticed, ..before }), &found, &usual).health.unwrap();
        assert_eq!(health.pending.len(), 3, "{:?}", health.pending);

        let pending = (0..30)
            .map(|hour| Event::Recovered { since: since + SignedDuration::from_hours(hour) });
        let before = Health { pending: pending.collect(), ..healthy("2026-11-24T08:45:00Z") };
        let health = decide(Some(&before), &Found::Broken(expired()), &usual).health.unwrap();
        assert_eq!(health.pending.len(), PENDING);
        assert!(matches!(health.pending.last(), Some(Event::Broken { .. })));
    }

    #[test]
    fn a_notice_is_noted_and_given_once() {
        let expiry = circumstances(Check::Expiry);
        let found = works(secret("2026-12-07"), &[]);
        let first = decide(Some(&healthy(NOW)), &found, &expiry);
        let health = first.health.unwrap();
        assert_eq!((health.pending.len(), first.events.len()), (1, 1));
        assert_eq!(
            decide(Some(&health), &found, &expiry),
            Decision { health: None, events: Vec::new() }
        );
        // Another secret, another notice.
        let found = works(secret("2026-12-06"), &[]);
        assert_eq!(decide(Some(&health), &found, &expiry).events.len(), 1);
    }

    #[test]
    fn an_instance_that_alone_cannot_be_reached_is_a_fault_at_once() {
        let unreachable =
            Found::Unanswered { detail: "no connection".to_owned(), fault: Some(expired()) };
        let usual = circumstances(Check::Connections);
        let before = healthy("2026-11-24T08:45:00Z");
        assert_eq!(decide(Some(&before), &unreachable, &usual).events.len(), 1);
        let outage = Circumstances { outage: Some(true), ..usual };
        assert!(decide(Some(&before), &unreachable, &outage).events.is_empty());
    }

    #[test]
    fn lost_privileges_are_those_that_were_not_missing_before() {
        let usual = circumstances(Check::Connections);
        let found = works(SecretExpiry::Unknown, &["prvReadIncident", "prvReadLead"]);
        // What is missing from the start was said at the set-up.
        assert!(decide(None, &found, &usual).events.is_empty());
        let noticed = |missing: Option<&str>| Noticed {
            missing_privileges: missing.map(|name| vec![name.to_owned()]),
            ..Noticed::default()
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
        let on = "2026-12-07".parse().unwrap();
        let noticed = Noticed {
            secret_notice: Some(SecretNotice { on, days: 14 }),
            ..before.noticed.clone()
        };
        let pending = decision.events;
        let expected = Health { secret: secret("2026-12-07"), noticed, pending, ..before.clone() };
        assert_eq!(health, expected);
        assert_eq!(decide(Some(&before), &Found::Broken(expired()), &expiry).health, None);
    }

    #[test]
    fn throttling_is_no_fault_and_is_said_once_a_day() {
        let before = healthy("2026-11-24T08:45:00Z");
        let decision = decide(Some(&before), &Found::Throttled, &circumstances(Check::All));
        assert_eq!(decision, Decision { health: None, events: vec![Event::Throttled] });
    }
}
