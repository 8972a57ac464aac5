//! The lines of quotes and opportunities: what they may hold, what they cost, and what the document
//! comes to with them.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::api::ApiError;
use crate::data::{Metadata, Table};
use crate::data::{Reference, Value};
use crate::store::{Row, Store};
use crate::write::price::{Header, Line, PriceSource, PricingError, Totals};
use crate::write::{How, Writer, money, refusal, states};

/// Completes and checks a new line.
pub(crate) fn before_create(writer: &Writer<'_>, row: &mut Row, how: How) -> Result<(), ApiError> {
    let table = row.table.table();
    let Some(parent) = parent_of(row).and_then(|parent| writer.store.follow(parent)).cloned()
    else {
        let column = table.column(parent_lookup(table).1);
        return Err(column.map_or_else(refusal::parent_read_only, refusal::missing_required));
    };
    if how != How::Sample {
        parent_is_open(writer, row)?;
    }
    inherit(row, &parent);
    if row.value("lineitemnumber").is_null() {
        let numbers = of(writer.store, parent.reference());
        let last =
            numbers.iter().filter_map(|line| line.value("lineitemnumber").as_integer()).max();
        row.set_value("lineitemnumber", Value::Integer(last.unwrap_or(0) + 1));
    }
    complete(writer.store, row, &parent)
}

/// Completes and checks a changed line.
pub(crate) fn before_update(
    writer: &Writer<'_>,
    old: &Row,
    new: &mut Row,
    how: How,
) -> Result<(), ApiError> {
    if how != How::Sample {
        parent_is_open(writer, old)?;
    }
    let parent = parent_of(new).and_then(|parent| writer.store.follow(parent)).cloned();
    match parent {
        Some(parent) => complete(writer.store, new, &parent),
        None => Err(refusal::parent_read_only()),
    }
}

/// Refuses to touch a line of a document that is closed to edits.
pub(crate) fn parent_is_open(writer: &Writer<'_>, line: &Row) -> Result<(), ApiError> {
    let parent = parent_of(line).and_then(|parent| writer.store.follow(parent));
    let closed = parent.is_some_and(|parent| {
        let state = parent.value("statecode").as_integer().unwrap_or(0);
        states::is_closed(parent.table.table(), state)
    });
    if closed { Err(refusal::parent_read_only()) } else { Ok(()) }
}

/// The document that the line belongs to.
pub(crate) fn parent_of(line: &Row) -> Option<Reference> {
    match line.table.table().name.as_str() {
        "quotedetail" => line.value("_quoteid_value").as_reference(),
        "opportunityproduct" => line.value("_opportunityid_value").as_reference(),
        _ => None,
    }
}

/// The lines of a document, in their order.
pub(crate) fn of(store: &Store, document: Reference) -> Vec<Arc<Row>> {
    let (lines, lookup) = match document.table.table().name.as_str() {
        "quote" => ("quotedetail", "_quoteid_value"),
        _ => ("opportunityproduct", "_opportunityid_value"),
    };
    let Some(table) = Metadata::get().table(lines) else { return Vec::new() };
    let Some(column) = table.column(lookup) else { return Vec::new() };
    let ids = store.ids_by_index(table, column.id, &Value::Reference(document));
    let mut rows: Vec<_> = ids
        .unwrap_or_default()
        .into_iter()
        .filter_map(|id| store.get(table, id).cloned())
        .collect();
    rows.sort_by_key(|line| line.value("lineitemnumber").as_integer());
    rows
}

/// Sets the totals of a document that is being written.
pub(crate) fn set_totals(store: &Store, document: &mut Row) {
    let totals = totals_of(store, document);
    let precision = money::precision(store, document);
    let lines = of(store, document.reference());
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

/// What the document comes to.
pub(crate) fn totals_of(store: &Store, document: &Row) -> Totals {
    let precision = money::precision(store, document);
    let lines: Vec<Line> =
        of(store, document.reference()).iter().map(|line| amounts(line)).collect();
    let header = Header {
        discount_amount: decimal(document, "discountamount"),
        discount_percentage: decimal(document, "discountpercentage"),
        freight: decimal(document, "freightamount"),
    };
    Totals::of(header, &lines, precision)
}

/// Brings a document up to date with its lines.
pub(crate) fn recalculate(writer: &mut Writer<'_>, document: Reference, how: How) {
    let Some(row) = writer.store.follow(document) else { return };
    let mut row = Row::clone(row);
    set_totals(writer.store, &mut row);
    money::set_base_amounts(writer.store, &mut row);
    if how != How::Sample {
        row.set_value("modifiedon", Value::DateTime(writer.now));
    }
    writer.store.update(document, |current| *current = row);
}

/// Brings the document of a line up to date.
pub(crate) fn recalculate_parent(writer: &mut Writer<'_>, line: Reference, how: How) {
    if let Some(parent) = writer.store.follow(line).and_then(|line| parent_of(line)) {
        recalculate(writer, parent, how);
    }
}

fn parent_lookup(table: &Table) -> (&'static str, &'static str) {
    if table.name == "quotedetail" {
        ("quote", "_quoteid_value")
    } else {
        ("opportunity", "_opportunityid_value")
    }
}

/// A line is owned, and priced in the currency, as its document is.
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

fn complete(store: &Store, row: &mut Row, parent: &Row) -> Result<(), ApiError> {
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
    // A write-in has no product of the catalogue, whatever the body says.
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

/// The price of a product in a price list. A product that the list lacks makes no refusal but a
/// pricing error on the line and a price of nothing.
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

fn amounts(line: &Row) -> Line {
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
