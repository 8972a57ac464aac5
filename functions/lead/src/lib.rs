//! The tools for leads.

mod create_lead;
mod qualify;
mod search_leads;
mod update_lead;

use toolkit::{Collect, Tools};

const GROUP: &str = "lead";

/// The tools for leads.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<create_lead::CreateLead>(GROUP)
        .with::<search_leads::SearchLeads>(GROUP)
        .with::<update_lead::UpdateLead>(GROUP)
}
