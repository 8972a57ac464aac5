//! Requests that write: one alone, or a change set, each all or nothing.

use std::collections::HashMap;

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;

use super::Organization;
use crate::api::{ApiError, ApiRequest, ApiResponse, Caller};
use crate::data::Reference;
use crate::odata::bind::Moment;
use crate::odata::resource;
use crate::preferences::Preferences;
use crate::read::Reader;
use crate::store::Store;
use crate::write::request::named;
use crate::write::{Outcome, Session, Writer};

impl Organization {
    /// Carries out a change set: all of it or nothing. The error is the number of the request that
    /// failed and its answer.
    pub fn change_set(
        &self,
        caller: &Caller,
        requests: Vec<ApiRequest>,
    ) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
        let mut store = self.store.write();
        let moment = self.moment(&store, caller);
        store.transaction(|store| {
            let mut content_ids = HashMap::new();
            let mut answers = Vec::with_capacity(requests.len());
            for (index, mut request) in requests.into_iter().enumerate() {
                let headers = request.headers.clone();
                let id = content_id(&headers);
                let answered = in_change_set(&mut request, &content_ids)
                    .and_then(|()| self.carry_out(store, caller, &request, moment, &content_ids));
                match answered {
                    Ok((made, answer)) => {
                        if let (Some(id), Some(made)) = (id, made) {
                            content_ids.insert(id, made);
                        }
                        answers.push(answer);
                    }
                    Err(error) => return Err((index, self.refusal(error, &headers))),
                }
            }
            Ok(answers)
        })
    }

    /// Carries out one request that writes.
    pub(super) fn change(
        &self,
        caller: &Caller,
        request: &ApiRequest,
    ) -> Result<ApiResponse, ApiError> {
        let mut store = self.store.write();
        let moment = self.moment(&store, caller);
        let no_content_ids = HashMap::new();
        store.transaction(|store| {
            self.carry_out(store, caller, request, moment, &no_content_ids)
                .map(|(_, answer)| answer)
        })
    }

    fn carry_out(
        &self,
        store: &mut Store,
        caller: &Caller,
        request: &ApiRequest,
        moment: Moment,
        content_ids: &HashMap<String, Reference>,
    ) -> Result<(Option<Reference>, ApiResponse), ApiError> {
        let resource = resource::parse(&request.path)?;
        let session = Session { apps: moment.apps, content_ids };
        // Dataverse keeps whole seconds.
        let now = Timestamp::from_second(moment.now.as_second()).unwrap_or(moment.now);
        let duplicate_rules = &*self.duplicate_rules.read();
        let mut writer = Writer { store, caller, now, numbers: &self.numbers, duplicate_rules };
        let outcome = session.carry_out(&mut writer, request, resource)?;
        let made = match outcome {
            Outcome::Created(row) | Outcome::Updated(row) | Outcome::Row(row, _) => Some(row),
            Outcome::Done | Outcome::Answer(_) => None,
        };
        Ok((made, answer(store, caller, request, moment, outcome)?))
    }
}

fn answer(
    store: &Store,
    caller: &Caller,
    request: &ApiRequest,
    moment: Moment,
    outcome: Outcome,
) -> Result<ApiResponse, ApiError> {
    let preferences = Preferences::of(&request.headers);
    let (row, status) = match outcome {
        Outcome::Done => return Ok(ApiResponse::empty(StatusCode::NO_CONTENT)),
        Outcome::Answer(answer) => return Ok(answer),
        Outcome::Row(row, columns) => {
            // What an action gives back is chosen by its own parameter, not by the URL.
            let mut request = request.clone();
            request.query = columns.map(|columns| format!("$select={}", columns.join(",")));
            let reader = Reader::new(store, caller, &request, moment)?;
            return shown(store, &reader, row, StatusCode::OK);
        }
        Outcome::Created(row) if preferences.representation => (row, StatusCode::CREATED),
        Outcome::Updated(row) if preferences.representation => (row, StatusCode::OK),
        Outcome::Created(row) => return Ok(named(&request.base, row, true)),
        Outcome::Updated(row) => return Ok(named(&request.base, row, false)),
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
    let row = store.follow(reference).ok_or_else(|| crate::read::not_found(table, reference.id))?;
    reader.representation(table, row, status)
}

/// Prepares a request of a change set: no reads, and `$1` in its path stands for a row made
/// before.
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
