//! Products and price list items.

use crate::api::ApiError;
use crate::data::Metadata;
use crate::data::Value;
use crate::store::Row;
use crate::write::{How, Writer, refusal};

/// Completes and checks a product.
pub(crate) fn complete_product(
    writer: &Writer<'_>,
    row: &mut Row,
    old: Option<&Row>,
    how: How,
) -> Result<(), ApiError> {
    let is_product = row.value("productstructure").as_integer() == Some(1);
    if is_product && how != How::Sample {
        for column in ["_defaultuomscheduleid_value", "_defaultuomid_value"] {
            if row.value(column).is_null() {
                return Err(refusal::bad_request(
                    0x8004_3b13,
                    "The unit schedule id of the product is missing.",
                ));
            }
        }
    }
    let number_changed =
        old.is_none_or(|old| old.value("productnumber") != row.value("productnumber"));
    if number_changed && number_taken(writer, row) {
        return Err(refusal::bad_request(
            0x8004_3b06,
            "The specified product ID conflicts with the product ID of an existing record. Specify \
             a different product ID and try again.",
        ));
    }
    let parent = row.value("_parentproductid_value").as_reference();
    let path = parent.and_then(|parent| writer.store.follow(parent)).map(|parent| {
        let above = parent.value("hierarchypath").as_text().map(|path| format!("{path}\\"));
        format!("{}{}", above.unwrap_or_default(), parent.name().unwrap_or_default())
    });
    row.set_value("hierarchypath", path.map_or(Value::Null, Value::text));
    Ok(())
}

fn number_taken(writer: &Writer<'_>, row: &Row) -> bool {
    let table = row.table.table();
    table
        .column("productnumber")
        .and_then(|column| writer.store.ids_by_index(table, column.id, row.get(column.id)))
        .is_some_and(|ids| ids.iter().any(|id| *id != row.id))
}

/// Completes and checks a price list item.
pub(crate) fn complete_item(writer: &Writer<'_>, row: &mut Row) -> Result<(), ApiError> {
    let follow = |row: &Row, column: &str| {
        row.value(column).as_reference().and_then(|to| writer.store.follow(to)).cloned()
    };
    let product = follow(row, "_productid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b11, "The product id is missing."))?;
    let list = follow(row, "_pricelevelid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b12, "The price level id is missing."))?;
    let unit = follow(row, "_uomid_value")
        .ok_or_else(|| refusal::bad_request(0x8004_3b0d, "The unit id is missing."))?;
    for (column, value) in [
        ("productnumber", product.value("productnumber")),
        ("_uomscheduleid_value", unit.value("_uomscheduleid_value")),
        ("_transactioncurrencyid_value", list.value("_transactioncurrencyid_value")),
    ] {
        row.set_value(column, value.clone());
    }
    if is_priced_twice(writer, row) {
        return Err(refusal::bad_request(
            0x8004_3b08,
            "This product and unit combination has a price for this price list.",
        ));
    }
    Ok(())
}

fn is_priced_twice(writer: &Writer<'_>, row: &Row) -> bool {
    let Some(table) = Metadata::get().table("productpricelevel") else { return false };
    let Some(column) = table.column("_productid_value") else { return false };
    let ids = writer.store.ids_by_index(table, column.id, row.get(column.id)).unwrap_or_default();
    ids.into_iter().filter(|id| *id != row.id).filter_map(|id| writer.store.get(table, id)).any(
        |other| {
            ["_pricelevelid_value", "_uomid_value"]
                .iter()
                .all(|column| other.value(column) == row.value(column))
        },
    )
}
