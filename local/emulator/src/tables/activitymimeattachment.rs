//! Attachments of emails and appointments. An email counts its own.

use super::annotation::size_of;
use crate::data::{Reference, Value};
use crate::message::ApiError;
use crate::write::{Change, Context, How, TableRules};

pub(super) const RULES: TableRules = TableRules {
    table: "activitymimeattachment",
    parents: &["objectid"],
    complete,
    after,
    ..TableRules::PLAIN
};

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let row = &mut *change.row;
    let of = row.value("_objectid_value").as_reference();
    let code = of.map_or(Value::Null, |of| Value::text(&of.table.table().name));
    row.set_value("objecttypecode", code);
    if let Some(size) = size_of(context, row, "body")? {
        row.set_value("filesize", size);
    }
    Ok(())
}

fn after(context: &mut Context<'_>, attachment: Reference, _: How) -> Result<(), ApiError> {
    let row = context.store.follow(attachment);
    let activity = row.and_then(|row| row.value("_objectid_value").as_reference());
    let Some(activity) = activity else { return Ok(()) };
    if activity.table.table().column("attachmentcount").is_some() {
        let attachments = context.pointing_at(RULES.table, "_objectid_value", activity);
        let count = i32::try_from(attachments.len()).unwrap_or(i32::MAX);
        context.store.update(activity, |row| {
            row.set_value("attachmentcount", Value::Integer(count));
        });
    }
    Ok(())
}
