//! Which opportunities are meant.

use crm::labels::OpportunityState;
use crm::tables::choices::in_state;
use dataverse::Filter;

crm::choice! {
    /// Which opportunities are meant.
    pub(crate) enum Wanted {
        Open = 0 "open",
        Won = 1 "won",
        Lost = 2 "lost",
        All = 3 "all",
    }
}

impl Wanted {
    /// The condition, unless every opportunity is meant.
    pub(crate) fn filter(self) -> Option<Filter> {
        let state = match self {
            Wanted::Open => OpportunityState::Open,
            Wanted::Won => OpportunityState::Won,
            Wanted::Lost => OpportunityState::Lost,
            Wanted::All => return None,
        };
        Some(in_state(state))
    }
}
