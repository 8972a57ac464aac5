//! Decides how a connection is now, and what people are told about it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Event, Fault, Finding, Health, Noticed, SecretNotice, Status};
use crate::{SecretExpiry, Step};

/// How many days before a secret's end people hear of it.
const NOTICES: [i32; 7] = [0, 1, 3, 7, 14, 30, 60];

/// A connection that has not answered for this long is broken, whatever the reason, unless there is
/// an outage.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);

/// How long until people are told again about something that has not changed: a day, less the time
/// by which schedules drift.
pub const DAILY: SignedDuration = SignedDuration::from_mins(23 * 60 + 50);

/// How long people are not told about the same change again.
pub const ONCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How old a stored health may become. Then it is stored again even if nothing has changed, to show
/// that the connection is looked after.
const RENEWED: SignedDuration = SignedDuration::from_hours(6);

/// How many events of a connection may be pending; the oldest go first. More are not worth keeping:
/// they come from a connection that breaks and recovers again and again while nobody can be told.
const PENDING: usize = 20;

/// What the scheduled check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether the connections work.
    Connections,
    /// When their secrets end.
    Expiry,
    /// Both.
    All,
}

impl Check {
    /// Whether this check finds out if the connections work.
    pub fn connections(self) -> bool {
        matches!(self, Check::Connections | Check::All)
    }

    /// Whether this check finds out when the secrets end.
    pub fn expiry(self) -> bool {
        matches!(self, Check::Expiry | Check::All)
    }
}

/// Why a connection is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody looks at it. A change is stored, and the next check tells people.
    Look,
    /// Somebody tests it. The look is stored even if nothing has changed.
    Test,
    /// Somebody has set it up. So it has changed, if only its secret, and the look is always
    /// stored.
    SetUp,
    /// The schedule says so.
    Check {
        /// What is looked at.
        check: Check,
        /// Whether there is an outage: hardly any connection answers, or hardly any of its region.
        /// `None` while that is not known yet.
        outage: Option<bool>,
    },
}

impl Occasion {
    /// Whether this look finds out if the connection works.
    fn connections(self) -> bool {
        match self {
            Occasion::Look | Occasion::Test | Occasion::SetUp => true,
            Occasion::Check { check, .. } => check.connections(),
        }
    }

    /// Whether other connections are known to answer. Until then, a connection that does not answer
    /// does not count as broken for that.
    fn others_answer(self) -> bool {
        matches!(self, Occasion::Check { outage: Some(false), .. })
    }
}

/// The circumstances of a finding.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Why the connection was looked at.
    pub occasion: Occasion,
    /// When it was looked at.
    pub now: Timestamp,
    /// When its registration was last changed.
    pub registered_at: Timestamp,
}

/// What [`decide`] decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How the connection is now, with the events that are now pending; `None` if there is nothing
    /// to store.
    pub health: Option<Health>,
    /// The events to tell people about, unless they have been told. Only a check has any. An event
    /// that is not about a change is not pending, because the next check finds it again.
    pub events: Vec<Event>,
}

/// Decides how a connection is now, and what people are told about it.
pub fn decide(
    previous: Option<&Health>,
    finding: &Finding,
    circumstances: &Circumstances,
) -> Decision {
    let Circumstances { occasion, now, .. } = *circumstances;
    let verdict = verdict(previous, finding, circumstances);
    let mut health = health(previous, finding, verdict.as_ref(), circumstances);
    let mut events = Vec::new();
    if let Occasion::Check { check, .. } = occasion {
        if check.connections() {
            events.extend(changes(previous, finding, verdict, now));
        }
        if check.expiry() {
            events.extend(notice(previous, &mut health, finding, now));
        }
    }
    let health = health.and_then(|health| to_store(previous, health, &events, occasion));
    Decision { health, events }
}

/// The health, if it is worth storing: it has changed (and gets the events), it was stored long
/// ago, or somebody asked for the look.
fn to_store(
    previous: Option<&Health>,
    health: Health,
    events: &[Event],
    occasion: Occasion,
) -> Option<Health> {
    let Some(previous) = previous else { return Some(with_pending(health, events)) };
    let unchanged = Health { checked_at: previous.checked_at, ..health.clone() };
    if unchanged != *previous {
        return Some(with_pending(health, events));
    }
    let is_old = health.checked_at.duration_since(previous.checked_at) >= RENEWED;
    let is_asked_for = matches!(occasion, Occasion::Test | Occasion::SetUp);
    (is_old || is_asked_for).then_some(health)
}

fn with_pending(mut health: Health, events: &[Event]) -> Health {
    for event in events.iter().filter(|event| !event.is_of_the_moment()) {
        let identity = |event: &Event| event.identity(Timestamp::UNIX_EPOCH);
        if !health.pending.iter().any(|other| identity(other) == identity(event)) {
            health.pending.push(event.clone());
        }
    }
    let too_many = health.pending.len().saturating_sub(PENDING);
    health.pending.drain(..too_many);
    health
}

/// The pending events that are still true. A notice is dropped if the secret was replaced in time
/// or the day is over; otherwise its days are counted anew.
pub fn still_pending(health: &Health, now: Timestamp) -> Vec<Event> {
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

/// How the connection is now; `None` if there is nothing new to know.
fn health(
    previous: Option<&Health>,
    finding: &Finding,
    verdict: Option<&Verdict>,
    circumstances: &Circumstances,
) -> Option<Health> {
    let Circumstances { occasion, now, .. } = *circumstances;
    if let Some(previous) = previous.filter(|_| !occasion.connections()) {
        // A check of the secrets changes nothing else: the check of the connections reports that.
        return match finding {
            Finding::Works { secret, .. } => Some(Health { secret: *secret, ..previous.clone() }),
            _ => None,
        };
    }
    let status = verdict?.status();
    let mut noticed = previous.map(|previous| previous.noticed.clone()).unwrap_or_default();
    if matches!(occasion, Occasion::Check { .. }) {
        notice_change(&mut noticed, &status, finding);
    }
    let known_secret = previous.map_or(SecretExpiry::Unknown, |previous| previous.secret);
    Some(Health {
        status,
        checked_at: now,
        secret: match finding {
            Finding::Works { secret, .. } => *secret,
            _ => known_secret,
        },
        noticed,
        pending: previous.map(|previous| previous.pending.clone()).unwrap_or_default(),
        version: previous.map_or(0, |previous| previous.version),
    })
}

fn notice_change(noticed: &mut Noticed, status: &Status, finding: &Finding) {
    match (status, finding) {
        (Status::Broken { since, .. }, _) => noticed.broken_since = Some(*since),
        (Status::Healthy, Finding::Works { missing_privileges, .. }) => {
            noticed.broken_since = None;
            noticed.missing_privileges = Some(missing_privileges.clone());
        }
        _ => {}
    }
}

/// What a finding means for a connection.
enum Verdict {
    Healthy,
    Throttled,
    Unanswered { since: Timestamp },
    Broken { fault: Fault, since: Timestamp },
}

impl Verdict {
    fn status(&self) -> Status {
        match self {
            Verdict::Healthy => Status::Healthy,
            Verdict::Throttled => Status::Throttled,
            Verdict::Unanswered { since } => Status::Unanswered { since: *since },
            Verdict::Broken { fault, since } => {
                Status::Broken { cause: fault.cause.clone(), step: fault.step, since: *since }
            }
        }
    }
}

/// What the finding means for the connection; `None` if its status stays as it was.
fn verdict(
    previous: Option<&Health>,
    finding: &Finding,
    circumstances: &Circumstances,
) -> Option<Verdict> {
    let Circumstances { occasion, now, registered_at } = *circumstances;
    let status = previous.map(|previous| &previous.status);
    let broken_since = match status {
        Some(Status::Broken { since, .. }) => Some(*since),
        // A connection that is throttled may still be broken.
        Some(Status::Throttled) => previous.and_then(|previous| previous.noticed.broken_since),
        _ => None,
    };
    let (detail, fault) = match finding {
        Finding::Works { .. } => return Some(Verdict::Healthy),
        Finding::Throttled => return Some(Verdict::Throttled),
        Finding::Failed => return None,
        Finding::Broken(fault) => {
            let since = broken_since.unwrap_or(now);
            return Some(Verdict::Broken { fault: fault.clone(), since });
        }
        Finding::Unanswered { detail, fault } => (detail, fault),
    };
    if let Some(fault) = fault.as_ref().filter(|_| occasion.others_answer()) {
        let since = broken_since.unwrap_or(now);
        return Some(Verdict::Broken { fault: fault.clone(), since });
    }
    let since = match status {
        None => registered_at,
        Some(Status::Healthy | Status::Throttled) => now,
        Some(Status::Unanswered { since }) => *since,
        Some(Status::Broken { cause, since, .. }) if cause == UNANSWERED => *since,
        // It stays broken for the cause that is known, which says more than silence.
        Some(Status::Broken { .. }) => return None,
    };
    let is_known = matches!(status, Some(Status::Broken { .. }));
    let is_long = is_known || now.duration_since(since) >= SILENCE;
    match (is_known, is_long && occasion.others_answer()) {
        (_, true) => Some(Verdict::Broken { fault: unanswered(detail), since }),
        // It stays broken.
        (true, false) => None,
        (false, false) => Some(Verdict::Unanswered { since }),
    }
}

/// The cause of a connection that is broken only because nothing answers.
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

/// The events about whether the connection works, and which privileges it lost.
fn changes(
    previous: Option<&Health>,
    finding: &Finding,
    verdict: Option<Verdict>,
    now: Timestamp,
) -> Vec<Event> {
    match verdict {
        Some(Verdict::Broken { fault, since }) => return vec![Event::Broken { fault, since }],
        Some(Verdict::Throttled) => return vec![Event::Throttled],
        _ => {}
    }
    let (Some(previous), Finding::Works { missing_privileges, .. }) = (previous, finding) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    if let Some(since) = previous.noticed.broken_since {
        events.push(Event::Recovered { since });
    }
    // Privileges that were missing from the start were named at the set-up.
    if let Some(before) = &previous.noticed.missing_privileges {
        let lost = missing_privileges.iter().filter(|privilege| !before.contains(privilege));
        let privileges: Vec<_> = lost.cloned().collect();
        if !privileges.is_empty() {
            events.push(Event::PrivilegesLost { privileges, at: now });
        }
    }
    events
}

/// How many days a secret has left; negative if it has ended. `None` if its end is not known, or if
/// the date has passed and the connection works all the same: then the date is wrong.
pub fn days_left(secret: SecretExpiry, finding: &Finding, now: Timestamp) -> Option<i32> {
    let on = secret.expires_on()?;
    let today = TimeZone::UTC.to_datetime(now).date();
    let days = today.until(on).ok()?.get_days();
    (days >= 0 || !finding.is_answer()).then_some(days)
}

/// Notes in `health` that the client secret is about to end. Returns the event, unless this notice
/// was noted before.
fn notice(
    previous: Option<&Health>,
    health: &mut Option<Health>,
    finding: &Finding,
    now: Timestamp,
) -> Option<Event> {
    let known = health.as_ref().or(previous)?;
    let (event, notice) = expiry(known.secret, finding, now)?;
    let is_noticed = known.noticed.secret_notice == Some(notice);
    let mut noted = known.clone();
    noted.noticed.secret_notice = Some(notice);
    *health = Some(noted);
    (!is_noticed).then_some(event)
}

fn expiry(
    secret: SecretExpiry,
    finding: &Finding,
    now: Timestamp,
) -> Option<(Event, SecretNotice)> {
    // People who hear that the secret does not work need not hear when it ends.
    let of_secret = Some(Step::Secret.number());
    if matches!(finding, Finding::Broken(fault) if fault.step == of_secret) {
        return None;
    }
    let days_left = days_left(secret, finding, now).filter(|days| *days >= 0)?;
    let notice = NOTICES.into_iter().find(|notice| days_left <= *notice)?;
    let on = secret.expires_on()?;
    let event = Event::SecretExpires { on, days_left, notice };
    Some((event, SecretNotice { on, days: notice }))
}

#[cfg(test)]
mod tests {
    use super::super::Standing;
    use super::*;

    const NOW: &str = "2026-11-24T09:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn circumstances(check: Check) -> Circumstances {
        Circumstances {
            occasion: Occasion::Check { check, outage: Some(false) },
            now: at(NOW),
            registered_at: at("2026-01-01T00:00:00Z"),
        }
    }

    fn secret(on: &str) -> SecretExpiry {
        SecretExpiry::Graph { expires_on: on.parse().unwrap() }
    }

    fn works(secret: SecretExpiry, missing: &[&str]) -> Finding {
        let missing_privileges = missing.iter().map(|name| (*name).to_owned()).collect();
        Finding::Works { missing_privileges, secret }
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
        // The connection works, so the date is an old one.
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
        let first = decide(Some(&before), &Finding::Broken(expired()), &usual);
        assert_eq!(first.events, [Event::Broken { fault: expired(), since: at(NOW) }]);
        let health = first.health.unwrap();
        assert_eq!((health.version, health.checked_at), (4, at(NOW)));
        assert_eq!(health.pending, first.events);

        let later = Circumstances { now: at("2026-11-24T09:15:00Z"), ..usual };
        let second = decide(Some(&health), &Finding::Broken(expired()), &later);
        // The same event, so that it is said once a day.
        assert_eq!(second.events, first.events);
        let (first, until) = first.events[0].identity(at(NOW));
        assert_eq!(first, second.events[0].identity(later.now).0);
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
            decide(Some(&before), &Finding::Broken(expired()), &circumstances(Check::Connections));
        let since = at("2026-11-20T00:00:00Z");
        assert_eq!(decision.events, [Event::Broken { fault: expired(), since }]);
    }

    #[test]
    fn whoever_hears_of_the_expired_secret_does_not_hear_that_it_will_expire() {
        let before = Health { secret: secret(NOW.get(..10).unwrap()), ..healthy(NOW) };
        let decision =
            decide(Some(&before), &Finding::Broken(expired()), &circumstances(Check::All));
        assert_eq!(decision.events.len(), 1, "{:?}", decision.events);
        let other = Fault { step: Some(6), ..expired() };
        let decision = decide(Some(&before), &Finding::Broken(other), &circumstances(Check::All));
        assert_eq!(decision.events.len(), 2, "{:?}", decision.events);
    }

    fn silence() -> Finding {
        Finding::Unanswered { detail: "no answer".to_owned(), fault: None }
    }

    fn on_check(outage: Option<bool>, now: &str) -> Circumstances {
        let usual = circumstances(Check::Connections);
        let occasion = Occasion::Check { check: Check::Connections, outage };
        Circumstances { occasion, now: at(now), ..usual }
    }

    #[test]
    fn silence_is_a_fault_after_an_hour_and_never_in_an_outage() {
        let nothing = Decision { health: None, events: Vec::new() };
        // It was stored hours ago that it worked, but it has been looked at since.
        let before = healthy("2026-11-24T04:00:00Z");
        let first = decide(Some(&before), &silence(), &on_check(Some(false), NOW));
        let silent = first.health.unwrap();
        assert_eq!(first.events, []);
        assert_eq!(silent.status, Status::Unanswered { since: at(NOW) });

        let soon = on_check(Some(false), "2026-11-24T09:45:00Z");
        assert_eq!(decide(Some(&silent), &silence(), &soon), nothing);
        let late = |outage| on_check(outage, "2026-11-24T10:00:00Z");
        for outage in [Some(true), None] {
            assert_eq!(decide(Some(&silent), &silence(), &late(outage)), nothing);
        }
        let late = late(Some(false));
        let decision = decide(Some(&silent), &silence(), &late);
        let [Event::Broken { fault, since }] = decision.events.as_slice() else { panic!() };
        assert_eq!((fault.cause.as_str(), *since), (UNANSWERED, at(NOW)));
        let health = decision.health.unwrap();
        assert_eq!(health.pending, decision.events);
        // It stays broken, both at a check right after that and in an outage.
        let again = decide(Some(&health), &silence(), &late);
        assert_eq!((again.events, again.health), (decision.events, None));
        let outage = on_check(Some(true), "2026-11-24T10:15:00Z");
        assert_eq!(decide(Some(&health), &silence(), &outage), nothing);
        // After an answer, the silence begins anew.
        for answer in [works(SecretExpiry::Unknown, &[]), Finding::Throttled] {
            let answered = decide(Some(&silent), &answer, &soon).health.unwrap();
            let health = decide(Some(&answered), &silence(), &late).health.unwrap();
            assert_eq!(health.status, Status::Unanswered { since: late.now });
        }
        // A connection that is broken for a cause that is known stays broken for it.
        let known = broken("secret_expired", "2026-11-20T00:00:00Z");
        let usual = on_check(Some(false), NOW);
        assert_eq!(decide(Some(&known), &silence(), &usual), nothing);
        assert_eq!(decide(Some(&known), &Finding::Failed, &usual), nothing);
    }

    #[test]
    fn what_never_answered_is_silent_since_it_was_registered() {
        let registered_at = at("2026-11-24T08:30:00Z");
        let of = |now| Circumstances { registered_at, ..on_check(Some(false), now) };
        let first = decide(None, &silence(), &of(NOW));
        let silent = first.health.unwrap();
        assert_eq!(silent.status, Status::Unanswered { since: registered_at });
        let later = decide(Some(&silent), &silence(), &of("2026-11-24T09:30:00Z"));
        assert!(matches!(later.events.as_slice(), [Event::Broken { .. }]), "{:?}", later.events);
    }

    #[test]
    fn a_look_by_hand_changes_the_same_and_tells_nobody() {
        let usual = circumstances(Check::All);
        let by = |occasion| Circumstances { occasion, ..usual };
        let (look, test) = (by(Occasion::Look), by(Occasion::Test));
        let before = healthy("2026-11-24T08:45:00Z");
        for (finding, standing) in [
            (Finding::Broken(expired()), Standing::Broken),
            (Finding::Throttled, Standing::Throttled),
            (silence(), Standing::Unanswered),
        ] {
            for circumstances in [look, test, by(Occasion::SetUp)] {
                let decision = decide(Some(&before), &finding, &circumstances);
                let health = decision.health.unwrap();
                assert_eq!((health.standing(), decision.events), (standing, Vec::new()));
                assert_eq!((&health.noticed, &health.pending), (&before.noticed, &before.pending));
                assert_eq!(Standing::after(Some(&health), &finding), standing);
            }
        }
        // The next check tells it, with the time of the look.
        let finding = Finding::Broken(expired());
        let seen = decide(Some(&before), &finding, &look).health.unwrap();
        let later = Circumstances { now: at("2026-11-24T09:15:00Z"), ..usual };
        let told = decide(Some(&seen), &finding, &later);
        assert_eq!(told.events, [Event::Broken { fault: expired(), since: at(NOW) }]);
        // If nothing has changed, a test is stored, and a look is not.
        let found = works(SecretExpiry::Unknown, &[]);
        assert_eq!(decide(Some(&before), &found, &look).health, None);
        assert_eq!(decide(Some(&before), &found, &test).health.unwrap().checked_at, at(NOW));
        // A look at one connection cannot tell whether there is an outage.
        let unreachable = Finding::Unanswered { detail: "no".to_owned(), fault: Some(expired()) };
        let health = decide(Some(&before), &unreachable, &test).health.unwrap();
        assert_eq!(health.standing(), Standing::Unanswered);
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
        let decision = decide(Some(&known), &Finding::Broken(expired()), &usual);
        // It is stored again, but that makes nothing pending.
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
        // The event of the replaced secret is gone, and the days are counted from today.
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
        let health = decide(Some(&before), &Finding::Broken(expired()), &usual).health.unwrap();
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
            Finding::Unanswered { detail: "no connection".to_owned(), fault: Some(expired()) };
        let usual = circumstances(Check::Connections);
        let before = healthy("2026-11-24T08:45:00Z");
        assert_eq!(decide(Some(&before), &unreachable, &usual).events.len(), 1);
        let outage = on_check(Some(true), NOW);
        assert!(decide(Some(&before), &unreachable, &outage).events.is_empty());
    }

    #[test]
    fn lost_privileges_are_those_that_were_not_missing_before() {
        let usual = circumstances(Check::Connections);
        let found = works(SecretExpiry::Unknown, &["prvReadIncident", "prvReadLead"]);
        // Privileges that were missing from the start were named at the set-up.
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
        assert_eq!(decide(Some(&before), &Finding::Broken(expired()), &expiry).health, None);
    }

    #[test]
    fn throttling_is_no_fault_and_is_said_once_a_day() {
        let before = healthy("2026-11-24T08:45:00Z");
        let decision = decide(Some(&before), &Finding::Throttled, &circumstances(Check::All));
        let health = decision.health.unwrap();
        assert_eq!((&health.status, &health.pending), (&Status::Throttled, &Vec::new()));
        assert_eq!(decision.events, [Event::Throttled]);
        let again = decide(Some(&health), &Finding::Throttled, &circumstances(Check::All));
        assert_eq!(again, Decision { health: None, events: vec![Event::Throttled] });
    }

    #[test]
    fn what_was_broken_and_is_throttled_has_not_recovered_yet() {
        let usual = circumstances(Check::Connections);
        let since = at("2026-11-20T00:00:00Z");
        let before = broken("secret_expired", "2026-11-20T00:00:00Z");
        let throttled = decide(Some(&before), &Finding::Throttled, &usual).health.unwrap();
        assert_eq!(throttled.standing(), Standing::Throttled);
        let still = decide(Some(&throttled), &Finding::Broken(expired()), &usual);
        assert_eq!(still.events, [Event::Broken { fault: expired(), since }]);
        let works = decide(Some(&throttled), &works(SecretExpiry::Unknown, &[]), &usual);
        assert_eq!(works.events, [Event::Recovered { since }]);
    }

    /// What earlier versions stored is still understood.
    #[test]
    fn what_was_stored_before_is_read() {
        let stored = serde_json::json!({
            "status": "broken", "cause": "secret_expired", "step": 3,
            "since": "2026-11-20T00:00:00Z", "checked_at": NOW,
            "secret": {"source": "given", "expires_on": "2026-11-20"},
            "noticed": {"silent_since": "2026-11-19T00:00:00Z"},
            "pending": [{
                "event": "broken", "since": "2026-11-20T00:00:00Z",
                "fault": {"cause": "secret_expired", "step": 3, "detail": "d", "action": "a"},
            }],
            "version": 3,
        });
        let health: Health = serde_json::from_value(stored).unwrap();
        assert_eq!(health.standing(), Standing::Broken);
        assert_eq!(health.pending.len(), 1);
    }

    #[test]
    fn a_look_that_somebody_asked_for_is_stored_even_if_nothing_is_new() {
        let before = healthy(NOW);
        let finding = works(before.secret, &[]);
        let stored = |occasion| {
            let circumstances = Circumstances { occasion, ..circumstances(Check::Connections) };
            decide(Some(&before), &finding, &circumstances).health.is_some()
        };
        assert!(stored(Occasion::Test) && stored(Occasion::SetUp));
        let check = Occasion::Check { check: Check::Connections, outage: Some(false) };
        assert!(!stored(Occasion::Look) && !stored(check));
    }
}
