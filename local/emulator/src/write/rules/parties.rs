//! Who takes part in an activity.
//!
//! An activity's owner and the row it is about are parties too (masks 9 and 8), as in Dataverse;
//! they follow the activity by themselves.

use std::sync::Arc;

use uuid::Uuid;

use crate::api::ApiError;
use crate::data::{Metadata, TableId};
use crate::data::{Reference, Value};
use crate::store::Row;
use crate::write::{How, Writer, refusal};

const REGARDING: i32 = 8;
const OWNER: i32 = 9;

/// Completes and checks a party that its activity brings along.
pub(crate) fn complete(writer: &Writer<'_>, row: &mut Row, how: How) -> Result<(), ApiError> {
    let activity = row
        .value("_activityid_value")
        .as_reference()
        .and_then(|activity| writer.store.follow(activity))
        .cloned();
    let Some(activity) = activity else {
        return Err(refusal::bad_request(
            0x8004_0800,
            "The 'Create' method does not support entities of type 'activityparty'.",
        ));
    };
    let mask = row.value("participationtypemask").as_integer().unwrap_or_default();
    let party = row.value("_partyid_value").as_reference();
    if how != How::Sample && !masks(activity.table).contains(&mask) {
        return Err(refusal::bad_request(0x8004_3505, "Activity party object type is invalid"));
    }
    match party {
        Some(party) if !may_take_part(party.table) => {
            return Err(refusal::bad_request(
                0x8004_3506,
                "Cannot create activity party of specified object type.",
            ));
        }
        Some(party) => {
            if row.value("addressused").is_null()
                && let Some(address) = address_of(writer, party)
            {
                row.set_value("addressused", Value::text(address));
            }
        }
        // An address that belongs to nobody is taken for emails alone.
        None if row.value("addressused").is_null() || activity.table.table().name != "email" => {
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

/// Brings what follows the activity up to date with it: the parties for its owner and for the row
/// it is about, and an email's list of addresses.
pub(crate) fn follow_activity(
    writer: &mut Writer<'_>,
    activity: Reference,
    how: How,
) -> Result<(), ApiError> {
    let Some(row) = writer.store.follow(activity).cloned() else { return Ok(()) };
    let parties = of(writer, activity);
    for (mask, column) in [(REGARDING, "_regardingobjectid_value"), (OWNER, "_ownerid_value")] {
        let wanted = row.value(column).as_reference();
        let there = parties.iter().find(|party| mask_of(party) == mask);
        if there.and_then(|party| party.value("_partyid_value").as_reference()) == wanted {
            continue;
        }
        if let Some(party) = there {
            writer.store.delete(party.reference());
        }
        if let Some(wanted) = wanted {
            add(writer, &row, wanted, mask)?;
        }
    }
    for party in parties.iter().filter(|party| mask_of(party) < REGARDING) {
        writer.store.update(party.reference(), |party| copy_from(&row, party));
    }
    if row.table.table().name == "email" && how != How::Sample {
        set_addresses(writer, activity);
    }
    Ok(())
}

/// Removes the parties that an update is about to replace.
pub(crate) fn replace(writer: &mut Writer<'_>, activity: Reference) {
    for party in of(writer, activity) {
        if mask_of(&party) < REGARDING {
            writer.store.delete(party.reference());
        }
    }
}

fn of(writer: &Writer<'_>, activity: Reference) -> Vec<Arc<Row>> {
    let parties = writer.pointing_at("activityparty", "_activityid_value", activity);
    parties.into_iter().filter_map(|party| writer.store.follow(party).cloned()).collect()
}

fn mask_of(party: &Row) -> i32 {
    party.value("participationtypemask").as_integer().unwrap_or_default()
}

/// Which parts a party may play, by type of activity.
fn masks(activity: TableId) -> &'static [i32] {
    match activity.table().name.as_str() {
        "appointment" => &[5, 6, 7],
        "email" => &[1, 2, 3, 4],
        "phonecall" => &[1, 2],
        _ => &[],
    }
}

fn may_take_part(table: TableId) -> bool {
    matches!(
        table.table().name.as_str(),
        "account" | "contact" | "lead" | "systemuser" | "team" | "queue"
    )
}

fn address_of(writer: &Writer<'_>, party: Reference) -> Option<String> {
    let row = writer.store.follow(party)?;
    let address = match party.table.table().name.as_str() {
        "systemuser" => row.value("internalemailaddress"),
        "queue" => row.value("emailaddress"),
        _ => row.value("emailaddress1"),
    };
    address.as_text().map(str::to_owned)
}

fn copy_from(activity: &Row, party: &mut Row) {
    for column in ["scheduledstart", "scheduledend", "_ownerid_value"] {
        party.set_value(column, activity.value(column).clone());
    }
    party.set_value("ispartydeleted", Value::Boolean(false));
}

fn add(
    writer: &mut Writer<'_>,
    activity: &Row,
    party: Reference,
    mask: i32,
) -> Result<(), ApiError> {
    let Some(table) = Metadata::get().table("activityparty") else { return Ok(()) };
    let mut row = Row::new(table, Uuid::new_v4());
    row.set_value("_activityid_value", Value::Reference(activity.reference()));
    row.set_value("_partyid_value", Value::Reference(party));
    row.set_value("participationtypemask", Value::Integer(mask));
    row.set_value("instancetypecode", Value::Integer(0));
    copy_from(activity, &mut row);
    writer.store.insert(row).map(|_| ()).map_err(|_| refusal::key_exists())
}

fn set_addresses(writer: &mut Writer<'_>, email: Reference) {
    let addresses = |writer: &Writer<'_>, mask: i32| -> Vec<String> {
        let parties = of(writer, email).into_iter().filter(|party| mask_of(party) == mask);
        parties.filter_map(|party| Some(party.value("addressused").as_text()?.to_owned())).collect()
    };
    let sender = addresses(writer, 1).into_iter().next();
    let recipients: String =
        addresses(writer, 2).into_iter().map(|address| format!("{address};")).collect();
    writer.store.update(email, |row| {
        if let Some(sender) = sender {
            row.set_value("sender", Value::text(sender));
        }
        if !recipients.is_empty() {
            row.set_value("torecipients", Value::text(recipients));
        }
    });
}
