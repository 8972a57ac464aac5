//! Products: their numbers, units and families.

use crate::data::Value;
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, How, States, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: "product",
    defaults: &[("productstructure", 1), ("producttypecode", 1), ("quantitydecimal", 2)],
    required: &["productnumber", "name"],
    // A product starts as a draft.
    states: States { initial: 2, ..States::PLAIN },
    complete,
    ..TableRules::PLAIN
};

/// Completes and checks a product.
fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let number_changed = change.changes("productnumber");
    let Change { row, how, .. } = change;
    let is_product = row.value("productstructure").as_integer() == Some(1);
    if is_product && *how != How::Sample {
        for column in ["_defaultuomscheduleid_value", "_defaultuomid_value"] {
            if row.value(column).is_null() {
                return Err(refusal::bad_request(
                    0x8004_3b13,
                    "The unit schedule id of the product is missing.",
                ));
            }
        }
    }
    if number_changed && number_taken(context, row) {
        return Err(refusal::bad_request(
            0x8004_3b06,
            "The specified product ID conflicts with the product ID of an existing record. Specify \
             a different product ID and try again.",
        ));
    }
    let path = context.follow(row, "_parentproductid_value").map(|parent| {
        let above = parent.value("hierarchypath").as_text().map(|path| format!("{path}\\"));
        format!("{}{}", above.unwrap_or_default(), parent.name().unwrap_or_default())
    });
    row.set_value("hierarchypath", path.map_or(Value::Null, Value::text));
    Ok(())
}

fn number_taken(context: &Context<'_>, row: &Row) -> bool {
    let table = row.table.table();
    table
        .column("productnumber")
        .and_then(|column| context.store.ids_by_index(table, column.id, row.get(column.id)))
        .is_some_and(|ids| ids.iter().any(|id| *id != row.id))
}
