//! The tools for contacts.

mod get_contact;
mod get_contact_by_email;
mod search_contacts;
mod update_contact;
mod urgent;

use toolkit::{Collect, Tools};

const GROUP: &str = "contact";

/// The tools for contacts.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<search_contacts::SearchContacts>(GROUP)
        .with::<get_contact::GetContact>(GROUP)
        .with::<get_contact_by_email::GetContactByEmail>(GROUP)
        .with::<update_contact::UpdateContact>(GROUP)
}
