//! Opportunities: their customers, currencies and totals, and how they are closed.

use super::customer;
use super::documents::{self, OPPORTUNITY};
use crate::data::Value;
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, How, States, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: OPPORTUNITY.table,
    defaults: &[
        ("opportunityratingcode", 2),
        ("prioritycode", 1),
        ("salesstagecode", 1),
        ("pricingerrorcode", 0),
        ("skippricecalculation", 0),
    ],
    parents: &["customerid"],
    states: States {
        closed: OPPORTUNITY.closed,
        refuse_edit: |_| refusal::read_only(),
        may_follow,
        ..States::PLAIN
    },
    complete,
    ..TableRules::PLAIN
};

const OPEN: i32 = 0;
/// The state of a won opportunity.
pub(crate) const WON: i32 = 1;
/// The state of a lost opportunity.
pub(crate) const LOST: i32 = 2;

fn may_follow(_: &Context<'_>, row: &Row, from: i32, to: i32) -> Result<(), ApiError> {
    let table = row.table.table();
    match (from, to) {
        (OPEN, WON) => Err(refusal::needs_message(table, to, "WinOpportunityRequest")),
        (OPEN, LOST) => Err(refusal::needs_message(table, to, "LoseOpportunityRequest")),
        (WON | LOST, WON | LOST) => {
            Err(refusal::bad_request(0x8004_0515, "The opportunity is already closed."))
        }
        _ => Ok(()),
    }
}

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let Change { row, old, how, .. } = change;
    set_customer(row, *old);
    customer::split(row, "_customerid_value", "_accountid_value", "_contactid_value");
    documents::currency_matches_price_list(context, row, *old)?;
    if let Some(old) = old
        && documents::currency_changed(old, row)
        && !documents::lines(context.store, row).is_empty()
    {
        return Err(refusal::bad_request(
            0x8004_8479,
            "The currency cannot be changed because this opportunity has Products Quotes, and/ or \
             Orders associated with it.  If you want to change the currency please delete all of \
             the Products/quotes/orders and then change the currency or create a new opportunity \
             with the appropriate currency.",
        ));
    }
    if *how == How::Sample && old.is_none() {
        return Ok(());
    }
    documents::set_totals(context.store, row);
    Ok(())
}

/// Sets `customerid` from the account or else the contact of the opportunity. If only `customerid`
/// is written, it sets the account or the contact from it.
fn set_customer(row: &mut Row, old: Option<&Row>) {
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
        let column = if customer::is_account(customer) {
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
