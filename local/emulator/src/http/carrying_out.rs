//! Passes requests on to the organization in the background, so that long ones do not delay others,
//! and completes the answers.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::incoming::{Served, into_http};
use crate::control::Shared;
use crate::control::log::LoggedPart;
use crate::control::strike::identified;
use crate::message::{ApiError, ApiRequest, ApiResponse};
use crate::organization::{Caller, Organization};
use crate::service;

/// Carries out one request.
pub(super) async fn handle(
    organization: &Arc<Organization>,
    caller: &Caller,
    request: ApiRequest,
) -> ApiResponse {
    let (organization, caller) = (Arc::clone(organization), caller.clone());
    let headers = request.headers.clone();
    let work =
        tokio::task::spawn_blocking(move || service::handle(&organization, &caller, &request));
    work.await.unwrap_or_else(|panic| broken(&headers, &panic))
}

/// Carries out a change set.
pub(super) async fn handle_change_set(
    organization: &Arc<Organization>,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
    let (organization, caller) = (Arc::clone(organization), caller.clone());
    let work = tokio::task::spawn_blocking(move || {
        service::handle_change_set(&organization, &caller, requests)
    });
    work.await.unwrap_or_else(|panic| Err((0, broken(&HeaderMap::new(), &panic))))
}

/// The answer for a defect of the emulator itself. It must not look like an answer of Dataverse.
fn broken(headers: &HeaderMap, panic: &tokio::task::JoinError) -> ApiResponse {
    tracing::error!(%panic, "the emulator failed on a request");
    let message = "The emulator itself failed on this request; its log says where.";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, 0x8004_0216, message).into_response(headers)
}

/// Adds the headers that every answer of Dataverse has.
pub(super) fn finished(shared: &Shared, mut answer: ApiResponse, parts: Vec<LoggedPart>) -> Served {
    answer.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    answer.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    let mut answer = identified(answer);
    answer.headers.extend(shared.throttle.headers());
    Served { answer: Ok(into_http(answer)), parts }
}
