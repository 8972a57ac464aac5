//! Emails. The names of the sender and of the recipients are also in one line each.

use super::activity;
use super::activityparty::{follow_activity, mask_of, of};
use crate::data::{Reference, Value};
use crate::message::ApiError;
use crate::write::{Context, How, TableRules};

pub(super) const RULES: TableRules = TableRules {
    table: "email",
    defaults: &[
        ("instancetypecode", 0),
        ("prioritycode", 1),
        ("attachmentcount", 0),
        ("deliveryprioritycode", 1),
    ],
    starts_true: &["directioncode", "followemailuserpreference"],
    states: activity::STATES,
    after,
    ..activity::RULES
};

const SENDER: i32 = 1;
const RECIPIENT: i32 = 2;

fn after(context: &mut Context<'_>, email: Reference, how: How) -> Result<(), ApiError> {
    follow_activity(context, email, how)?;
    if how != How::Sample {
        set_addresses(context, email);
    }
    Ok(())
}

fn set_addresses(context: &mut Context<'_>, email: Reference) {
    let addresses = |context: &Context<'_>, mask: i32| -> Vec<String> {
        let parties = of(context, email).into_iter().filter(|party| mask_of(party) == mask);
        parties.filter_map(|party| Some(party.value("addressused").as_text()?.to_owned())).collect()
    };
    let sender = addresses(context, SENDER).into_iter().next();
    let recipients: String =
        addresses(context, RECIPIENT).into_iter().map(|address| format!("{address};")).collect();
    context.store.update(email, |row| {
        if let Some(sender) = sender {
            row.set_value("sender", Value::text(sender));
        }
        if !recipients.is_empty() {
            row.set_value("torecipients", Value::text(recipients));
        }
    });
}
