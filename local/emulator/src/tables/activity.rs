//! What all activities share: their times, the columns that follow when they end, and parties that
//! follow the activity by themselves.

use jiff::Timestamp;

use super::activityparty::follow_activity;
use crate::data::Value;
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, How, States, TableRules};

/// The rules that every activity has.
pub(super) const RULES: TableRules = TableRules {
    defaults: &[("instancetypecode", 0)],
    parents: &["regardingobjectid"],
    complete,
    after: follow_activity,
    ..TableRules::PLAIN
};

/// Calls, tasks, appointments and emails that are completed or canceled take no edits.
///
/// They are locked in the application; whether the API lets edits through is not documented, so
/// they are refused here.
pub(super) const STATES: States = States { closed: &[COMPLETED, CANCELED], ..States::PLAIN };

/// The state of an activity that is done.
pub(super) const COMPLETED: i32 = 1;
const CANCELED: i32 = 2;
/// The state of an activity that is still to do.
pub(super) const OPEN: i32 = 0;
/// The state of an appointment that has its time.
pub(super) const SCHEDULED: i32 = 3;

/// Completes an activity that is new or changed.
pub(super) fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let (start, end) = (time(change.row, "scheduledstart"), time(change.row, "scheduledend"));
    if let (Some(start), Some(end)) = (start, end) {
        // No source says how Dataverse refuses an end before the start, but of appointments.
        change.row.set_value("scheduleddurationminutes", minutes(start, end));
    }
    if ends_as(change).is_some() && change.row.value("actualend").is_null() {
        change.row.set_value("actualend", Value::DateTime(context.now));
    }
    let row = &mut *change.row;
    if let (Some(start), Some(end)) = (time(row, "actualstart"), time(row, "actualend")) {
        row.set_value("actualdurationminutes", minutes(start, end));
    }
    let sort = time(row, "senton").or(start).or(end).or(time(row, "createdon"));
    row.set_value("sortdate", sort.map_or(Value::Null, Value::DateTime));
    Ok(())
}

/// The state in which the activity ends by this write.
pub(super) fn ends_as(change: &Change<'_>) -> Option<i32> {
    let state = change.row.value("statecode").as_integer()?;
    let ends = change.how != How::Sample && STATES.is_closed(state) && change.changes("statecode");
    ends.then_some(state)
}

/// A point in time of an activity.
pub(super) fn time(row: &Row, column: &str) -> Option<Timestamp> {
    row.value(column).as_date_time()
}

fn minutes(start: Timestamp, end: Timestamp) -> Value {
    let minutes = end.duration_since(start).as_secs() / 60;
    Value::Integer(i32::try_from(minutes).unwrap_or(i32::MAX))
}
