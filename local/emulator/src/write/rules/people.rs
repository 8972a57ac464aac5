//! Computed names and addresses of accounts, contacts, leads and users.

use crate::data::Value;
use crate::store::Row;

/// Recomputes what follows from other columns of the same row.
pub(crate) fn complete(row: &mut Row) {
    let table = row.table.table();
    match table.name.as_str() {
        "contact" => {
            name(row);
            parent_customer(row);
        }
        "lead" | "systemuser" => name(row),
        _ => {}
    }
    for number in 1..=3 {
        address(row, number);
    }
}

/// "First Last", the name format of an English organization.
fn name(row: &mut Row) {
    let parts = ["firstname", "middlename", "lastname"];
    let full: Vec<&str> = parts.iter().filter_map(|part| row.value(part).as_text()).collect();
    let full = full.join(" ");
    // Users of the sample data may carry a full name alone.
    if full.is_empty() && row.table.table().name == "systemuser" {
        return;
    }
    let value = if full.is_empty() { Value::Null } else { Value::text(full) };
    row.set_value("yomifullname", value.clone());
    row.set_value("fullname", value);
}

fn parent_customer(row: &mut Row) {
    let parent = row.value("_parentcustomerid_value").as_reference();
    let of = |table: &str| {
        let of_table = parent.filter(|parent| parent.table.table().name == table);
        of_table.map_or(Value::Null, Value::Reference)
    };
    row.set_value("_accountid_value", of("account"));
    row.set_value("_parentcontactid_value", of("contact"));
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
