//! Quotes: their numbers, customers, currencies and totals, and the changes of their state.

use super::customer;
use super::documents::{self, QUOTE};
use crate::message::ApiError;
use crate::organization::{Numbering, Row};
use crate::write::{Change, Context, States, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: QUOTE.table,
    defaults: &[
        ("revisionnumber", 0),
        ("pricingerrorcode", 0),
        ("skippricecalculation", 0),
        ("freighttermscode", 1),
        ("paymenttermscode", 1),
        ("shippingmethodcode", 1),
    ],
    numbering: Some(Numbering { column: "quotenumber", prefix: "QUO" }),
    states: States {
        closed: QUOTE.closed,
        refuse_edit: |_| refusal::read_only(),
        may_follow,
        ..States::PLAIN
    },
    complete,
    ..TableRules::PLAIN
};

/// The state of a quote that can still be edited.
pub(crate) const DRAFT: i32 = 0;
/// The state of a quote that the customer has as an offer.
pub(crate) const ACTIVE: i32 = 1;
/// The state of a quote that the customer has accepted.
pub(crate) const WON: i32 = 2;
/// The state of a quote that ended in another way.
pub(crate) const CLOSED: i32 = 3;

fn may_follow(_: &Context<'_>, row: &Row, from: i32, to: i32) -> Result<(), ApiError> {
    let table = row.table.table();
    match (from, to) {
        (DRAFT, ACTIVE) => Ok(()),
        (_, ACTIVE) => Err(refusal::bad_request(
            0x8010_0003,
            "The quote cannot be activated because it is not in draft state.",
        )),
        (_, WON) => Err(refusal::needs_message(table, to, "WinQuoteRequest")),
        (_, CLOSED) => Err(refusal::needs_message(table, to, "CloseQuoteRequest")),
        (_, DRAFT) => Err(refusal::needs_message(table, to, "ReviseQuoteRequest")),
        _ => Ok(()),
    }
}

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let Change { row, old, .. } = change;
    context.numbers.number(row);
    customer::split(row, "_customerid_value", "_accountid_value", "_contactid_value");
    documents::currency_matches_price_list(context, row, *old)?;
    if let Some(old) = old
        && documents::currency_changed(old, row)
        && !documents::lines(context.store, row).is_empty()
    {
        return Err(refusal::bad_request(
            0x8004_480e,
            "The currency cannot be changed because this quote has Products associated with it. If \
             you want to change the currency please delete all of the Products and then change the \
             currency or create a new quote with the appropriate currency.",
        ));
    }
    documents::set_totals(context.store, row);
    Ok(())
}
