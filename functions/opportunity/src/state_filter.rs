//! The argument that says which opportunities are wanted.

use crm::labels::OpportunityState;
use crm::tables::choices::in_state;
use dataverse::Filter;

crm::choice! {
    /// Which opportunities are meant.
    pub(crate) enum OpportunityFilter {
        Open = 0 "open",
        Won = 1 "won",
        Lost = 2 "lost",
        All = 3 "all",
    }
}

impl OpportunityFilter {
    /// The filter for these opportunities. `None` if all opportunities are wanted.
    pub(crate) fn filter(self) -> Option<Filter> {
        let state = match self {
            OpportunityFilter::Open => OpportunityState::Open,
            OpportunityFilter::Won => OpportunityState::Won,
            OpportunityFilter::Lost => OpportunityState::Lost,
            OpportunityFilter::All => return None,
        };
        Some(in_state(state))
    }
}
