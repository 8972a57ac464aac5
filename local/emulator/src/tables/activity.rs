//! The common rules of all activities: their times, the columns that are set when they end, and the
//! parties that are set automatically.

use jiff::Timestamp;

use super::activityparty::follow_activity;
use crate::data::Value;
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::{Change, Context, How, States, TableRules, states};

/// The rules of every activity.
pub(super) const RULES: TableRules = TableRules {
    defaults: &[("instancetypecode", 0)],
    parents: &["regardingobjectid"],
    complete,
    after: follow_activity,
    ..TableRules::PLAIN
};

/// Calls, tasks, appointments and emails cannot be edited after they are completed or canceled.
///
/// In the application they are locked. It is not documented whether the API allows edits, so they
/// are refused here.
pub(super) const STATES: States = States { closed: &[COMPLETED, CANCELED], ..States::PLAIN };

/// The state of a completed activity.
pub(super) const COMPLETED: i32 = 1;
const CANCELED: i32 = 2;
/// The state of an open activity.
const OPEN: i32 = 0;
/// The state of a scheduled appointment.
pub(super) const SCHEDULED: i32 = 3;

/// Completes an activity that is new or changed.
pub(super) fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let (start, end) = (time(change.row, "scheduledstart"), time(change.row, "scheduledend"));
    if let (Some(start), Some(end)) = (start, end) {
        // Except for appointments, no source says how Dataverse refuses an end before the start.
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

/// Cancels an activity that is open or scheduled. As in Dataverse, errors end nothing else.
pub(super) fn cancel(context: &mut Context<'_>, activity: &Row) {
    let state = activity.value("statecode").as_integer();
    if !matches!(state, Some(OPEN | SCHEDULED)) {
        return;
    }
    let mut canceled = activity.clone();
    if states::put(&mut canceled, CANCELED, None).is_ok() {
        if canceled.value("actualend").is_null() {
            canceled.set_value("actualend", Value::DateTime(context.now));
        }
        context.replace(canceled);
    }
}

/// The state in which this write ends the activity, if it does.
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
