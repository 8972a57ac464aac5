//! Functions and actions: everything in the Web API that is not a row.

mod close;
mod copying;
mod duplicates;
mod functions;
mod parameters;
mod qualify_lead;
mod quotes;

pub(crate) use duplicates::{RETRIEVE_DUPLICATES, retrieve as retrieve_duplicates};
pub(crate) use functions::{bound as bound_function, unbound as unbound_function};

use http::StatusCode;

use crate::data::{App, Reference};
use crate::message::{ApiError, ApiRequest};
use crate::query::resource::Call;
use crate::tables::{opportunity, quote};
use crate::write::{Session, Writer, Written};

type CarryOut =
    fn(&Session<'_>, &mut Writer<'_>, &ApiRequest, name: &str) -> Result<Written, ApiError>;

/// An unbound action, which is not called on a row.
struct Action {
    name: &'static str,
    /// The app that adds the action.
    app: App,
    carry_out: CarryOut,
}

const ACTIONS: [Action; 7] = [
    Action { name: "CloseIncident", app: App::Service, carry_out: close::incident },
    Action {
        name: "WinOpportunity",
        app: App::Sales,
        carry_out: |session, writer, request, name| {
            close::opportunity(session, writer, request, name, opportunity::WON)
        },
    },
    Action {
        name: "LoseOpportunity",
        app: App::Sales,
        carry_out: |session, writer, request, name| {
            close::opportunity(session, writer, request, name, opportunity::LOST)
        },
    },
    Action {
        name: "WinQuote",
        app: App::Sales,
        carry_out: |session, writer, request, name| {
            close::quote(session, writer, request, name, quote::WON)
        },
    },
    Action {
        name: "CloseQuote",
        app: App::Sales,
        carry_out: |session, writer, request, name| {
            close::quote(session, writer, request, name, quote::CLOSED)
        },
    },
    Action { name: "ReviseQuote", app: App::Sales, carry_out: quotes::revise },
    Action { name: "GenerateQuoteFromOpportunity", app: App::Sales, carry_out: quotes::generate },
];

/// Carries out an unbound action.
pub(crate) fn unbound(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    call: &Call,
) -> Result<Written, ApiError> {
    let name = call.name.as_str();
    match ACTIONS.iter().find(|action| action.name == name) {
        Some(action) if session.apps.has(action.app) => {
            (action.carry_out)(session, writer, request, name)
        }
        None if functions::is_unbound(name) || name == RETRIEVE_DUPLICATES => Err(ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
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
) -> Result<Written, ApiError> {
    match (row.table.table().name.as_str(), call.name.as_str()) {
        ("lead", "QualifyLead") => qualify_lead::qualify(session, writer, request, row),
        (_, name) => Err(ApiError::unknown_segment(&format!("Microsoft.Dynamics.CRM.{name}"))),
    }
}
