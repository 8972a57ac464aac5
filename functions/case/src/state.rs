//! Which cases are meant: the open ones, unless others are asked for.

use crm::labels::CaseState;
use crm::tables::choices::in_state;
use dataverse::Filter;

crm::choice! {
    /// Which cases are meant.
    pub(crate) enum Wanted {
        Open = 0 "open",
        Resolved = 1 "resolved",
        Canceled = 2 "canceled",
        All = 3 "all",
    }
}

impl Wanted {
    /// The condition, unless every case is meant.
    pub(crate) fn filter(self) -> Option<Filter> {
        let state = match self {
            Wanted::Open => CaseState::Active,
            Wanted::Resolved => CaseState::Resolved,
            Wanted::Canceled => CaseState::Canceled,
            Wanted::All => return None,
        };
        Some(in_state(state))
    }
}
