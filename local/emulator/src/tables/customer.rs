//! Customers: a lookup that points at an account or a contact, and the two columns that depend on
//! it.

use crate::data::{Reference, Value};
use crate::organization::Row;

/// Whether a row is an account.
pub(crate) fn is_account(customer: Reference) -> bool {
    customer.table.table().name == "account"
}

/// Whether a row is a contact.
pub(crate) fn is_contact(customer: Reference) -> bool {
    customer.table.table().name == "contact"
}

/// Sets the two lookups that depend on a customer: one for accounts, and one for contacts.
pub(super) fn split(row: &mut Row, customer: &str, account: &str, contact: &str) {
    let customer = row.value(customer).as_reference();
    let of = |is: fn(Reference) -> bool| {
        customer.filter(|customer| is(*customer)).map_or(Value::Null, Value::Reference)
    };
    let (to_account, to_contact) = (of(is_account), of(is_contact));
    row.set_value(account, to_account);
    row.set_value(contact, to_contact);
}
