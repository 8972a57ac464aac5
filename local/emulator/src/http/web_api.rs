//! The entry of the Web API: authentication, limits and batches. The organization does the rest.

use http::StatusCode;

use super::batch;
use super::carrying_out::{finished, handle};
use super::incoming::{Incoming, Served};
use crate::control::Shared;
use crate::identity::authentication;
use crate::message::{ApiRequest, ApiResponse};
use crate::organization::throttle;

/// The longest URL: path and query together (Microsoft's documentation, "Query data using the Web
/// API").
const MAX_URL: usize = 32_768;

/// Answers a request to the Web API. `path` is the path below its root.
pub(super) async fn answer(shared: &Shared, path: &str, request: &Incoming) -> Served {
    let headers = &request.head.headers;
    let caller = authentication::caller(
        headers,
        &shared.tokens,
        &shared.clock,
        &shared.instance,
        &shared.application,
        &request.base,
    );
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return finished(shared, refusal, Vec::new()),
    };
    let admission = match shared.throttle.admit() {
        Ok(admission) => admission,
        Err((limit, limits, wait)) => {
            let refusal = throttle::refusal(limit, limits, wait, headers);
            return finished(shared, refusal, Vec::new());
        }
    };
    let uri = &request.head.uri;
    if uri.path_and_query().is_some_and(|it| it.as_str().len() > MAX_URL) {
        return finished(shared, ApiResponse::empty(StatusCode::URI_TOO_LONG), Vec::new());
    }
    let version = &uri.path()[..uri.path().len() - path.len()];
    let base = format!("{}{}/", request.base, version.trim_end_matches('/'));
    let outcome = if path.eq_ignore_ascii_case("$batch") {
        batch::answer(shared, &caller, request, &base).await
    } else {
        let api_request = ApiRequest {
            method: request.head.method.clone(),
            path: path.to_owned(),
            query: uri.query().map(str::to_owned),
            headers: headers.clone(),
            body: request.body.clone(),
            base,
        };
        let answer = handle(&shared.organization, &caller, api_request).await;
        finished(shared, answer, Vec::new())
    };
    drop(admission);
    outcome
}
