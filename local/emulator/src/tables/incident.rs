//! Cases: their customers, their numbers, and how they are closed. `CloseIncident` is in
//! [`actions`](crate::actions), like all actions.

use super::{activity, closing, customer};
use crate::data::Reference;
use crate::message::ApiError;
use crate::organization::{Numbering, Row};
use crate::write::body::Body;
use crate::write::{Change, Context, How, States, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: "incident",
    defaults: &[
        ("prioritycode", 2),
        ("severitycode", 1),
        ("incidentstagecode", 1),
        ("contractservicelevelcode", 1),
        ("customersatisfactioncode", 1),
        ("numberofchildincidents", 0),
    ],
    numbering: Some(Numbering { column: "ticketnumber", prefix: "CAS" }),
    parents: &["customerid"],
    states: States {
        closed: &[RESOLVED, CANCELED],
        refuse_edit: |state| {
            if state == RESOLVED { already_resolved() } else { refusal::inactive() }
        },
        may_follow,
        ..States::PLAIN
    },
    complete,
    after,
    ..TableRules::PLAIN
};

/// The state of a resolved case.
pub(crate) const RESOLVED: i32 = 1;
/// The state of a canceled case.
pub(crate) const CANCELED: i32 = 2;

/// The refusal to change a resolved case.
pub(crate) fn already_resolved() -> ApiError {
    refusal::bad_request(
        0x8004_04cf,
        "This case has already been resolved. Close and reopen the case record to see the updates.",
    )
}

/// The refusal to close a case that is already closed.
pub(crate) fn already_closed() -> ApiError {
    refusal::bad_request(0x8004_4411, "Already Closed or Canceled")
}

/// Cancels the activities about a case that are still open or scheduled, as Dataverse does when a
/// case is closed. The case resolution itself stays.
pub(crate) fn cancel_activities(context: &mut Context<'_>, case: Reference) {
    for activity in context.pointing_at("activitypointer", "_regardingobjectid_value", case) {
        if activity.table.table().name != closing::INCIDENT_RESOLUTION.table {
            activity::cancel(context, &activity);
        }
    }
}

/// Runs after a case is written: in a canceled case nothing is left to do.
fn after(context: &mut Context<'_>, case: Reference, how: How) -> Result<(), ApiError> {
    let canceled = context.find(case)?.value("statecode").as_integer() == Some(CANCELED);
    if canceled && how != How::Sample {
        cancel_activities(context, case);
    }
    Ok(())
}

fn may_follow(_: &Context<'_>, row: &Row, from: i32, to: i32) -> Result<(), ApiError> {
    match (from, to) {
        (RESOLVED, CANCELED) | (CANCELED, RESOLVED) => Err(already_closed()),
        (_, RESOLVED) => Err(refusal::needs_message(row.table.table(), to, "CloseIncidentRequest")),
        _ => Ok(()),
    }
}

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    one_customer(change.body)?;
    if change.old.is_none() {
        context.numbers.number(change.row);
    }
    if change.row.value("_customerid_value").is_null() {
        return Err(refusal::bad_request(
            0x8004_4410,
            "You should specify a parent contact or account.",
        ));
    }
    customer::split(change.row, "_customerid_value", "_accountid_value", "_contactid_value");
    let looked_at =
        change.changes("_customerid_value") || change.changes("_primarycontactid_value");
    if looked_at && change.how != How::Sample {
        primary_contact_belongs(context, change.row)?;
    }
    Ok(())
}

fn one_customer(body: &Body) -> Result<(), ApiError> {
    let customers = body
        .links
        .iter()
        .filter(|link| link.to.is_some() && link.navigation.name.starts_with("customerid_"));
    if customers.count() > 1 {
        return Err(refusal::bad_request(
            0x8004_440f,
            "You can either specify a parent contact or account, but not both.",
        ));
    }
    Ok(())
}

/// Checks that the primary contact is one of the customer's contacts.
fn primary_contact_belongs(context: &Context<'_>, row: &Row) -> Result<(), ApiError> {
    let customer = row.value("_customerid_value").as_reference();
    let contact = context.follow(row, "_primarycontactid_value");
    let (Some(customer), Some(contact)) = (customer, contact) else { return Ok(()) };
    if contact.value("_parentcustomerid_value").as_reference() == Some(customer) {
        return Ok(());
    }
    Err(if customer::is_account(customer) {
        refusal::bad_request(
            0x8004_f864,
            "The specified contact doesn't belong to the account selected as the customer. Specify \
             a contact that belongs to the selected account, and then try again.",
        )
    } else {
        refusal::bad_request(
            0x8004_f865,
            "The specified contact doesn't belong to the contact that was specified in the customer \
             field. Remove the value from the contact field, or select a contact associated to the \
             selected customer, and then try again.",
        )
    })
}
