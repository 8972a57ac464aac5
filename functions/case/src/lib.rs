//! The tools for cases.

mod create_case;
mod get_case;
mod get_contact_cases;
mod search_cases;
mod state_filter;
mod update_case;

use toolkit::{Collect, Tools};

const GROUP: &str = "case";

/// The tools for cases.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<search_cases::SearchCases>(GROUP)
        .with::<get_case::GetCase>(GROUP)
        .with::<create_case::CreateCase>(GROUP)
        .with::<update_case::UpdateCase>(GROUP)
        .with::<get_contact_cases::GetContactCases>(GROUP)
}
