//! Events of a connection that people are told of.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{DAILY, ONCE};
use crate::{Diagnosis, Step};

/// Something that happened to a connection, and that people are told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
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
        /// Since when it had been broken.
        since: Timestamp,
    },
    /// Its client secret is about to expire.
    SecretExpires {
        /// The day.
        on: Date,
        /// In how many days.
        days_left: i32,
        /// Which of the notices it is: how many days before the expiry.
        notice: i32,
    },
    /// The application user may do less than at the last check.
    PrivilegesLost {
        /// The lost privileges, which tools need.
        privileges: Vec<String>,
        /// When that was found out.
        at: Timestamp,
    },
    /// Dynamics 365 refuses calls because there are too many.
    Throttled,
}

/// Why a connection does not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A name for programs: that of a [`crate::Cause`], or another one, such as `unanswered`.
    pub cause: String,
    /// The step of the set-up that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u8>,
    /// What is wrong, for people.
    pub detail: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

impl From<Diagnosis> for Fault {
    fn from(diagnosis: Diagnosis) -> Fault {
        let Diagnosis { cause, detail, action } = diagnosis;
        Fault {
            cause: cause.as_str().to_owned(),
            step: cause.step().map(Step::number),
            detail,
            action: Some(action),
        }
    }
}

impl Event {
    /// The key of the event, and until when it holds. Two events of a connection with the same key
    /// are the same event: people are told about it once.
    pub fn identity(&self, now: Timestamp) -> (String, Timestamp) {
        let name = self.name();
        let (key, lasts) = match self {
            Event::Broken { fault, since } => (format!("{name}#{}#{since}", fault.cause), DAILY),
            Event::Recovered { since } => (format!("{name}#{since}"), ONCE),
            // This is longer than until the day itself, which is at most 60 days away.
            Event::SecretExpires { on, notice, .. } => {
                (format!("{name}#{on}#{notice}"), ONCE.saturating_mul(3))
            }
            Event::PrivilegesLost { at, .. } => (format!("{name}#{at}"), ONCE),
            Event::Throttled => (name.to_owned(), DAILY),
        };
        (key, now.saturating_add(lasts).unwrap_or(Timestamp::MAX))
    }

    /// Whether the event is about something that lasts, and not about a change. The next check
    /// finds it again, so it need not be stored until people are told.
    pub(super) fn is_of_the_moment(&self) -> bool {
        matches!(self, Event::Throttled)
    }

    /// The event's name in alerts.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Broken { .. } => "connection_broken",
            Event::Recovered { .. } => "connection_recovered",
            Event::SecretExpires { .. } => "secret_expires",
            Event::PrivilegesLost { .. } => "privileges_lost",
            Event::Throttled => "connection_throttled",
        }
    }
}
