//! The result of a run.

use auth::health::{Finding, Health, Standing, Status, days_left};
use auth::{Cause, ConnectionId, DatedSecret, SecretExpiry};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use state::Registration;

use crate::Alert;

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each connection that was looked at, in the order of the ids.
    pub connections: Vec<Checked>,
    /// Whether hardly any connection answers, or hardly any of a region.
    pub outage: bool,
    /// How many connections there was no time for. The next run begins with them.
    pub left: usize,
    /// The alerts that were sent in this run.
    pub alerts: Vec<Alert>,
    /// The secrets below the name of connections that are no connection's, because their end is no
    /// id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// What went wrong with the run itself. The next run makes up for it.
    pub problems: Vec<String>,
}

/// How a connection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its id.
    pub connection: ConnectionId,
    /// How it is.
    pub state: Standing,
    /// Why it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The step of the set-up that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_up_step: Option<u8>,
    /// Since when it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The last day of the client secret, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_expires_on: Option<Date>,
    /// How many days that is from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i32>,
    /// The privileges that the application user lacks for the tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_privileges: Vec<String>,
    /// What an administrator should do if the end of the client secret is unknown or outdated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

/// A secret that ends within this many days is expiring.
const SOON: i32 = 7;

const HINT_UNKNOWN: &str = "Nobody knows when the client secret ends. Give the app registration \
                            the Graph permission Application.Read.All, or the connection's secret \
                            the field secret_expires_on.";
const HINT_PAST: &str = "The date given for the client secret's end has passed, and it still \
                         works: give the new date as secret_expires_on.";

impl Checked {
    /// Whether the client secret has ended: Entra ID says so, or its date has passed and the
    /// connection does not work.
    pub(crate) fn is_expired(&self) -> bool {
        let is_said = self.cause.as_deref() == Some(Cause::SecretExpired.as_str());
        is_said || self.days_left.is_some_and(|days| days < 0)
    }

    /// Whether the client secret ends soon.
    pub(crate) fn is_expiring(&self) -> bool {
        !self.is_expired() && self.days_left.is_some_and(|days| days <= SOON)
    }

    /// How a connection is after a look with this finding. `health` is what is known after the
    /// look.
    pub(crate) fn new(
        registration: &Registration,
        health: Option<&Health>,
        finding: &Finding,
        now: Timestamp,
    ) -> Checked {
        let secret = match finding {
            Finding::Works { secret, .. } => *secret,
            _ => health.map_or(SecretExpiry::Unknown, |it| registration.expiry(it.secret)),
        };
        let days_left = days_left(secret, finding, now);
        let hint = match (finding, secret, days_left) {
            (Finding::Works { .. }, SecretExpiry::Unknown, _) => {
                let known = registration.secret.as_ref();
                let is_outdated = known.is_some_and(DatedSecret::is_outdated);
                Some(if is_outdated { DatedSecret::OUTDATED } else { HINT_UNKNOWN })
            }
            (Finding::Works { .. }, _, None) => Some(HINT_PAST),
            _ => None,
        };
        let broken = match health.map(|health| &health.status) {
            Some(Status::Broken { cause, step, since }) if !finding.is_answer() => {
                Some((cause.clone(), *step, *since))
            }
            _ => None,
        };
        let state = Standing::after(health, finding);
        let (cause, set_up_step, since) = match (broken, finding) {
            (Some((cause, step, since)), _) => (Some(cause), step, Some(since)),
            (None, Finding::Broken(fault)) => (Some(fault.cause.clone()), fault.step, None),
            _ => (None, None, None),
        };
        Checked {
            connection: registration.id.clone(),
            state,
            cause,
            set_up_step,
            since,
            secret_expires_on: secret.expires_on().filter(|_| days_left.is_some()),
            days_left,
            missing_privileges: match finding {
                Finding::Works { missing_privileges, .. } => missing_privileges.clone(),
                _ => Vec::new(),
            },
            hint,
        }
    }
}

impl Report {
    /// Whether everything that was to be done was done.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}
