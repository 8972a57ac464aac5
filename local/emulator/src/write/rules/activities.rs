//! Calls, tasks, appointments and emails: their times and how they are closed.

use jiff::{SignedDuration, Timestamp};

use crate::api::ApiError;
use crate::data::Value;
use crate::store::Row;
use crate::write::{How, Writer, refusal};

/// Longest appointment: the organization's `maxappointmentdurationdays` as it is from the start.
const LONGEST_APPOINTMENT: SignedDuration = SignedDuration::from_hours(10 * 24);

/// Completes and checks an activity that is new or (`old`) changed.
pub(crate) fn complete(
    writer: &Writer<'_>,
    row: &mut Row,
    old: Option<&Row>,
    how: How,
) -> Result<(), ApiError> {
    let time = |row: &Row, column: &str| row.value(column).as_date_time();
    let (start, end) = (time(row, "scheduledstart"), time(row, "scheduledend"));
    if row.table.table().name == "appointment" {
        check_appointment(start, end)?;
    }
    if let (Some(start), Some(end)) = (start, end) {
        // No source says how Dataverse refuses an end before the start of other activities.
        row.set_value("scheduleddurationminutes", minutes(start, end));
    }
    if how != How::Sample {
        close(writer, row, old);
    }
    if let (Some(start), Some(end)) = (time(row, "actualstart"), time(row, "actualend")) {
        row.set_value("actualdurationminutes", minutes(start, end));
    }
    let sort = time(row, "senton").or(start).or(end).or(time(row, "createdon"));
    row.set_value("sortdate", sort.map_or(Value::Null, Value::DateTime));
    Ok(())
}

fn check_appointment(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), ApiError> {
    let (Some(start), Some(end)) = (start, end) else {
        return Err(refusal::bad_request(
            0x8004_0275,
            "Scheduled End and Scheduled Start must be set for Appointments in order to sync with \
             Outlook.",
        ));
    };
    // That both are refused is documented; code and wording are not.
    let length = end.duration_since(start);
    if length.is_negative() {
        return Err(refusal::bad_request(
            0x8004_350a,
            "Activity duration does not match start/end time",
        ));
    }
    if length > LONGEST_APPOINTMENT {
        return Err(refusal::bad_request(
            0x8004_0203,
            "The appointment is longer than the organization allows.",
        ));
    }
    Ok(())
}

/// An activity that is being completed or canceled has ended.
fn close(writer: &Writer<'_>, row: &mut Row, old: Option<&Row>) {
    let state = row.value("statecode").as_integer();
    let before = old.and_then(|old| old.value("statecode").as_integer());
    if !matches!(state, Some(1 | 2)) || state == before {
        return;
    }
    if row.value("actualend").is_null() {
        row.set_value("actualend", Value::DateTime(writer.now));
    }
    if row.table.table().name == "task" && state == Some(1) {
        row.set_value("percentcomplete", Value::Integer(100));
    }
}

fn minutes(start: Timestamp, end: Timestamp) -> Value {
    let minutes = end.duration_since(start).as_secs() / 60;
    Value::Integer(i32::try_from(minutes).unwrap_or(i32::MAX))
}
