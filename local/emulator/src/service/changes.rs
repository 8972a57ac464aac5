//! Requests that write: a single one, or a change set. Each is done completely or not at all.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;

use crate::data::Reference;
use crate::message::{ApiError, ApiRequest, ApiResponse, Preferences};
use crate::organization::{Caller, Moment, Organization, Store};
use crate::query::reader::Reader;
use crate::query::resource::{self, Call, End, Key, Resource};
use crate::write::rows::{check_content_type, concrete, method_not_allowed};
use crate::write::{Context, Session, Writer, Written};
use crate::{actions, tables};

/// The failed request of a change set.
pub(super) struct Failed {
    /// The number of the request in the change set, from 0.
    pub index: usize,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The error.
    pub error: ApiError,
}

/// Carries out a change set, completely or not at all.
pub(super) fn change_set(
    organization: &Organization,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<Vec<ApiResponse>, Failed> {
    let mut store = organization.store.write();
    let moment = organization.moment(&store, caller.user);
    store.transaction(|store| {
        let mut content_ids = HashMap::new();
        let mut answers = Vec::with_capacity(requests.len());
        for (index, mut request) in requests.into_iter().enumerate() {
            let id = content_id(&request.headers);
            let answered = in_change_set(&mut request, &content_ids).and_then(|()| {
                carry_out(organization, store, caller, &request, moment, &content_ids)
            });
            match answered {
                Ok((made, answer)) => {
                    if let (Some(id), Some(made)) = (id, made) {
                        content_ids.insert(id, made);
                    }
                    answers.push(answer);
                }
                Err(error) => return Err(Failed { index, headers: request.headers, error }),
            }
        }
        Ok(answers)
    })
}

/// Carries out one request that writes.
pub(super) fn change(
    organization: &Organization,
    caller: &Caller,
    request: &ApiRequest,
) -> Result<ApiResponse, ApiError> {
    let mut store = organization.store.write();
    let moment = organization.moment(&store, caller.user);
    let no_content_ids = HashMap::new();
    store.transaction(|store| {
        carry_out(organization, store, caller, request, moment, &no_content_ids)
            .map(|(_, answer)| answer)
    })
}

fn carry_out(
    organization: &Organization,
    store: &mut Store,
    caller: &Caller,
    request: &ApiRequest,
    moment: Moment,
    content_ids: &HashMap<String, Reference>,
) -> Result<(Option<Reference>, ApiResponse), ApiError> {
    let resource = resource::parse(&request.path)?;
    let typed_owners = !moment.habits.lack_typed_owners;
    let session = Session { apps: moment.apps, typed_owners, content_ids };
    // Dataverse stores whole seconds.
    let now = Timestamp::from_second(moment.now.as_second()).unwrap_or(moment.now);
    let mut writer = Writer {
        context: Context { store, caller, now, numbers: &organization.numbers },
        rules: tables::rules(),
        duplicate_rules: &organization.duplicate_rules.read(),
    };
    let written = write(&session, &mut writer, request, resource)?;
    let made = match written {
        Written::Created(row) | Written::Updated(row) | Written::Row(row, _) => Some(row),
        Written::Done | Written::Answer(_) => None,
    };
    Ok((made, answer(store, caller, request, moment, written)?))
}

/// Passes a request to the action that it calls, or to the rows that it writes.
fn write(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    resource: Resource,
) -> Result<Written, ApiError> {
    check_content_type(request)?;
    let posted = request.method == Method::POST;
    match resource {
        Resource::Unbound(call) if posted => actions::unbound(session, writer, request, &call),
        Resource::Unbound(Call { name, .. }) => Err(ApiError::unknown_segment(&name)),
        Resource::Rows(path) => match (&path.end, &path.key) {
            (End::Bound(call), Some(Key::Id(id))) if posted && path.steps.is_empty() => {
                session.refuse_missing(&path)?;
                let row = concrete(writer, Reference { table: path.root.id, id: *id })?;
                actions::bound(session, writer, request, row, call)
            }
            _ => session.write(writer, request, &path),
        },
        _ => Err(method_not_allowed(&request.method)),
    }
}

fn answer(
    store: &Store,
    caller: &Caller,
    request: &ApiRequest,
    moment: Moment,
    written: Written,
) -> Result<ApiResponse, ApiError> {
    let preferences = Preferences::of(&request.headers);
    let (row, status) = match written {
        Written::Done => return Ok(ApiResponse::empty(StatusCode::NO_CONTENT)),
        Written::Answer(answer) => return Ok(answer),
        Written::Row(row, columns) => {
            // A parameter of the action chooses the columns of the answer, not the URL.
            let mut request = request.clone();
            request.query = columns.map(|columns| format!("$select={}", columns.join(",")));
            let reader = Reader::new(store, caller, &request, moment)?;
            return shown(store, &reader, row, StatusCode::OK);
        }
        Written::Created(row) if preferences.representation => (row, StatusCode::CREATED),
        Written::Updated(row) if preferences.representation => (row, StatusCode::OK),
        Written::Created(row) => return Ok(named(&request.base, row, true)),
        Written::Updated(row) => return Ok(named(&request.base, row, false)),
    };
    let reader = Reader::new(store, caller, request, moment)?;
    shown(store, &reader, row, status)
}

fn shown(
    store: &Store,
    reader: &Reader<'_>,
    reference: Reference,
    status: StatusCode,
) -> Result<ApiResponse, ApiError> {
    let table = reference.table.table();
    let row =
        store.follow(reference).ok_or_else(|| ApiError::no_such_row(&table.name, reference.id))?;
    reader.representation(table, row, status)
}

/// Prepares a request of a change set. Reads are refused. `$1` in its path stands for a row that an
/// earlier request created.
fn in_change_set(
    request: &mut ApiRequest,
    content_ids: &HashMap<String, Reference>,
) -> Result<(), ApiError> {
    if request.method == Method::GET {
        return Err(ApiError::odata(
            "An invalid HTTP method 'GET' was detected for a request in a change set. Requests in \
             change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'.",
        ));
    }
    let path = request.path.trim_start_matches('/');
    if let Some(path) = path.strip_prefix('$') {
        let (id, rest) = path.split_once('/').map_or((path, None), |(id, rest)| (id, Some(rest)));
        let row =
            content_ids.get(id).ok_or_else(|| ApiError::unknown_segment(&format!("${id}")))?;
        let address = format!("{}({})", row.table.table().entity_set, row.id);
        request.path = rest.map_or(address.clone(), |rest| format!("{address}/{rest}"));
    }
    Ok(())
}

fn content_id(headers: &HeaderMap) -> Option<String> {
    headers.get("content-id")?.to_str().ok().map(|id| id.trim().to_owned())
}

/// A 204 answer with the address of the row.
fn named(base: &str, row: Reference, created: bool) -> ApiResponse {
    let mut response = ApiResponse::empty(StatusCode::NO_CONTENT);
    let address = format!("{base}{}({})", row.table.table().entity_set, row.id);
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers.insert("odata-entityid", address.clone());
        if created {
            response.headers.insert(header::LOCATION, address);
        }
    }
    response.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    response
}
