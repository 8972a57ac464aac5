//! Events of a connection that people are told of.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
        /// The privileges that it had, and that tools need.
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
    /// The cause's code, for programs.
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

impl Event {
    /// Its name in alerts.
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
