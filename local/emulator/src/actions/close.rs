//! Resolves cases, wins and loses opportunities, and wins and closes quotes.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::parameters::{Parameters, table};
use crate::data::{Reference, Value};
use crate::message::{ApiError, ApiRequest};
use crate::organization::{Access, Row};
use crate::tables::incident::{
    CANCELED, RESOLVED, already_closed, already_resolved, cancel_activities,
};
use crate::tables::opportunity::WON;
use crate::tables::quote::ACTIVE;
use crate::write::body::Body;
use crate::write::{How, Session, Writer, Written, refusal, states};

/// `CloseIncident`
pub(super) fn incident(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    action: &str,
) -> Result<Written, ApiError> {
    let known = ["IncidentResolution", "Status"];
    let parameters = Parameters::read(action, session, request, &known)?;
    let mut resolution = parameters.row("IncidentResolution", table("incidentresolution")?)?;
    let status = parameters.integer("Status")?;
    let missing = || refusal::bad_request(0x8004_4409, "The incident id is missing.");
    let incident = linked(&resolution, "incidentid").ok_or_else(missing)?;
    writer.context.caller.require(Access::Write, incident.table.table())?;
    let row = writer.context.find(incident)?;
    writer.context.may(Access::Write, &row)?;
    match row.value("statecode").as_integer() {
        Some(RESOLVED) => return Err(already_resolved()),
        Some(CANCELED) => return Err(already_closed()),
        _ => {}
    }
    let status = status_of(&row, RESOLVED, status)?;
    complete(writer, &mut resolution);
    writer.create(resolution, How::Action)?;
    cancel_activities(&mut writer.context, incident);
    put(writer, incident, RESOLVED, status, |_| {})?;
    Ok(Written::Done)
}

/// `WinOpportunity` and `LoseOpportunity`
pub(super) fn opportunity(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    action: &str,
    state: i32,
) -> Result<Written, ApiError> {
    let parameters = Parameters::read(action, session, request, &["OpportunityClose", "Status"])?;
    let mut close = parameters.row("OpportunityClose", table("opportunityclose")?)?;
    let status = parameters.integer("Status")?;
    let missing = || refusal::bad_request(0x8004_3b15, "The opportunity id is missing or invalid.");
    let opportunity = linked(&close, "opportunityid").ok_or_else(missing)?;
    writer.context.caller.require(Access::Write, opportunity.table.table())?;
    let row = writer.context.find(opportunity)?;
    writer.context.may(Access::Write, &row)?;
    if row.value("statecode") != &Value::Integer(0) {
        return Err(refusal::bad_request(0x8004_0515, "The opportunity is already closed."));
    }
    let status = status_of(&row, state, status)?;
    // No source says what open quotes do. An active quote is an offer that still stands.
    let offers = writer.context.pointing_at("quote", "_opportunityid_value", opportunity);
    if offers.iter().any(|quote| quote.value("statecode") == &Value::Integer(ACTIVE)) {
        return Err(refusal::bad_request(0x8004_0516, "The opportunity cannot be closed."));
    }
    complete(writer, &mut close);
    let ended =
        close.value("actualend").and_then(Value::as_date_time).unwrap_or(writer.context.now);
    let revenue = match close.value("actualrevenue") {
        Some(revenue) if !revenue.is_null() => revenue.clone(),
        _ if state == WON => row.value("estimatedvalue").clone(),
        _ => Value::Null,
    };
    writer.create(close, How::Action)?;
    put(writer, opportunity, state, status, |row| {
        row.set_value("actualclosedate", Value::Date(TimeZone::UTC.to_datetime(ended).date()));
        row.set_value("actualvalue", revenue);
    })?;
    Ok(Written::Done)
}

/// `WinQuote` and `CloseQuote`
pub(super) fn quote(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    action: &str,
    state: i32,
) -> Result<Written, ApiError> {
    let parameters = Parameters::read(action, session, request, &["QuoteClose", "Status"])?;
    let mut close = parameters.row("QuoteClose", table("quoteclose")?)?;
    let status = parameters.integer("Status")?;
    let missing = || refusal::bad_request(0x8004_0203, "The quote id is missing.");
    let quote = linked(&close, "quoteid").ok_or_else(missing)?;
    writer.context.caller.require(Access::Write, quote.table.table())?;
    let row = writer.context.find(quote)?;
    writer.context.may(Access::Write, &row)?;
    if row.value("statecode") != &Value::Integer(ACTIVE) {
        return Err(refusal::bad_request(
            0x8004_8408,
            "The quote cannot be closed because it is not in the active state.",
        ));
    }
    let status = status_of(&row, state, status)?;
    complete(writer, &mut close);
    writer.create(close, How::Action)?;
    let today = TimeZone::UTC.to_datetime(writer.context.now).date();
    put(writer, quote, state, status, |row| {
        row.set_value("closedon", Value::Date(today));
    })?;
    Ok(Written::Done)
}

/// Puts a row into a state, and changes the columns that depend on it.
pub(super) fn put(
    writer: &mut Writer<'_>,
    row: Reference,
    state: i32,
    status: i32,
    change: impl FnOnce(&mut Row),
) -> Result<(), ApiError> {
    let mut changed = Row::clone(&*writer.context.find(row)?);
    states::put(&mut changed, state, Some(status))?;
    change(&mut changed);
    writer.context.replace(changed);
    Ok(())
}

/// The status reason that was asked for. -1 asks for the default reason of the state.
pub(super) fn status_of(row: &Arc<Row>, state: i32, wanted: i32) -> Result<i32, ApiError> {
    let table = row.table.table();
    let statuses = states::statuses_of(table, state);
    match statuses.first() {
        Some(first) if wanted == -1 => Ok(*first),
        _ if statuses.contains(&wanted) => Ok(wanted),
        _ => Err(refusal::bad_request(
            0x8004_8408,
            format!("{wanted} is not a valid status code on {} with Id {}.", table.name, row.id),
        )),
    }
}

/// Completes the activity that closes a row. It is complete from the start.
fn complete(writer: &Writer<'_>, close: &mut Body) {
    close.set("statecode", Value::Integer(1));
    close.set("statuscode", Value::Integer(2));
    if close.value("actualend").is_none_or(Value::is_null) {
        close.set("actualend", Value::DateTime(writer.context.now));
    }
}

/// The row that a body links to with this navigation property.
fn linked(body: &Body, navigation: &str) -> Option<Reference> {
    body.links.iter().find(|link| link.navigation.name == navigation).and_then(|link| link.to)
}
