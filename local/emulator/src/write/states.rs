//! States and status reasons: which of them belong together, and what can be changed in a closed
//! row.

use super::body::Body;
use super::context::{Context, How};
use super::refusal;
use super::rules::{Change, States};
use crate::data::{Column, Table, Value};
use crate::message::ApiError;
use crate::organization::Row;

/// Sets the state and the status reason of a new row.
///
/// Dataverse refuses a status reason that does not belong to the first state of the row.
pub(super) fn of_new(states: &States, change: &mut Change<'_>) -> Result<(), ApiError> {
    let table = change.row.table.table();
    let Some((state_column, status_column)) = columns(table) else { return Ok(()) };
    let (wanted_state, wanted_status) = wanted(change.body);
    let may_start_so = |state: &i32| {
        *state == states.initial || change.how == How::Action || states.also_initial.contains(state)
    };
    let state = wanted_state.filter(may_start_so).unwrap_or(states.initial);
    let status = match (wanted_status, wanted_state) {
        (Some(status), _) => status,
        (None, Some(wanted)) if wanted != state => status_column.default_status(wanted),
        (None, _) => status_column.default_status(state),
    };
    set(change.row, state_column, status_column, state, status)
}

/// Checks the state and the status reason of an update, and whether the row can be changed.
pub(super) fn of_changed(
    states: &States,
    context: &Context<'_>,
    old: &Row,
    new: &mut Row,
    body: &Body,
) -> Result<(), ApiError> {
    let table = old.table.table();
    let Some((state_column, status_column)) = columns(table) else { return Ok(()) };
    let before = old.get(state_column.id).as_integer().unwrap_or(0);
    let (wanted_state, wanted_status) = wanted(body);
    let state = wanted_state.unwrap_or(before);
    if states.is_closed(before) {
        let says_more = !body.links.is_empty()
            || body
                .values
                .iter()
                .any(|(column, _)| *column != state_column.id && *column != status_column.id);
        // Reopening a row and editing it need two requests.
        if says_more || state == before {
            return Err((states.refuse_edit)(before));
        }
    }
    let status = match wanted_status {
        Some(status) => status,
        None if state == before => old.get(status_column.id).as_integer().unwrap_or_default(),
        None => status_column.default_status(state),
    };
    // The status reason is checked before the change of the state.
    set(new, state_column, status_column, state, status)?;
    if state == before { Ok(()) } else { (states.may_follow)(context, old, before, state) }
}

/// The state and the status reason that a body names.
fn wanted(body: &Body) -> (Option<i32>, Option<i32>) {
    let number = |column| body.value(column).and_then(Value::as_integer);
    (number("statecode"), number("statuscode"))
}

/// Puts a row into a state, as actions do.
pub(crate) fn put(row: &mut Row, state: i32, status: Option<i32>) -> Result<(), ApiError> {
    let Some((state_column, status_column)) = columns(row.table.table()) else { return Ok(()) };
    let status = status.unwrap_or_else(|| status_column.default_status(state));
    set(row, state_column, status_column, state, status)
}

/// The status reasons of a state.
pub(crate) fn statuses_of(table: &Table, state: i32) -> Vec<i32> {
    let Some((_, statuses)) = columns(table) else { return Vec::new() };
    let of_state = statuses.options().iter().filter(|option| option.state == Some(state));
    of_state.map(|option| option.value).collect()
}

fn columns(table: &Table) -> Option<(&Column, &Column)> {
    Some((table.column("statecode")?, table.column("statuscode")?))
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
