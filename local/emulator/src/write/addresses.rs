//! Composed addresses: `address1_composite` and the like, in every table that has them.

use crate::data::Value;
use crate::organization::Row;

/// Composes the addresses of a row.
pub(super) fn compose(row: &mut Row) {
    for number in 1..=3 {
        address(row, number);
    }
}

fn address(row: &mut Row, number: u8) {
    let composite = format!("address{number}_composite");
    if row.table.table().column(&composite).is_none() {
        return;
    }
    let part = |name: &str| row.value(&format!("address{number}_{name}")).as_text();
    let region = [part("stateorprovince"), part("postalcode")];
    let region = region.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let city = [part("city"), Some(region.as_str()).filter(|region| !region.is_empty())];
    let city = city.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let lines = [
        part("line1"),
        part("line2"),
        part("line3"),
        Some(city.as_str()).filter(|city| !city.is_empty()),
        part("country"),
    ];
    let text = lines.into_iter().flatten().collect::<Vec<_>>().join("\r\n");
    row.set_value(&composite, if text.is_empty() { Value::Null } else { Value::text(text) });
}
