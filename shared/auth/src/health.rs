//! How a connection is, and what people are told about it.
//!
//! There is one state machine. [`decide`] takes what is known about a connection ([`Health`]) and
//! what a look at it found ([`Finding`]), and decides how it is now. The scheduled check uses it,
//! and so does everybody who looks at a connection by hand. Only the check tells people.

mod decide;
mod event;
mod finding;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use decide::{
    Check, Circumstances, DAILY, Decision, ONCE, Occasion, days_left, decide, still_pending,
};
pub use event::{Event, Fault};
pub use finding::Finding;

use crate::SecretExpiry;

/// The health of a connection, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    #[serde(flatten)]
    pub status: Status,
    /// When that was found out. While nothing changes, it is renewed every six hours.
    pub checked_at: Timestamp,
    /// When the client secret expires.
    pub secret: SecretExpiry,
    /// What the scheduled check remembers for its alerts. Nobody else changes it.
    #[serde(default)]
    pub noticed: Noticed,
    /// The events that people have yet to be told of. They are stored together with the status that
    /// they are about, so they are not lost if a check ends before it sends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Event>,
    /// How often it has been stored; 0 means that it has not been stored yet.
    pub version: u64,
}

/// What the scheduled check noticed before, so that it tells people only what is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// Since when the connection is broken; `None` while it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_since: Option<Timestamp>,
    /// The privileges that the application user lacked for the tools when it worked last; `None`
    /// before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_privileges: Option<Vec<String>>,
    /// The last notice of the client secret's expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_notice: Option<SecretNotice>,
}

/// A notice that a client secret is about to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNotice {
    /// The day on which the secret expires.
    pub on: Date,
    /// Which of the notices it is: how many days before that day.
    pub days: i32,
}

/// How a connection is, with the details that are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It works.
    Healthy,
    /// It works, but Dynamics 365 takes no more calls for the moment.
    Throttled,
    /// Nothing answers. This may pass.
    Unanswered {
        /// Since when.
        since: Timestamp,
    },
    /// It does not work until somebody mends it.
    Broken {
        /// The cause's name.
        cause: String,
        /// The step of the set-up that is at fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u8>,
        /// When it was first found broken.
        since: Timestamp,
    },
}

/// How a connection is, in one word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// It works.
    Healthy,
    /// It works, but Dynamics 365 takes no more calls for the moment.
    Throttled,
    /// Nothing answers. This may pass.
    Unanswered,
    /// It does not work until somebody mends it.
    Broken,
    /// It has not been looked at, or the look did not find it out.
    Unknown,
}

impl Health {
    /// How it is, in one word.
    pub fn standing(&self) -> Standing {
        match self.status {
            Status::Healthy => Standing::Healthy,
            Status::Throttled => Standing::Throttled,
            Status::Unanswered { .. } => Standing::Unanswered,
            Status::Broken { .. } => Standing::Broken,
        }
    }
}

impl Standing {
    /// How a connection is after a look with this finding. `health` is what is known after the
    /// look.
    pub fn after(health: Option<&Health>, finding: &Finding) -> Standing {
        match (finding, health.map(Health::standing)) {
            (Finding::Works { .. }, _) => Standing::Healthy,
            (Finding::Throttled, _) => Standing::Throttled,
            (Finding::Broken(_), _) | (_, Some(Standing::Broken)) => Standing::Broken,
            (Finding::Unanswered { .. }, _) => Standing::Unanswered,
            (Finding::Failed, _) => Standing::Unknown,
        }
    }

    /// Its name, such as `healthy`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
