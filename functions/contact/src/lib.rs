//! The tools for contacts.

mod get_contact;
mod get_contact_by_email;
mod search_contacts;
mod update_contact;

use toolkit::Gather;

/// The tools for contacts.
pub fn group<G: Gather>() -> G {
    G::new("contact")
        .tool::<search_contacts::SearchContacts>()
        .tool::<get_contact::GetContact>()
        .tool::<get_contact_by_email::GetContactByEmail>()
        .tool::<update_contact::UpdateContact>()
}
