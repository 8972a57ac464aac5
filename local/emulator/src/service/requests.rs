//! Passes requests to the Web API on to the code that carries them out.

use http::{HeaderMap, Method, StatusCode};

use super::changes;
use crate::actions;
use crate::data::Reference;
use crate::message::{ApiError, ApiRequest, ApiResponse};
use crate::organization::{Caller, Organization, Seen};
use crate::query::reader::Reader;
use crate::query::resource::{self, End, Key, Resource, RowsPath};
use crate::query::{definitions, fetch, metadata_document};

/// The longest URL that Dataverse reads. Outside of a `$batch`, the web server only accepts half of
/// it.
const URL_LIMIT: usize = 65_536;

/// Carries out one request.
pub(crate) fn handle(
    organization: &Organization,
    caller: &Caller,
    request: &ApiRequest,
) -> ApiResponse {
    answer(organization, caller, request)
        .unwrap_or_else(|error| refusal(organization, error, &request.headers))
}

/// Carries out a change set, completely or not at all. The error is the number of the failed
/// request and its answer.
pub(crate) fn handle_change_set(
    organization: &Organization,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
    changes::change_set(organization, caller, requests)
        .map_err(|failed| (failed.index, refusal(organization, failed.error, &failed.headers)))
}

/// A refusal in the form of this organization.
fn refusal(organization: &Organization, error: ApiError, request: &HeaderMap) -> ApiResponse {
    error.in_form(organization.habits.read().unknown_names).into_response(request)
}

fn answer(
    organization: &Organization,
    caller: &Caller,
    request: &ApiRequest,
) -> Result<ApiResponse, ApiError> {
    let query = request.query.as_deref().map_or(0, str::len);
    if request.base.len() + request.path.len() + query > URL_LIMIT {
        let message = "The request URL is too long.";
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, 0, message));
    }
    let resource = resource::parse(&request.path)?;
    let apps = *organization.apps.read();
    match (&request.method, &resource) {
        (&Method::GET, Resource::ServiceDocument) => {
            return Ok(metadata_document::service_document(request, apps));
        }
        (&Method::GET, Resource::MetadataDocument) => {
            return Ok(metadata_document::metadata_document(apps));
        }
        (_, Resource::Definitions(segments)) => {
            return definitions::answer(request, segments, apps);
        }
        (&Method::GET, _) => {}
        _ => return changes::change(organization, caller, request),
    }
    let store = organization.store.read();
    let moment = organization.moment(&store, caller.user);
    let seen = Seen::by(caller.user, &caller.privileges, &store);
    let reader = || -> Result<Reader<'_>, ApiError> {
        Ok(Reader::new(seen.rows(), caller, request, moment)?.within(&store))
    };
    match resource {
        Resource::Rows(RowsPath { root, key: Some(Key::Id(id)), steps, end: End::Bound(call) })
            if steps.is_empty() =>
        {
            let row = Reference { table: root.id, id };
            actions::bound_function(&store, caller, request, row, &call)
        }
        Resource::Rows(path) => {
            let reader = reader()?;
            match &reader.options.fetch_xml {
                Some(text) => fetch::answer(&reader, &path, text),
                None => reader.get(&path),
            }
        }
        Resource::Unbound(call) if call.name == actions::RETRIEVE_DUPLICATES => {
            let reader = reader()?;
            actions::retrieve_duplicates(&reader, &organization.duplicate_rules.read(), &call)
        }
        Resource::Unbound(call) => actions::unbound_function(&store, caller, request, &call),
        _ => Err(ApiError::unknown_segment(&request.path)),
    }
}
