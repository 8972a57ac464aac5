//! Appointments: the rules for their times and their length.

use jiff::{SignedDuration, Timestamp};

use super::activity::{self, time};
use crate::message::ApiError;
use crate::write::{Change, Context, States, TableRules, refusal};

pub(super) const RULES: TableRules = TableRules {
    table: "appointment",
    defaults: &[("instancetypecode", 0), ("prioritycode", 1)],
    // A new appointment may be scheduled, because Dynamics 365 itself creates them so.
    states: States { also_initial: &[activity::SCHEDULED], ..activity::STATES },
    complete,
    ..activity::RULES
};

/// The organization's default for `maxappointmentdurationdays`.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 24);

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    check(time(change.row, "scheduledstart"), time(change.row, "scheduledend"))?;
    activity::complete(context, change)
}

fn check(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), ApiError> {
    let (Some(start), Some(end)) = (start, end) else {
        return Err(refusal::bad_request(
            0x8004_0275,
            "Scheduled End and Scheduled Start must be set for Appointments in order to sync with \
             Outlook.",
        ));
    };
    // It is documented that both are refused. The code and the words are not documented.
    let length = end.duration_since(start);
    if length.is_negative() {
        return Err(refusal::bad_request(
            0x8004_350a,
            "Activity duration does not match start/end time",
        ));
    }
    if length > LONGEST {
        return Err(refusal::bad_request(
            0x8004_0203,
            "The appointment is longer than the organization allows.",
        ));
    }
    Ok(())
}
