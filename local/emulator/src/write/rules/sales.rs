//! Opportunities and quotes: their customers, currencies and totals.

use super::lines;
use crate::api::ApiError;
use crate::data::{Reference, Value};
use crate::store::{Row, Store};
use crate::write::{How, Writer, refusal};

/// Completes and checks an opportunity.
pub(crate) fn complete_opportunity(
    writer: &Writer<'_>,
    row: &mut Row,
    old: Option<&Row>,
    how: How,
) -> Result<(), ApiError> {
    opportunity_customer(row, old);
    split_customer(row);
    currency_matches_price_list(writer.store, row, old)?;
    if let Some(old) = old
        && currency_changed(old, row)
        && !lines::of(writer.store, row.reference()).is_empty()
    {
        return Err(refusal::bad_request(
            0x8004_8479,
            "The currency cannot be changed because this opportunity has Products Quotes, and/ or \
             Orders associated with it.  If you want to change the currency please delete all of \
             the Products/quotes/orders and then change the currency or create a new opportunity \
             with the appropriate currency.",
        ));
    }
    if how == How::Sample && old.is_none() {
        return Ok(());
    }
    lines::set_totals(writer.store, row);
    Ok(())
}

/// Completes and checks a quote.
pub(crate) fn complete_quote(
    writer: &Writer<'_>,
    row: &mut Row,
    old: Option<&Row>,
) -> Result<(), ApiError> {
    if row.value("quotenumber").is_null() {
        row.set_value("quotenumber", Value::text(writer.numbers.next_quote()));
    }
    split_customer(row);
    currency_matches_price_list(writer.store, row, old)?;
    if let Some(old) = old
        && currency_changed(old, row)
        && !lines::of(writer.store, row.reference()).is_empty()
    {
        return Err(refusal::bad_request(
            0x8004_480e,
            "The currency cannot be changed because this quote has Products associated with it. If \
             you want to change the currency please delete all of the Products and then change the \
             currency or create a new quote with the appropriate currency.",
        ));
    }
    lines::set_totals(writer.store, row);
    Ok(())
}

/// `customerid` follows the account and contact of the opportunity, the account first; and where
/// only `customerid` is written, account or contact follow it.
fn opportunity_customer(row: &mut Row, old: Option<&Row>) {
    let of = |row: &Row, column: &str| row.value(column).as_reference();
    let account = of(row, "_parentaccountid_value");
    let contact = of(row, "_parentcontactid_value");
    let customer = of(row, "_customerid_value");
    let customer_written =
        old.map_or(customer.is_some(), |old| of(old, "_customerid_value") != customer);
    let parents_written = old.is_none_or(|old| {
        of(old, "_parentaccountid_value") != account || of(old, "_parentcontactid_value") != contact
    });
    if customer_written && let Some(customer) = customer {
        let column = if customer.table.table().name == "account" {
            "_parentaccountid_value"
        } else {
            "_parentcontactid_value"
        };
        if row.value(column).is_null() {
            row.set_value(column, Value::Reference(customer));
        }
    } else if parents_written {
        let customer = account.or(contact);
        row.set_value("_customerid_value", customer.map_or(Value::Null, Value::Reference));
    }
}

/// The two read-only lookups that say which table the customer is of.
fn split_customer(row: &mut Row) {
    let customer = row.value("_customerid_value").as_reference();
    let of = |table: &str| {
        let of_table = customer.filter(|customer| customer.table.table().name == table);
        of_table.map_or(Value::Null, Value::Reference)
    };
    row.set_value("_accountid_value", of("account"));
    row.set_value("_contactid_value", of("contact"));
}

fn currency_changed(old: &Row, new: &Row) -> bool {
    currency(old) != currency(new)
}

fn currency(row: &Row) -> Option<Reference> {
    row.value("_transactioncurrencyid_value").as_reference()
}

fn currency_matches_price_list(
    store: &Store,
    row: &Row,
    old: Option<&Row>,
) -> Result<(), ApiError> {
    let list = row.value("_pricelevelid_value").as_reference();
    let unchanged = old.is_some_and(|old| {
        old.value("_pricelevelid_value").as_reference() == list && currency(old) == currency(row)
    });
    let Some(list) = list.filter(|_| !unchanged) else { return Ok(()) };
    let of_list = store.follow(list).and_then(|list| currency(list));
    if of_list.is_none() || of_list == currency(row) {
        return Ok(());
    }
    Err(refusal::bad_request(
        0x8004_8cee,
        "The currency of the record does not match the currency of the price list.",
    ))
}
