//! The argument that says which opportunities are wanted.

use crm::labels::OpportunityState;
use crm::tables::choices::in_state;
use dataverse::Filter;

crm::choice! {
    /// Which opportunities are meant.
    pub(crate) enum StateFilter {
        Open = 0 "open",
        Won = 1 "won",
        Lost = 2 "lost",
        All = 3 "all",
    }
}

impl StateFilter {
    /// The filter for these opportunities. `None` if all opportunities are wanted.
    pub(crate) fn filter(self) -> Option<Filter> {
        let state = match self {
            StateFilter::Open => OpportunityState::Open,
            StateFilter::Won => OpportunityState::Won,
            StateFilter::Lost => OpportunityState::Lost,
            StateFilter::All => return None,
        };
        Some(in_state(state))
    }
}
