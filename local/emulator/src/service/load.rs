//! Rows for load tests. There are many, they are plausible, and they are linked to each other.

use jiff::Timestamp;
use uuid::Uuid;

use crate::data::well_known::APPLICATION_USER_ID;
use crate::data::{Metadata, Reference, Table, Value};
use crate::organization::{Occupied, Organization, Row, Store, platform};

/// Adds rows to a table, given by its logical name. The error says why that is not possible.
pub(crate) fn add(organization: &Organization, table: &str, rows: usize) -> Result<(), String> {
    let found = Metadata::get().table(table).filter(|table| !table.is_abstract);
    let table = found.ok_or_else(|| format!("unknown table '{table}'"))?;
    let owner = platform::user(APPLICATION_USER_ID).ok_or("there are no users")?;
    fill(&mut organization.store.write(), table, rows, owner, Timestamp::now())
        .map_err(|occupied| occupied.to_string())
}

/// Lookups that connect an added row with a contact.
const LINKS: [&str; 6] = [
    "_parentcustomerid_value",
    "_customerid_value",
    "_regardingobjectid_value",
    "_objectid_value",
    "_partyid_value",
    "_parentcontactid_value",
];

/// Adds this many rows. `owner` owns them, and they are linked to the existing contacts in turn.
fn fill(
    store: &mut Store,
    table: &'static Table,
    rows: usize,
    owner: Reference,
    now: Timestamp,
) -> Result<(), Occupied> {
    let contacts: Vec<Reference> = Metadata::get()
        .table("contact")
        .map(|contacts| store.scan(contacts, None).map(|row| row.reference()).collect())
        .unwrap_or_default();
    for number in 0..rows {
        let mut row = Row::new(table, Uuid::new_v4());
        describe(&mut row, table, number);
        for (column, value) in [
            ("statecode", default_option(table, "statecode")),
            ("statuscode", default_option(table, "statuscode")),
            ("createdon", Value::DateTime(now)),
            ("modifiedon", Value::DateTime(now)),
            ("_ownerid_value", Value::Reference(owner)),
            ("_owninguser_value", Value::Reference(owner)),
            ("_createdby_value", Value::Reference(owner)),
            ("_modifiedby_value", Value::Reference(owner)),
        ] {
            row.set_value(column, value);
        }
        if let Some(contact) = contacts.get(number % contacts.len().max(1)) {
            let fitting = LINKS.iter().filter_map(|name| table.column(name));
            for column in fitting.filter(|column| column.targets().contains(&contact.table)) {
                row.set(column.id, Value::Reference(*contact));
            }
        }
        store.insert(row)?;
    }
    Ok(())
}

fn describe(row: &mut Row, table: &Table, number: usize) {
    let name = format!("Load {number:06}");
    if let Some(column) = table.primary_name {
        row.set(column, Value::text(&name));
    }
    for (column, text) in [
        ("firstname", "Load".to_owned()),
        ("lastname", format!("{number:06}")),
        ("emailaddress1", format!("load{number:06}@load.example")),
        ("ticketnumber", format!("CAS-LOAD-{number:06}")),
        ("quotenumber", format!("QUO-LOAD-{number:06}")),
        ("productnumber", format!("LOAD-{number:06}")),
        ("telephone1", format!("+1 555 {number:06}")),
    ] {
        row.set_value(column, Value::text(text));
    }
}

/// The first state, or the first status reason of that state.
fn default_option(table: &Table, column: &str) -> Value {
    let states = table.column("statecode").map(|column| column.options()).unwrap_or_default();
    let Some(state) = states.first().map(|option| option.value) else { return Value::Null };
    if column == "statecode" {
        return Value::Integer(state);
    }
    let options = table.column(column).map(|column| column.options()).unwrap_or_default();
    let of_state = options.iter().filter(|option| option.state == Some(state));
    of_state.map(|option| option.value).min().map_or(Value::Null, Value::Integer)
}
