//! The Web API's entry: authentication, limits, batches; everything else is the organization's.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use crate::api::{ApiError, ApiRequest, ApiResponse, Caller, preferences};
use crate::authentication::{self, TokenProblem};
use crate::batch::{self, Answer, Operation};
use crate::faults::{Fault, Kind};
use crate::log::Part;
use crate::organization::Organization;
use crate::shell::{Dropped, Incoming, Outcome, Shell, into_http};
use crate::throttle;

/// The longest URL, path and query together (Microsoft's documentation, "Query data using the Web
/// API").
const MAX_URL: usize = 32_768;

/// What is below the API's root in a path; the minor versions 9.0 to 9.2 are one and the same.
pub fn below_root(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/api/data/v9.")?;
    let rest = rest.strip_prefix(['0', '1', '2'])?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// Answers a request to the Web API; `path` is below its root.
pub async fn answer(shell: &Shell, path: &str, request: &Incoming) -> Outcome {
    let headers = &request.head.headers;
    let caller = authentication::caller(
        headers,
        &shell.tokens,
        &shell.clock,
        &shell.instance,
        &shell.application,
        &request.base,
    );
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return finished(shell, refusal, Vec::new()),
    };
    let admission = match shell.throttle.admit() {
        Ok(admission) => admission,
        Err((facet, limits, wait)) => {
            let refusal = throttle::refusal(facet, limits, wait, headers);
            return finished(shell, refusal, Vec::new());
        }
    };
    let uri = &request.head.uri;
    if uri.path_and_query().is_some_and(|it| it.as_str().len() > MAX_URL) {
        return finished(shell, ApiResponse::empty(StatusCode::URI_TOO_LONG), Vec::new());
    }
    let version = &uri.path()[..uri.path().len() - path.len()];
    let base = format!("{}{}/", request.base, version.trim_end_matches('/'));
    let outcome = if path.eq_ignore_ascii_case("$batch") {
        batch(shell, &caller, request, &base).await
    } else {
        let api_request = ApiRequest {
            method: request.head.method.clone(),
            path: path.to_owned(),
            query: uri.query().map(str::to_owned),
            headers: headers.clone(),
            body: request.body.clone(),
            base,
        };
        let answer = handle(&shell.organization, &caller, api_request).await;
        finished(shell, answer, Vec::new())
    };
    drop(admission);
    outcome
}

/// Carries one request out where it may take its time without holding up others.
async fn handle(
    organization: &Arc<Organization>,
    caller: &Caller,
    request: ApiRequest,
) -> ApiResponse {
    let (organization, caller) = (Arc::clone(organization), caller.clone());
    let headers = request.headers.clone();
    let work = tokio::task::spawn_blocking(move || organization.handle(&caller, request));
    work.await.unwrap_or_else(|panic| broken(&headers, &panic))
}

async fn handle_change_set(
    organization: &Arc<Organization>,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
    let (organization, caller) = (Arc::clone(organization), caller.clone());
    let work = tokio::task::spawn_blocking(move || organization.change_set(&caller, requests));
    work.await.unwrap_or_else(|panic| Err((0, broken(&HeaderMap::new(), &panic))))
}

/// A fault of the emulator itself: never to be taken for an answer of Dataverse.
fn broken(headers: &HeaderMap, panic: &tokio::task::JoinError) -> ApiResponse {
    tracing::error!(%panic, "the emulator failed on a request");
    let message = "The emulator itself failed on this request; its log says where.";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, 0x8004_0216, message).into_response(headers)
}

/// Adds what every answer of Dataverse carries.
fn finished(shell: &Shell, mut answer: ApiResponse, parts: Vec<Part>) -> Outcome {
    answer.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    answer.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    identify(&mut answer);
    answer.headers.extend(shell.throttle.headers());
    Outcome { answer: Ok(into_http(answer)), parts }
}

/// The ids by which Microsoft's support finds a request.
fn identify(answer: &mut ApiResponse) {
    for name in ["req_id", "x-ms-service-request-id"] {
        if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
            answer.headers.insert(name, value);
        }
    }
}

/// The answer of a request that fails by an armed fault.
pub fn failed(shell: &Shell, fault: &Fault, headers: &HeaderMap, base: &str) -> ApiResponse {
    let mut answer = match fault.kind {
        Kind::Throttle => {
            let wait = fault.retry_after.unwrap_or(1);
            throttle::refusal(fault.limit, shell.throttle.limits(), wait, headers)
        }
        Kind::Unauthorized => authentication::unauthorized(TokenProblem::Missing, base),
        Kind::Plugin => {
            let message = fault.message.clone().unwrap_or_default();
            ApiError::bad_request(0x8004_0265, message).named("IsvAborted").into_response(headers)
        }
        Kind::Answer => match fault.answer() {
            Ok(answer) if fault.is_refusal() => answer,
            // Whoever spelled out all of the answer wants no more in it.
            Ok(answer) => return answer,
            Err(error) => {
                tracing::error!(%error, "an armed fault has no answer");
                ApiResponse::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        },
        // Drop and Slow have no answer of their own: what is left is a server that is not there.
        Kind::Unavailable | Kind::Drop | Kind::Slow => {
            let mut answer = ApiResponse::empty(StatusCode::SERVICE_UNAVAILABLE);
            let html =
                "<html><head><title>503 Service Temporarily Unavailable</title></head></html>";
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            answer.body = html.into();
            if let Some(seconds) = fault.retry_after {
                answer.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return answer;
        }
    };
    identify(&mut answer);
    answer
}

async fn batch(shell: &Shell, caller: &Caller, request: &Incoming, base: &str) -> Outcome {
    let headers = &request.head.headers;
    if request.head.method != Method::POST {
        let message = "The requested resource does not support http method for a batch.";
        let refusal = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 0, message);
        return finished(shell, refusal.into_response(headers), Vec::new());
    }
    let operations = match batch::parse(headers, &request.body, base) {
        Ok(operations) => operations,
        Err(refusal) => return finished(shell, refusal.into_response(headers), Vec::new()),
    };
    let continue_on_error = preferences(headers).any(|preference| {
        matches!(
            preference.to_ascii_lowercase().as_str(),
            "odata.continue-on-error" | "odata.continue-on-error=true"
        )
    });
    let mut parts: Vec<Part> = Vec::new();
    let mut answers = Vec::new();
    let mut status = StatusCode::OK;
    for operation in operations {
        let first_part = parts.len();
        let answer = match operation {
            Operation::Single(request) => {
                parts.push(part(&request));
                single(shell, caller, request).await
            }
            Operation::ChangeSet(requests) => {
                parts.extend(requests.iter().map(part));
                change_set(shell, caller, requests).await
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(dropped) => return Outcome { answer: Err(dropped), parts },
        };
        let failed = note_statuses(&answer, &mut parts[first_part..]);
        answers.push(answer);
        if failed && !continue_on_error {
            status = StatusCode::BAD_REQUEST;
            break;
        }
    }
    finished(shell, batch::answer(status, &answers), parts)
}

fn part(request: &ApiRequest) -> Part {
    Part {
        method: request.method.to_string(),
        path: format!("/{}", request.path),
        query: request.query.clone(),
        status: None,
    }
}

/// Writes the statuses into the log's parts; whether one of them is a failure.
fn note_statuses(answer: &Answer, parts: &mut [Part]) -> bool {
    let responses: Vec<&ApiResponse> = match answer {
        Answer::Single(_, response) => vec![response],
        Answer::ChangeSet(responses) => responses.iter().map(|(_, response)| response).collect(),
    };
    let failed = responses.iter().any(|response| !is_success(response.status));
    if failed && let Some(response) = responses.first() {
        // Of a change set that failed nothing was done, so its parts share the one answer.
        for part in parts.iter_mut() {
            part.status = Some(response.status.as_u16());
        }
    } else {
        for (part, response) in parts.iter_mut().zip(&responses) {
            part.status = Some(response.status.as_u16());
        }
    }
    failed
}

fn is_success(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::NOT_MODIFIED
}

fn in_batch(mut answer: ApiResponse) -> ApiResponse {
    answer.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    if !is_success(answer.status)
        && let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string())
    {
        answer.headers.insert("req_id", value);
    }
    answer
}

/// What a fault does to a request inside a batch before it is carried out, and which is to strike
/// afterwards.
async fn before(
    shell: &Shell,
    request: &ApiRequest,
) -> Result<(Option<ApiResponse>, Option<Fault>), Dropped> {
    let path = format!("/{}", request.path);
    let Some(fault) = shell.faults.take(&request.method, &[&path]) else {
        return Ok((None, None));
    };
    match fault.kind {
        _ if fault.after_commit => Ok((None, Some(fault))),
        Kind::Drop => Err(Dropped),
        Kind::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
            Ok((None, None))
        }
        _ => {
            let root = request.base.split("/api/").next().unwrap_or_default();
            Ok((Some(failed(shell, &fault, &request.headers, root)), None))
        }
    }
}

async fn after(
    shell: &Shell,
    fault: Option<Fault>,
    answer: ApiResponse,
    headers: &HeaderMap,
    base: &str,
) -> Result<ApiResponse, Dropped> {
    let Some(fault) = fault else { return Ok(answer) };
    match fault.kind {
        Kind::Drop => Err(Dropped),
        Kind::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
            Ok(answer)
        }
        _ => Ok(failed(shell, &fault, headers, base.split("/api/").next().unwrap_or_default())),
    }
}

async fn single(shell: &Shell, caller: &Caller, request: ApiRequest) -> Result<Answer, Dropped> {
    let id = batch::content_id(&request);
    let (headers, base) = (request.headers.clone(), request.base.clone());
    let (refusal, later) = before(shell, &request).await?;
    let answer = match refusal {
        Some(refusal) => refusal,
        None => {
            let answer = handle(&shell.organization, caller, request).await;
            after(shell, later, answer, &headers, &base).await?
        }
    };
    Ok(Answer::Single(id, in_batch(answer)))
}

async fn change_set(
    shell: &Shell,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<Answer, Dropped> {
    let ids: Vec<_> = requests.iter().map(batch::content_id).collect();
    let mut later = Vec::new();
    for (request, id) in requests.iter().zip(&ids) {
        let (refusal, fault) = before(shell, request).await?;
        if let Some(refusal) = refusal {
            return Ok(Answer::ChangeSet(vec![(id.clone(), in_batch(refusal))]));
        }
        later.push((fault, request.headers.clone(), request.base.clone()));
    }
    let done = handle_change_set(&shell.organization, caller, requests).await;
    let answers = match done {
        Ok(answers) => answers,
        Err((index, answer)) => {
            let id = ids.get(index).cloned().flatten();
            return Ok(Answer::ChangeSet(vec![(id, in_batch(answer))]));
        }
    };
    let mut responses = Vec::new();
    for ((answer, id), (fault, headers, base)) in answers.into_iter().zip(ids).zip(later) {
        let answer = after(shell, fault, answer, &headers, &base).await?;
        responses.push((id, in_batch(answer)));
    }
    Ok(Answer::ChangeSet(responses))
}
