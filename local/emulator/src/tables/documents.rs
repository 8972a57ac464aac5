//! The common rules of opportunities and quotes: their lines, totals and currencies.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::price::{Header, Line, PricingError, Totals};
use crate::data::{Metadata, Reference, Table, Value};
use crate::message::ApiError;
use crate::organization::{Row, Store};
use crate::write::{Context, money, refusal};

/// A document with lines: an opportunity or a quote.
pub(super) struct Document {
    /// The table of the document.
    pub table: &'static str,
    /// The table of its lines.
    pub lines: &'static str,
    /// The lookup from a line to its document.
    pub lookup: &'static str,
    /// The states in which neither the document nor its lines can be edited.
    pub closed: &'static [i32],
}

/// An opportunity is closed when it is won or lost.
pub(super) const OPPORTUNITY: Document = Document {
    table: "opportunity",
    lines: "opportunityproduct",
    lookup: "_opportunityid_value",
    closed: &[1, 2],
};

/// A quote can be edited as a draft. Activating it locks it.
pub(super) const QUOTE: Document =
    Document { table: "quote", lines: "quotedetail", lookup: "_quoteid_value", closed: &[1, 2, 3] };

impl Document {
    /// The document that lines of this table belong to.
    pub(super) fn with_lines(lines: &Table) -> &'static Self {
        if lines.name == QUOTE.lines { &QUOTE } else { &OPPORTUNITY }
    }

    fn of(row: &Row) -> &'static Self {
        if row.table.table().name == QUOTE.table { &QUOTE } else { &OPPORTUNITY }
    }
}

/// The lines of a document, in their order.
pub(crate) fn lines(store: &Store, document: &Row) -> Vec<Arc<Row>> {
    let Document { lines, lookup, .. } = Document::of(document);
    let Some(table) = Metadata::get().table(lines) else { return Vec::new() };
    let Some(column) = table.column(lookup) else { return Vec::new() };
    let ids = store.ids_by_index(table, column.id, &Value::Reference(document.reference()));
    let mut rows: Vec<_> = ids
        .unwrap_or_default()
        .into_iter()
        .filter_map(|id| store.get(table, id).cloned())
        .collect();
    rows.sort_by_key(|line| line.value("lineitemnumber").as_integer());
    rows
}

/// Sets the totals of a document that is being written.
pub(super) fn set_totals(store: &Store, document: &mut Row) {
    let totals = totals_of(store, document);
    let precision = money::precision(store, document);
    let lines = lines(store, document);
    let erroneous = lines
        .iter()
        .any(|line| line.value("pricingerrorcode").as_integer().is_some_and(|code| code != 0));
    let error = if erroneous { PricingError::Detail.code() } else { 0 };
    document.set_value("pricingerrorcode", Value::Integer(error));
    for (column, amount) in [
        ("totallineitemamount", totals.line_items),
        ("totallineitemdiscountamount", totals.line_item_discounts),
        ("totaldiscountamount", totals.discount),
        ("totalamountlessfreight", totals.less_freight),
        ("totaltax", totals.tax),
        ("totalamount", totals.total),
    ] {
        let mut amount = amount;
        amount.rescale(precision);
        document.set_value(column, Value::Decimal(amount));
    }
    if document.value("isrevenuesystemcalculated").as_boolean() == Some(true) {
        let total = document.value("totalamount").clone();
        document.set_value("estimatedvalue", total);
    }
}

/// The totals of a document.
fn totals_of(store: &Store, document: &Row) -> Totals {
    let precision = money::precision(store, document);
    let lines: Vec<Line> = lines(store, document).iter().map(|line| amounts(line)).collect();
    let header = Header {
        discount_amount: decimal(document, "discountamount"),
        discount_percentage: decimal(document, "discountpercentage"),
        freight: decimal(document, "freightamount"),
    };
    Totals::of(header, &lines, precision)
}

/// The amounts of a line.
pub(super) fn amounts(line: &Row) -> Line {
    Line {
        quantity: decimal(line, "quantity"),
        price: decimal(line, "priceperunit"),
        manual_discount: decimal(line, "manualdiscountamount"),
        volume_discount: decimal(line, "volumediscountamount"),
        tax: decimal(line, "tax"),
    }
}

fn decimal(row: &Row, column: &str) -> Decimal {
    row.value(column).as_decimal().unwrap_or_default()
}

/// Whether the currency changes.
pub(super) fn currency_changed(old: &Row, new: &Row) -> bool {
    currency(old) != currency(new)
}

fn currency(row: &Row) -> Option<Reference> {
    row.value("_transactioncurrencyid_value").as_reference()
}

/// Refuses a price list in another currency.
pub(super) fn currency_matches_price_list(
    context: &Context<'_>,
    row: &Row,
    old: Option<&Row>,
) -> Result<(), ApiError> {
    let list = row.value("_pricelevelid_value").as_reference();
    let unchanged = old.is_some_and(|old| {
        old.value("_pricelevelid_value").as_reference() == list && currency(old) == currency(row)
    });
    let Some(list) = list.filter(|_| !unchanged) else { return Ok(()) };
    let of_list = context.store.follow(list).and_then(|list| currency(list));
    if of_list.is_none() || of_list == currency(row) {
        return Ok(());
    }
    Err(refusal::bad_request(
        0x8004_8cee,
        "The currency of the record does not match the currency of the price list.",
    ))
}
