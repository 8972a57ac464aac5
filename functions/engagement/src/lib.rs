//! The tools for quotes, products, appointments and emails.

mod appointment;
mod attendee;
mod create_quote;
mod get_email_history;
mod get_products;
mod mailbox;
mod period;
mod price_list;
mod quote;
mod quote_line;
mod schedule_appointment;

use toolkit::{Collect, Tools};

const GROUP: &str = "engagement";

/// The tools for quotes, products, appointments and emails.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<create_quote::CreateQuote>(GROUP)
        .with::<get_products::GetProducts>(GROUP)
        .with::<schedule_appointment::ScheduleAppointment>(GROUP)
        .with::<get_email_history::GetEmailHistory>(GROUP)
}
