//! The lines of opportunities and quotes: their rules and their prices. When a line is written, the
//! totals of its document are updated.

use rust_decimal::Decimal;

use super::documents::{self, Document, OPPORTUNITY, QUOTE, amounts};
use super::price::{PriceSource, PricingError};
use crate::data::{Metadata, Value};
use crate::message::ApiError;
use crate::organization::{Row, Store};
use crate::write::{Change, Context, How, TableRules, money, refusal};

pub(super) const OPPORTUNITY_PRODUCT: TableRules = TableRules {
    table: OPPORTUNITY.lines,
    defaults: &[
        ("pricingerrorcode", 0),
        ("producttypecode", 1),
        ("propertyconfigurationstatus", 2),
        ("skippricecalculation", 0),
        ("opportunitystatecode", 0),
    ],
    parents: &["opportunityid"],
    ..LINES
};

pub(super) const QUOTE_DETAIL: TableRules = TableRules {
    table: QUOTE.lines,
    defaults: &[
        ("pricingerrorcode", 0),
        ("producttypecode", 1),
        ("propertyconfigurationstatus", 2),
        ("skippricecalculation", 0),
        ("quotestatecode", 0),
    ],
    parents: &["quoteid"],
    ..LINES
};

const LINES: TableRules = TableRules {
    complete,
    after: |context, line, how| {
        if let Some(row) = context.store.follow(line).cloned() {
            recalculate_document(context, &row, how);
        }
        Ok(())
    },
    before_delete: document_is_open,
    after_delete: |context, line| recalculate_document(context, line, How::REQUEST),
    ..TableRules::PLAIN
};

/// Completes and checks a new or changed line.
fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let table = change.row.table.table();
    let lookup = Document::with_lines(table).lookup;
    let document = context.follow(change.row, lookup);
    match (change.old, &document) {
        (None, None) => {
            let column = table.column(lookup);
            return Err(column.map_or_else(refusal::parent_read_only, refusal::missing_required));
        }
        // The document that a line is moved away from must be open.
        (old, _) if change.how != How::Sample => {
            document_is_open(context, old.unwrap_or(change.row))?;
        }
        _ => {}
    }
    let document = document.ok_or_else(refusal::parent_read_only)?;
    let row = &mut *change.row;
    if change.old.is_none() {
        inherit(row, &document);
        if row.value("lineitemnumber").is_null() {
            let lines = documents::lines(context.store, &document);
            let numbers = lines.iter().filter_map(|line| line.value("lineitemnumber").as_integer());
            row.set_value("lineitemnumber", Value::Integer(numbers.max().unwrap_or(0) + 1));
        }
    }
    set_price(context.store, row, &document)
}

/// Refuses to change a line of a document that cannot be edited.
fn document_is_open(context: &Context<'_>, line: &Row) -> Result<(), ApiError> {
    let Document { lookup, closed, .. } = Document::with_lines(line.table.table());
    let document = context.follow(line, lookup);
    let state = document.and_then(|document| document.value("statecode").as_integer());
    if state.is_some_and(|state| closed.contains(&state)) {
        return Err(refusal::parent_read_only());
    }
    Ok(())
}

/// Updates the document of a line with the totals of its lines.
fn recalculate_document(context: &mut Context<'_>, line: &Row, how: How) {
    let lookup = Document::with_lines(line.table.table()).lookup;
    let Some(document) = context.follow(line, lookup) else { return };
    let mut row = Row::clone(&document);
    documents::set_totals(context.store, &mut row);
    money::set_base_amounts(context.store, &mut row);
    if how != How::Sample {
        row.set_value("modifiedon", Value::DateTime(context.now));
    }
    context.store.update(document.reference(), |current| *current = row);
}

/// Gives a line the owner and the currency of its document.
fn inherit(row: &mut Row, parent: &Row) {
    for column in [
        "_transactioncurrencyid_value",
        "_ownerid_value",
        "_owninguser_value",
        "_owningteam_value",
        "_owningbusinessunit_value",
    ] {
        row.set_value(column, parent.value(column).clone());
    }
}

fn set_price(store: &Store, row: &mut Row, parent: &Row) -> Result<(), ApiError> {
    let write_in = row.value("isproductoverridden").as_boolean() == Some(true);
    let quantity = row
        .value("quantity")
        .as_decimal()
        .ok_or_else(|| refusal::bad_request(0x8008_1012, "The Quantity is missing."))?;
    let error = if write_in {
        complete_write_in(row)?
    } else {
        complete_existing(store, row, parent, quantity)?
    };
    row.set_value("pricingerrorcode", Value::Integer(error.map_or(0, PricingError::code)));
    let precision = money::precision(store, row);
    let line = amounts(row);
    for (column, amount) in [
        ("baseamount", line.base_amount(precision)),
        ("extendedamount", line.extended_amount(precision)),
        ("volumediscountamount", line.volume_discount),
    ] {
        let mut amount = amount;
        amount.rescale(precision);
        row.set_value(column, Value::Decimal(amount));
    }
    Ok(())
}

fn complete_write_in(row: &mut Row) -> Result<Option<PricingError>, ApiError> {
    let name = row.value("productdescription").as_text().map(str::to_owned);
    let Some(name) = name else {
        return Err(refusal::bad_request(0x8004_3b11, "The product id is missing."));
    };
    // A write-in line has no product of the catalogue, whatever the body says.
    row.set_value("_productid_value", Value::Null);
    row.set_value("_uomid_value", Value::Null);
    row.set_value("ispriceoverridden", Value::Boolean(true));
    set_name(row, &name);
    if row.value("priceperunit").is_null() {
        row.set_value("priceperunit", Value::Decimal(Decimal::ZERO));
        return Ok(Some(PricingError::MissingUnitPrice));
    }
    Ok(None)
}

fn complete_existing(
    store: &Store,
    row: &mut Row,
    parent: &Row,
    quantity: Decimal,
) -> Result<Option<PricingError>, ApiError> {
    let follow = |row: &Row, column: &str| {
        row.value(column).as_reference().and_then(|to| store.follow(to)).cloned()
    };
    let product = follow(row, "_productid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b11, "The product id is missing."))?;
    let unit = follow(row, "_uomid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b0d, "The unit id is missing."))?;
    let list = follow(parent, "_pricelevelid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b12, "The price level id is missing."))?;
    let is_family = product.value("productstructure").as_integer() == Some(2);
    if product.value("statecode").as_integer() != Some(0) || is_family {
        return Err(refusal::bad_request(0x8004_f908, "You can only add Active products."));
    }
    let group = product.value("_defaultuomscheduleid_value");
    if !group.is_null() && unit.value("_uomscheduleid_value") != group {
        return Err(refusal::bad_request(
            0x8004_3b14,
            "The specified unit is not valid for this product.",
        ));
    }
    let decimals = product.value("quantitydecimal").as_integer().unwrap_or(0);
    if quantity.normalize().scale() > u32::try_from(decimals).unwrap_or(0) {
        return Err(refusal::bad_request(
            0x8004_3b07,
            "The number of decimal places on the quantity is invalid.",
        ));
    }
    let name = product.name().unwrap_or_default().to_owned();
    set_name(row, &name);
    if row.value("ispriceoverridden").as_boolean() == Some(true) {
        let valid =
            row.value("priceperunit").as_decimal().is_some_and(|price| price >= Decimal::ZERO);
        return if valid {
            Ok(None)
        } else {
            Err(refusal::bad_request(0x8004_3b10, "The price per unit is invalid."))
        };
    }
    let precision = money::precision(store, row);
    let found = list_price(store, &product, &unit, &list, precision);
    row.set_value("priceperunit", Value::Decimal(found.unwrap_or_default()));
    Ok(found.err())
}

fn set_name(row: &mut Row, name: &str) {
    let column = format!("{}name", row.table.table().name);
    row.set_value(&column, Value::text(name.chars().take(100).collect::<String>()));
    row.set_value("productname", Value::text(name));
}

/// The price of a product in a price list. If the list does not have the product, this is no
/// refusal. The line gets a pricing error and no price.
fn list_price(
    store: &Store,
    product: &Row,
    unit: &Row,
    list: &Row,
    precision: u32,
) -> Result<Decimal, PricingError> {
    if list.value("statecode").as_integer() != Some(0) {
        return Err(PricingError::InactivePriceLevel);
    }
    let items = Metadata::get().table("productpricelevel").and_then(|table| {
        let column = table.column("_productid_value")?;
        let value = Value::Reference(product.reference());
        let ids = store.ids_by_index(table, column.id, &value)?;
        Some(ids.into_iter().filter_map(|id| store.get(table, id)).collect::<Vec<_>>())
    });
    let item = items.unwrap_or_default().into_iter().find(|item| {
        item.value("_pricelevelid_value").as_id() == Some(list.id)
            && item.value("_uomid_value").as_id() == Some(unit.id)
    });
    let item = item.ok_or(PricingError::ProductNotInPriceLevel)?;
    let source = PriceSource {
        method: item.value("pricingmethodcode").as_integer().unwrap_or(1),
        amount: item.value("amount").as_decimal(),
        percentage: item.value("percentage").as_decimal(),
        list_price: product.value("price").as_decimal(),
        current_cost: product.value("currentcost").as_decimal(),
        standard_cost: product.value("standardcost").as_decimal(),
    };
    source.unit_price(precision)
}
