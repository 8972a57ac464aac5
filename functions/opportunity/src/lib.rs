//! The tools for opportunities.

mod create_opportunity;
mod get_contact_opportunities;
mod get_opportunity;
mod search_opportunities;
mod stage;
mod update_opportunity;
mod wanted;

use toolkit::Gather;

/// The tools for opportunities.
pub fn group<G: Gather>() -> G {
    G::new("opportunity")
        .tool::<search_opportunities::SearchOpportunities>()
        .tool::<get_opportunity::GetOpportunity>()
        .tool::<get_contact_opportunities::GetContactOpportunities>()
        .tool::<update_opportunity::UpdateOpportunity>()
        .tool::<create_opportunity::CreateOpportunity>()
}
