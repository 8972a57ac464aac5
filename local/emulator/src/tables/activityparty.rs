//! The parties of an activity. The metadata of the activity's table says which parts a party can
//! have, and whether a party can be an address without a record.
//!
//! As in Dataverse, the owner of an activity and the row that it is about are parties, too (masks 9
//! and 8). These are set automatically.

use std::sync::Arc;

use uuid::Uuid;

use crate::data::{Metadata, Reference, Value};
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, How, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: "activityparty",
    defaults: &[("instancetypecode", 0)],
    required: &["participationtypemask"],
    parents: &["activityid"],
    complete,
    remove_parts: remove,
    ..TableRules::PLAIN
};

const REGARDING: i32 = 8;
const OWNER: i32 = 9;

/// Completes and checks a party that is written together with its activity.
fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    if change.old.is_some() {
        return Ok(());
    }
    let row = &mut *change.row;
    let Some(activity) = context.follow(row, "_activityid_value") else {
        return Err(refusal::method_of_table("Create", row.table.table()));
    };
    let parties = activity.table.table().parties.as_ref();
    let mask = row.value("participationtypemask").as_integer().unwrap_or_default();
    let party = row.value("_partyid_value").as_reference();
    let may_be = parties.is_some_and(|parties| parties.masks.contains(&mask));
    if change.how != How::Sample && !may_be {
        return Err(refusal::bad_request(0x8004_3505, "Activity party object type is invalid"));
    }
    let bare_addresses = parties.is_some_and(|parties| parties.bare_addresses);
    match party {
        Some(party) => {
            let Some(column) = address_column(party) else {
                return Err(refusal::bad_request(
                    0x8004_3506,
                    "Cannot create activity party of specified object type.",
                ));
            };
            let found = context.store.follow(party);
            if row.value("addressused").is_null()
                && let Some(address) = found.and_then(|party| party.value(column).as_text())
            {
                row.set_value("addressused", Value::text(address));
            }
        }
        None if row.value("addressused").is_null() || !bare_addresses => {
            return Err(refusal::bad_request(
                0x8004_3504,
                "Activity party object Id or type is missing",
            ));
        }
        None => {}
    }
    copy_from(&activity, row);
    Ok(())
}

/// Updates the parties that are set automatically: the owner of the activity, and the row that it
/// is about.
pub(super) fn follow_activity(
    context: &mut Context<'_>,
    activity: Reference,
    _how: How,
) -> Result<(), ApiError> {
    let Some(row) = context.store.follow(activity).cloned() else { return Ok(()) };
    let parties = of(context, activity);
    for (mask, column) in [(REGARDING, "_regardingobjectid_value"), (OWNER, "_ownerid_value")] {
        let wanted = row.value(column).as_reference();
        let there = parties.iter().find(|party| mask_of(party) == mask);
        if there.and_then(|party| party.value("_partyid_value").as_reference()) == wanted {
            continue;
        }
        if let Some(party) = there {
            context.store.delete(party.reference());
        }
        if let Some(wanted) = wanted {
            add(context, &row, wanted, mask)?;
        }
    }
    for party in parties.iter().filter(|party| mask_of(party) < REGARDING) {
        context.store.update(party.reference(), |party| copy_from(&row, party));
    }
    Ok(())
}

/// Removes the parties that an update will replace.
fn remove(context: &mut Context<'_>, activity: Reference) {
    for party in of(context, activity) {
        if mask_of(&party) < REGARDING {
            context.store.delete(party.reference());
        }
    }
}

/// The parties of an activity.
pub(super) fn of(context: &Context<'_>, activity: Reference) -> Vec<Arc<Row>> {
    context.pointing_at(RULES.table, "_activityid_value", activity)
}

/// The part of a party in the activity.
pub(super) fn mask_of(party: &Row) -> i32 {
    party.value("participationtypemask").as_integer().unwrap_or_default()
}

/// The tables whose rows can be parties, each with the column of the address.
const WHO: [(&str, &str); 6] = [
    ("account", "emailaddress1"),
    ("contact", "emailaddress1"),
    ("lead", "emailaddress1"),
    ("systemuser", "internalemailaddress"),
    ("team", "emailaddress1"),
    ("queue", "emailaddress"),
];

fn address_column(party: Reference) -> Option<&'static str> {
    let name = party.table.table().name.as_str();
    WHO.iter().find(|(table, _)| *table == name).map(|(_, column)| *column)
}

fn copy_from(activity: &Row, party: &mut Row) {
    for column in ["scheduledstart", "scheduledend", "_ownerid_value"] {
        party.set_value(column, activity.value(column).clone());
    }
    party.set_value("ispartydeleted", Value::Boolean(false));
}

fn add(
    context: &mut Context<'_>,
    activity: &Row,
    party: Reference,
    mask: i32,
) -> Result<(), ApiError> {
    let Some(table) = Metadata::get().table(RULES.table) else { return Ok(()) };
    let mut row = Row::new(table, Uuid::new_v4());
    row.set_value("_activityid_value", Value::Reference(activity.reference()));
    row.set_value("_partyid_value", Value::Reference(party));
    row.set_value("participationtypemask", Value::Integer(mask));
    row.set_value("instancetypecode", Value::Integer(0));
    copy_from(activity, &mut row);
    context.insert(row).map(drop)
}
