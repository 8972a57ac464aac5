//! Cases: whose they are, and their numbers.

use crate::api::ApiError;
use crate::data::{Reference, Value};
use crate::store::Row;
use crate::write::body::Body;
use crate::write::{How, Writer, refusal};

/// Completes and checks a new case.
pub(crate) fn before_create(
    writer: &Writer<'_>,
    row: &mut Row,
    body: &Body,
    how: How,
) -> Result<(), ApiError> {
    one_customer(body)?;
    if row.value("ticketnumber").is_null() {
        row.set_value("ticketnumber", Value::text(writer.numbers.next_case()));
    }
    complete(row)?;
    if how == How::Sample { Ok(()) } else { primary_contact_belongs(writer, row) }
}

/// Checks a changed case.
pub(crate) fn before_update(
    writer: &Writer<'_>,
    old: &Row,
    new: &mut Row,
    body: &Body,
) -> Result<(), ApiError> {
    one_customer(body)?;
    complete(new)?;
    let changed = ["_customerid_value", "_primarycontactid_value"]
        .iter()
        .any(|column| old.value(column) != new.value(column));
    if changed { primary_contact_belongs(writer, new) } else { Ok(()) }
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

fn complete(row: &mut Row) -> Result<(), ApiError> {
    let Some(customer) = row.value("_customerid_value").as_reference() else {
        return Err(refusal::bad_request(
            0x8004_4410,
            "You should specify a parent contact or account.",
        ));
    };
    let of = |table: &str| {
        if customer.table.table().name == table { Value::Reference(customer) } else { Value::Null }
    };
    row.set_value("_accountid_value", of("account"));
    row.set_value("_contactid_value", of("contact"));
    Ok(())
}

/// The primary contact must be one of the customer's own contacts.
fn primary_contact_belongs(writer: &Writer<'_>, row: &Row) -> Result<(), ApiError> {
    let customer = row.value("_customerid_value").as_reference();
    let contact = row.value("_primarycontactid_value").as_reference();
    let (Some(customer), Some(contact)) = (customer, contact) else { return Ok(()) };
    if parent_of(writer, contact) == Some(customer) {
        return Ok(());
    }
    Err(if customer.table.table().name == "account" {
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

fn parent_of(writer: &Writer<'_>, contact: Reference) -> Option<Reference> {
    writer.store.follow(contact)?.value("_parentcustomerid_value").as_reference()
}
