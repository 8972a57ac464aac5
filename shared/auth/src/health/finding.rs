//! What a look at a connection found.

use super::Fault;
use crate::SecretExpiry;

/// What a look at a connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It works.
    Works {
        /// The privileges that the application user lacks for the tools.
        missing_privileges: Vec<String>,
        /// When the client secret ends.
        secret: SecretExpiry,
    },
    /// It works, but Dynamics 365 takes no more calls for the moment.
    Throttled,
    /// It does not work until somebody mends it.
    Broken(Fault),
    /// Nothing answered, which may pass. If it is not the same for everybody, there may be a fault.
    Unanswered {
        /// What did not answer.
        detail: String,
        /// What it is, if only this connection is concerned.
        fault: Option<Fault>,
    },
    /// It could not be found out, because of a defect of this software.
    Failed,
}

impl Finding {
    /// Whether it says that the other side, as a whole, was there.
    pub fn is_answer(&self) -> bool {
        matches!(self, Finding::Works { .. } | Finding::Throttled)
    }
}
