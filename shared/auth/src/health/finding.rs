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
    /// Nothing answered. This may pass. If others do get answers, the connection may be at fault.
    Unanswered {
        /// What did not answer.
        detail: String,
        /// What is wrong, if only this connection gets no answer.
        fault: Option<Fault>,
    },
    /// The look failed because of a defect in this software.
    Failed,
}

impl Finding {
    /// Whether the finding shows that Dynamics 365 answers. A broken connection says nothing about
    /// that.
    pub fn is_answer(&self) -> bool {
        matches!(self, Finding::Works { .. } | Finding::Throttled)
    }
}
