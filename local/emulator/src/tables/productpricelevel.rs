//! Price list items: the price of one unit of a product in a price list.

use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: "productpricelevel",
    defaults: &[
        ("pricingmethodcode", 1),
        ("quantitysellingcode", 1),
        ("roundingpolicycode", 1),
        ("roundingoptioncode", 1),
    ],
    parents: &["productid", "pricelevelid"],
    complete,
    ..TableRules::PLAIN
};

/// Completes and checks a price list item.
fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let row = &mut *change.row;
    let product = context
        .follow(row, "_productid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b11, "The product id is missing."))?;
    let list = context
        .follow(row, "_pricelevelid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b12, "The price level id is missing."))?;
    let unit = context
        .follow(row, "_uomid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b0d, "The unit id is missing."))?;
    for (column, value) in [
        ("productnumber", product.value("productnumber")),
        ("_uomscheduleid_value", unit.value("_uomscheduleid_value")),
        ("_transactioncurrencyid_value", list.value("_transactioncurrencyid_value")),
    ] {
        row.set_value(column, value.clone());
    }
    if is_priced_twice(context, row) {
        return Err(refusal::bad_request(
            0x8004_3b08,
            "This product and unit combination has a price for this price list.",
        ));
    }
    Ok(())
}

fn is_priced_twice(context: &Context<'_>, row: &Row) -> bool {
    let Some(product) = row.value("_productid_value").as_reference() else { return false };
    let of_product = context.pointing_at(RULES.table, "_productid_value", product);
    of_product.iter().filter(|other| other.id != row.id).any(|other| {
        ["_pricelevelid_value", "_uomid_value"]
            .iter()
            .all(|column| other.value(column) == row.value(column))
    })
}
