//! The tools for cases.

mod create_case;
mod get_case;
mod get_contact_cases;
mod search_cases;
mod state;
mod update_case;

use toolkit::Gather;

/// The tools for cases.
pub fn group<G: Gather>() -> G {
    G::new("case")
        .tool::<search_cases::SearchCases>()
        .tool::<get_case::GetCase>()
        .tool::<create_case::CreateCase>()
        .tool::<update_case::UpdateCase>()
        .tool::<get_contact_cases::GetContactCases>()
}
