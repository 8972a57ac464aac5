//! Whether an appointment reaches Outlook.

use crm::labels::{Choice as _, DeliveryMethod, MailboxApproval};
use dataverse::Record;

/// The columns that tell whether the calendar of a user is synchronized with Outlook. Whether
/// appointments are included is another setting of the mailbox, which few users may read.
pub(crate) const MAILBOX: [&str; 4] = [
    "isdisabled",
    "emailrouteraccessapproval",
    "incomingemaildeliverymethod",
    "outgoingemaildeliverymethod",
];

/// Says whether the appointment reaches Outlook. It only does so through the server-side
/// synchronization of its organizer's mailbox.
pub(crate) fn outlook(organizer: Option<&Record>) -> &'static str {
    let Some(user) = organizer else {
        return "It has no organizer, so it stays in Dynamics 365: the application user has no \
                mailbox, nothing reaches Outlook and nobody is invited. Tell the visitor; somebody \
                can set the organizer in Dynamics 365. Next time, give a user as the organizer.";
    };
    let is_approved =
        user.integer("emailrouteraccessapproval") == Some(MailboxApproval::Approved.value());
    let is_synchronized = ["incomingemaildeliverymethod", "outgoingemaildeliverymethod"]
        .iter()
        .any(|column| user.integer(column) == Some(DeliveryMethod::ServerSide.value()));
    if is_approved && is_synchronized {
        "It reaches the organizer's Outlook, which invites the attendees, with the next server-side \
         synchronization."
    } else {
        "The organizer has no approved mailbox with server-side synchronization, so it stays in \
         Dynamics 365: nothing reaches Outlook and nobody is invited. Tell the visitor; an \
         administrator can approve the mailbox, or somebody with one can be made the organizer."
    }
}
