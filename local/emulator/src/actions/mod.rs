//! Functions and actions: what the Web API offers beside rows.

mod close;
mod duplicates;
mod functions;
mod parameters;
mod qualify_lead;
mod quotes;

pub(crate) use duplicates::{RETRIEVE_DUPLICATES, retrieve as retrieve_duplicates};
pub(crate) use functions::{bound as bound_function, unbound as unbound_function};

use crate::api::{ApiError, ApiRequest};
use crate::data::App;
use crate::data::Reference;
use crate::odata::resource::Call;
use crate::write::{Outcome, Session, Writer};

/// Carries out an action that stands on its own.
pub(crate) fn unbound(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    call: &Call,
) -> Result<Outcome, ApiError> {
    let name = call.name.as_str();
    if !is_installed(session, name) {
        return Err(ApiError::unknown_segment(name));
    }
    match name {
        "CloseIncident" => close::incident(session, writer, request),
        "WinOpportunity" => close::opportunity(session, writer, request, name, 1),
        "LoseOpportunity" => close::opportunity(session, writer, request, name, 2),
        "WinQuote" => close::quote(session, writer, request, name, 2),
        "CloseQuote" => close::quote(session, writer, request, name, 3),
        "ReviseQuote" => quotes::revise(session, writer, request),
        "GenerateQuoteFromOpportunity" => quotes::generate(session, writer, request),
        _ if functions::is_unbound(name) || name == RETRIEVE_DUPLICATES => Err(ApiError::new(
            http::StatusCode::METHOD_NOT_ALLOWED,
            0,
            "The requested resource does not support http method 'POST'.",
        )),
        _ => Err(ApiError::unknown_segment(name)),
    }
}

/// Carries out an action on a row.
pub(crate) fn bound(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    row: Reference,
    call: &Call,
) -> Result<Outcome, ApiError> {
    match (row.table.table().name.as_str(), call.name.as_str()) {
        ("lead", "QualifyLead") => qualify_lead::qualify(session, writer, request, row),
        (_, name) => Err(ApiError::unknown_segment(&format!("Microsoft.Dynamics.CRM.{name}"))),
    }
}

/// Actions come with their app.
fn is_installed(session: &Session<'_>, action: &str) -> bool {
    let app = match action {
        "CloseIncident" => App::Service,
        "WinOpportunity"
        | "LoseOpportunity"
        | "WinQuote"
        | "CloseQuote"
        | "ReviseQuote"
        | "GenerateQuoteFromOpportunity" => App::Sales,
        _ => App::Base,
    };
    session.apps.has(app)
}
