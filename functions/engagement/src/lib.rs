//! The tools for quotes, products, appointments and emails.

mod attendee;
mod create_quote;
mod get_email_history;
mod get_products;
mod price_list;
mod quote;
mod schedule_appointment;

use toolkit::Gather;

/// The tools for quotes, products, appointments and emails.
pub fn group<G: Gather>() -> G {
    G::new("engagement")
        .tool::<create_quote::CreateQuote>()
        .tool::<get_products::GetProducts>()
        .tool::<schedule_appointment::ScheduleAppointment>()
        .tool::<get_email_history::GetEmailHistory>()
}
