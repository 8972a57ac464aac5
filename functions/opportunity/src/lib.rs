//! The tools for opportunities.

mod create_opportunity;
mod get_contact_opportunities;
mod get_opportunity;
mod search_opportunities;
mod stage;
mod state_filter;
mod update_opportunity;

use toolkit::{Collect, Tools};

const GROUP: &str = "opportunity";

/// The tools for opportunities.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<search_opportunities::SearchOpportunities>(GROUP)
        .with::<get_opportunity::GetOpportunity>(GROUP)
        .with::<get_contact_opportunities::GetContactOpportunities>(GROUP)
        .with::<update_opportunity::UpdateOpportunity>(GROUP)
        .with::<create_opportunity::CreateOpportunity>(GROUP)
}
