//! The tools for leads.

mod create_lead;
mod qualify;
mod search_leads;
mod update_lead;

use toolkit::Gather;

/// The tools for leads.
pub fn group<G: Gather>() -> G {
    G::new("lead")
        .tool::<create_lead::CreateLead>()
        .tool::<search_leads::SearchLeads>()
        .tool::<update_lead::UpdateLead>()
}
