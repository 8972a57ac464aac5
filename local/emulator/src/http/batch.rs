//! `$batch`: carries out the parts one after the other. A change set is one unit.

use http::{HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use super::carrying_out::{finished, handle, handle_change_set};
use super::incoming::{Dropped, Incoming, Served};
use super::multipart::{self, BatchPart, PartAnswer, content_id};
use crate::control::Shared;
use crate::control::log::LoggedPart;
use crate::control::strike::{self, After, Asked, Before, Service, Struck};
use crate::message::{ApiError, ApiRequest, ApiResponse, preferences};
use crate::organization::Caller;

/// Answers a `$batch`.
pub(super) async fn answer(
    shared: &Shared,
    caller: &Caller,
    request: &Incoming,
    base: &str,
) -> Served {
    let headers = &request.head.headers;
    if request.head.method != Method::POST {
        let message = "The requested resource does not support http method for a batch.";
        let refusal = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 0, message);
        return finished(shared, refusal.into_response(headers), Vec::new());
    }
    let asked = match multipart::parse(headers, &request.body, base) {
        Ok(parts) => parts,
        Err(refusal) => return finished(shared, refusal.into_response(headers), Vec::new()),
    };
    let continue_on_error = preferences(headers).any(|preference| {
        matches!(
            preference.to_ascii_lowercase().as_str(),
            "odata.continue-on-error" | "odata.continue-on-error=true"
        )
    });
    let mut parts: Vec<LoggedPart> = Vec::new();
    let mut answers = Vec::new();
    let mut status = StatusCode::OK;
    let mut retry_after = None;
    for part in asked {
        let first_part = parts.len();
        let answer = match part {
            BatchPart::Single(request) => {
                parts.push(logged(&request));
                single(shared, caller, request).await
            }
            BatchPart::ChangeSet(requests) => {
                parts.extend(requests.iter().map(logged));
                change_set(shared, caller, requests).await
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(dropped) => return Served { answer: Err(dropped), parts },
        };
        let failed = note_statuses(&answer, &mut parts[first_part..]);
        answers.push(answer);
        if failed && !continue_on_error {
            let failed = failed_part(answers.last());
            status = failed.map_or(StatusCode::BAD_REQUEST, |failed| failed.status);
            retry_after = failed.and_then(|it| it.headers.get(header::RETRY_AFTER)).cloned();
            break;
        }
    }
    let mut answer = multipart::answer(status, &answers);
    // Whoever is told to come back later is told when.
    if let Some(retry_after) = retry_after {
        answer.headers.insert(header::RETRY_AFTER, retry_after);
    }
    finished(shared, answer, parts)
}

/// The failed answer of a change set. It gives the batch that it ends its status; a request alone
/// gives 400.
fn failed_part(last: Option<&PartAnswer>) -> Option<&ApiResponse> {
    match last {
        Some(PartAnswer::ChangeSet(responses)) => {
            responses.iter().map(|(_, response)| response).find(|it| !is_success(it.status))
        }
        _ => None,
    }
}

fn logged(request: &ApiRequest) -> LoggedPart {
    LoggedPart {
        method: request.method.to_string(),
        path: format!("/{}", request.path),
        query: request.query.clone(),
        status: None,
    }
}

/// Writes the statuses into the parts in the log. Returns whether one of them is a failure.
fn note_statuses(answer: &PartAnswer, parts: &mut [LoggedPart]) -> bool {
    let responses: Vec<&ApiResponse> = match answer {
        PartAnswer::Single(_, response) => vec![response],
        PartAnswer::ChangeSet(responses) => {
            responses.iter().map(|(_, response)| response).collect()
        }
    };
    let failed = responses.iter().any(|response| !is_success(response.status));
    if failed && let Some(response) = responses.first() {
        // If a change set fails, nothing of it is done. So its parts share one answer.
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

/// A part in the form that faults need.
fn asked(request: &ApiRequest) -> Asked {
    Asked {
        service: Service::WebApi,
        method: request.method.clone(),
        paths: vec![format!("/{}", request.path)],
        headers: request.headers.clone(),
        base: request.base.split("/api/").next().unwrap_or_default().to_owned(),
    }
}

async fn single(
    shared: &Shared,
    caller: &Caller,
    request: ApiRequest,
) -> Result<PartAnswer, Dropped> {
    let id = content_id(&request);
    let asked = asked(&request);
    let work = handle(&shared.organization, caller, request);
    let answer = answer_of(strike::carry_out(shared, asked, work).await)?;
    Ok(PartAnswer::Single(id, in_batch(answer)))
}

async fn change_set(
    shared: &Shared,
    caller: &Caller,
    requests: Vec<ApiRequest>,
) -> Result<PartAnswer, Dropped> {
    let refused = |id, answer| Ok(PartAnswer::ChangeSet(vec![(id, in_batch(answer))]));
    let ids: Vec<_> = requests.iter().map(content_id).collect();
    let mut faults: Vec<(Asked, After)> = Vec::new();
    for (request, id) in requests.iter().zip(&ids) {
        let asked = asked(request);
        match strike::before(shared, &asked).await {
            Before::CarryOut(after) => faults.push((asked, after)),
            Before::Answer(answer) => return refused(id.clone(), answer),
            Before::Drop => return Err(Dropped),
        }
    }
    let answers = match handle_change_set(&shared.organization, caller, requests).await {
        Ok(answers) => answers,
        Err((index, answer)) => return refused(ids.get(index).cloned().flatten(), answer),
    };
    let mut responses = Vec::new();
    for ((answer, id), (asked, after)) in answers.into_iter().zip(ids).zip(faults) {
        let answer = answer_of(after.strike(shared, &asked, answer).await)?;
        responses.push((id, in_batch(answer)));
    }
    Ok(PartAnswer::ChangeSet(responses))
}

fn answer_of(struck: Struck<ApiResponse>) -> Result<ApiResponse, Dropped> {
    match struck {
        Struck::Done(answer) | Struck::Answered(answer, _) => Ok(answer),
        Struck::Dropped(_) => Err(Dropped),
    }
}
