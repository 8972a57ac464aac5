//! States and status reasons: which go together, which may follow which, and what a closed row
//! still lets through.

use super::body::Body;
use super::{How, refusal};
use crate::api::ApiError;
use crate::data::{Column, Table};
use crate::data::{Reference, Value};
use crate::store::{Row, Store};

/// Sets the state and status reason of a new row.
///
/// A new row starts in the first state of its table: Dataverse refuses a status reason of any
/// other. An appointment may start as scheduled, as Dynamics 365 itself creates them.
pub(crate) fn of_new(row: &mut Row, body: &Body, how: How) -> Result<(), ApiError> {
    let table = row.table.table();
    let Some((state_column, status_column)) = columns(table) else { return Ok(()) };
    let initial = initial_state(table);
    let wanted_state = body.value("statecode").and_then(Value::as_integer);
    let wanted_status = body.value("statuscode").and_then(Value::as_integer);
    let may_start_so = |state| {
        state == initial || how == How::Action || (table.name == "appointment" && state == 3)
    };
    let state = wanted_state.filter(|state| may_start_so(*state)).unwrap_or(initial);
    let status = match (wanted_status, wanted_state) {
        (Some(status), _) => status,
        (None, Some(wanted)) if wanted != state => default_status(status_column, wanted),
        (None, _) => default_status(status_column, state),
    };
    set(row, state_column, status_column, state, status)
}

/// Checks what an update makes of state and status reason, and whether the row may be changed.
pub(crate) fn of_changed(
    store: &Store,
    old: &Row,
    new: &mut Row,
    body: &Body,
) -> Result<(), ApiError> {
    let table = old.table.table();
    let Some((state_column, status_column)) = columns(table) else { return Ok(()) };
    let before = old.get(state_column.id).as_integer().unwrap_or(0);
    let wanted_state = body.value("statecode").and_then(Value::as_integer);
    let wanted_status = body.value("statuscode").and_then(Value::as_integer);
    let state = wanted_state.unwrap_or(before);
    if is_closed(table, before) {
        let says_more = !body.links.is_empty()
            || body
                .values
                .iter()
                .any(|(column, _)| *column != state_column.id && *column != status_column.id);
        // Reopening is one request, editing the row again another.
        if says_more || state == before {
            return Err(closed(table, before));
        }
    }
    let status = match wanted_status {
        Some(status) => status,
        None if state == before => old.get(status_column.id).as_integer().unwrap_or_default(),
        None => default_status(status_column, state),
    };
    // A status reason is checked before the transition is.
    set(new, state_column, status_column, state, status)?;
    if state != before { may_follow(store, old, before, state, state_column) } else { Ok(()) }
}

/// Puts a row into a state, as actions do.
pub(crate) fn put(row: &mut Row, state: i32, status: Option<i32>) -> Result<(), ApiError> {
    let Some((state_column, status_column)) = columns(row.table.table()) else { return Ok(()) };
    let status = status.unwrap_or_else(|| default_status(status_column, state));
    set(row, state_column, status_column, state, status)
}

/// The status reasons of a state.
pub(crate) fn statuses_of(table: &Table, state: i32) -> Vec<i32> {
    let Some((_, statuses)) = columns(table) else { return Vec::new() };
    let of_state = statuses.options().iter().filter(|option| option.state == Some(state));
    of_state.map(|option| option.value).collect()
}

/// Whether rows of the table in this state take no edits.
///
/// Documents and cases are locked by the platform. Closed activities are locked in the
/// application; whether the API lets edits through is not documented, so they are refused here.
pub(crate) fn is_closed(table: &Table, state: i32) -> bool {
    match table.name.as_str() {
        "incident" | "opportunity" | "lead" => state != 0,
        // A quote is edited as a draft; activating it locks it.
        "quote" => state != 0,
        "phonecall" | "task" | "appointment" | "email" => state == 1 || state == 2,
        _ => false,
    }
}

/// The refusal to edit a closed row.
pub(crate) fn closed(table: &Table, state: i32) -> ApiError {
    match (table.name.as_str(), state) {
        ("incident", 1) => refusal::bad_request(
            0x8004_04cf,
            "This case has already been resolved. Close and reopen the case record to see the \
             updates.",
        ),
        ("opportunity" | "quote", _) => refusal::read_only(),
        _ => refusal::inactive(),
    }
}

fn may_follow(
    store: &Store,
    row: &Row,
    before: i32,
    state: i32,
    state_column: &Column,
) -> Result<(), ApiError> {
    let table = row.table.table();
    let label = state_column.option_label(state).unwrap_or_default();
    let message = |message: &str| Err(refusal::needs_message(table, label, message));
    match (table.name.as_str(), before, state) {
        ("incident", 2, 1) | ("incident", 1, 2) => {
            Err(refusal::bad_request(0x8004_4411, "Already Closed or Canceled"))
        }
        ("incident", _, 1) => message("CloseIncidentRequest"),
        ("incident", _, 2) if has_open_activity(store, row.reference()) => {
            Err(refusal::bad_request(
                0x8004_440e,
                "The incident can not be cancelled because there are open activities for this \
                 incident.",
            ))
        }
        ("opportunity", 0, 1) => message("WinOpportunityRequest"),
        ("opportunity", 0, 2) => message("LoseOpportunityRequest"),
        ("opportunity", 1 | 2, 1 | 2) => {
            Err(refusal::bad_request(0x8004_0515, "The opportunity is already closed."))
        }
        ("quote", 0, 1) => Ok(()),
        ("quote", _, 1) => Err(refusal::bad_request(
            0x8010_0003,
            "The quote cannot be activated because it is not in draft state.",
        )),
        ("quote", _, 2) => message("WinQuoteRequest"),
        ("quote", _, 3) => message("CloseQuoteRequest"),
        ("quote", _, 0) => message("ReviseQuoteRequest"),
        _ => Ok(()),
    }
}

/// Whether an activity regarding the row is still open or scheduled.
pub(crate) fn has_open_activity(store: &Store, row: Reference) -> bool {
    let Some(activities) = crate::data::Metadata::get().table("activitypointer") else {
        return false;
    };
    let Some(regarding) = activities.column("_regardingobjectid_value") else { return false };
    let ids =
        store.ids_by_index(activities, regarding.id, &Value::Reference(row)).unwrap_or_default();
    ids.into_iter().filter_map(|id| store.get(activities, id)).any(|activity| {
        matches!(activity.value("statecode").as_integer(), Some(0 | 3))
            && !activity.table.table().name.ends_with("resolution")
    })
}

fn columns(table: &Table) -> Option<(&Column, &Column)> {
    Some((table.column("statecode")?, table.column("statuscode")?))
}

/// Products start as drafts; everything else starts in state 0.
fn initial_state(table: &Table) -> i32 {
    if table.name == "product" { 2 } else { 0 }
}

/// The status reason that a state comes with if none is named: the first that is listed for it.
pub(crate) fn default_status(statuses: &Column, state: i32) -> i32 {
    let mut of_state = statuses.options().iter().filter(|option| option.state == Some(state));
    of_state.next().map_or(0, |option| option.value)
}

fn set(
    row: &mut Row,
    state_column: &Column,
    status_column: &Column,
    state: i32,
    status: i32,
) -> Result<(), ApiError> {
    let fits = status_column
        .options()
        .iter()
        .any(|option| option.value == status && option.state == Some(state));
    if !fits {
        let label = state_column.option_label(state).unwrap_or_default();
        return Err(refusal::invalid_status(row.table.table(), status, label, row.id));
    }
    row.set(state_column.id, Value::Integer(state));
    row.set(status_column.id, Value::Integer(status));
    Ok(())
}
