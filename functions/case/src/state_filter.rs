//! The argument that says which cases are wanted. By default, these are the open ones.

use crm::labels::CaseState;
use crm::tables::choices::in_state;
use dataverse::Filter;

crm::choice! {
    /// Which cases are meant.
    pub(crate) enum CaseFilter {
        Open = 0 "open",
        Resolved = 1 "resolved",
        Canceled = 2 "canceled",
        All = 3 "all",
    }
}

impl CaseFilter {
    /// The filter for these cases. `None` if all cases are wanted.
    pub(crate) fn filter(self) -> Option<Filter> {
        let state = match self {
            CaseFilter::Open => CaseState::Active,
            CaseFilter::Resolved => CaseState::Resolved,
            CaseFilter::Canceled => CaseState::Canceled,
            CaseFilter::All => return None,
        };
        Some(in_state(state))
    }
}
