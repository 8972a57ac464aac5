//! The tools for contacts.

mod get_contact;
mod get_contact_by_email;
mod search_contacts;
mod update_contact;
mod urgent;

use crm::labels::ActiveState;
use crm::tables::choices::is_in_state;
use dataverse::Record;
use toolkit::{Collect, Tools};

const GROUP: &str = "contact";

/// What to know of a contact that was read with its state, if it is inactive.
fn inactive(contact: &Record) -> Option<&'static str> {
    let is_active = is_in_state(contact, ActiveState::Active);
    (!is_active).then_some("This contact has been deactivated in the CRM.")
}

/// The tools for contacts.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<search_contacts::SearchContacts>(GROUP)
        .with::<get_contact::GetContact>(GROUP)
        .with::<get_contact_by_email::GetContactByEmail>(GROUP)
        .with::<update_contact::UpdateContact>(GROUP)
}
