//! Lets a fault strike a request.
//!
//! | kind | before the work | after it (`after_commit`) |
//! | --- | --- | --- |
//! | `drop` | the connection ends; nothing is done | the work is done, the connection ends |
//! | `slow` | `delay_ms` pass, then the work is done and answered | the work is done, its answer comes `delay_ms` later |
//! | all others | the fault answers; nothing is done | the work is done, the fault answers |
//!
//! A fault can strike a part of a `$batch` like a separate request, but if it drops the connection,
//! it drops the whole batch. If a fault answers a part of a change set before the work, the change
//! set is undone.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use super::fault::{Fault, FaultKind};
use super::shared::Shared;
use crate::identity::authentication::{self, TokenProblem};
use crate::message::{ApiError, ApiResponse};
use crate::organization::throttle;

/// The service whose form of refusal a fault uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The Web API, and Graph, which refuses in the same way here.
    WebApi,
    /// The token endpoint.
    Entra,
}

/// A request that faults may strike.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The service that answers the request.
    pub service: Service,
    /// The method of the request.
    pub method: Method,
    /// The paths by which a fault may name the request.
    pub paths: Vec<String>,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The scheme, host and port that the client used.
    pub base: String,
}

/// The decision about a request before the work.
#[derive(Debug)]
pub enum Before {
    /// The request is carried out.
    CarryOut(After),
    /// The request is not carried out. This is the answer.
    Answer(ApiResponse),
    /// The request is not carried out, and the connection ends.
    Drop,
}

/// The fault that will strike after the work is done, if any.
#[derive(Debug)]
pub struct After(Option<Box<Fault>>);

/// The outcome of a request.
#[derive(Debug)]
pub enum Struck<T> {
    /// The work was done, and its result is the answer.
    Done(T),
    /// The fault answers, whether the work was done or not.
    Answered(ApiResponse, Option<T>),
    /// The connection ends, whether the work was done or not.
    Dropped(Option<T>),
}

/// Carries out a request, unless an armed fault strikes it.
pub async fn carry_out<T>(
    shared: &Shared,
    asked: Asked,
    work: impl Future<Output = T>,
) -> Struck<T> {
    match before(shared, &asked).await {
        Before::Answer(answer) => Struck::Answered(answer, None),
        Before::Drop => Struck::Dropped(None),
        Before::CarryOut(after) => after.strike(shared, &asked, work.await).await,
    }
}

/// Decides about a request before the work.
pub async fn before(shared: &Shared, asked: &Asked) -> Before {
    let paths: Vec<&str> = asked.paths.iter().map(String::as_str).collect();
    let Some(fault) = shared.faults.take(&asked.method, &paths) else {
        return Before::CarryOut(After(None));
    };
    match fault.kind {
        _ if fault.after_commit => Before::CarryOut(After(Some(Box::new(fault)))),
        FaultKind::Drop => Before::Drop,
        FaultKind::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
            Before::CarryOut(After(None))
        }
        _ => Before::Answer(answer(shared, &fault, asked)),
    }
}

impl After {
    /// Lets the fault strike after the work.
    pub async fn strike<T>(self, shared: &Shared, asked: &Asked, done: T) -> Struck<T> {
        let Some(fault) = self.0 else { return Struck::Done(done) };
        match fault.kind {
            FaultKind::Drop => Struck::Dropped(Some(done)),
            FaultKind::Slow => {
                tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
                Struck::Done(done)
            }
            _ => Struck::Answered(answer(shared, &fault, asked), Some(done)),
        }
    }
}

/// The answer of a fault.
fn answer(shared: &Shared, fault: &Fault, asked: &Asked) -> ApiResponse {
    match (asked.service, fault.kind) {
        (_, FaultKind::Answer) => spelled_out(fault),
        (Service::WebApi, FaultKind::Throttle) => {
            let wait = fault.retry_after.unwrap_or(1);
            let limits = shared.throttle.limits();
            identified(throttle::refusal(fault.limit, limits, wait, &asked.headers))
        }
        (Service::WebApi, FaultKind::Unauthorized) => {
            identified(authentication::unauthorized(TokenProblem::Missing, &asked.base))
        }
        (Service::WebApi, FaultKind::Plugin) => {
            let message = fault.message.clone().unwrap_or_default();
            let error = ApiError::bad_request(0x8004_0265, message).named("IsvAborted");
            identified(error.into_response(&asked.headers))
        }
        // The kinds `drop` and `slow` have no answer, so they never get here.
        (Service::WebApi, FaultKind::Unavailable | FaultKind::Drop | FaultKind::Slow) => {
            retry_after(unavailable(), fault)
        }
        (Service::Entra, kind) => {
            let status = match kind {
                FaultKind::Throttle => StatusCode::TOO_MANY_REQUESTS,
                FaultKind::Unauthorized => StatusCode::UNAUTHORIZED,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            retry_after(shared.entra().unavailable(status), fault)
        }
    }
}

/// The answer that a fault gives literally. An error of Dataverse gets the usual ids. A complete
/// answer gets nothing more.
fn spelled_out(fault: &Fault) -> ApiResponse {
    match fault.answer() {
        Ok(answer) if fault.is_refusal() => identified(answer),
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "an armed fault has no answer");
            identified(ApiResponse::empty(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

/// The answer of the server in front of Dataverse, when Dataverse itself is down.
fn unavailable() -> ApiResponse {
    let mut answer = ApiResponse::empty(StatusCode::SERVICE_UNAVAILABLE);
    answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer.body =
        "<html><head><title>503 Service Temporarily Unavailable</title></head></html>".into();
    answer
}

fn retry_after(mut answer: ApiResponse, fault: &Fault) -> ApiResponse {
    if let Some(seconds) = fault.retry_after {
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Adds the ids by which Microsoft's support finds a request.
pub fn identified(mut answer: ApiResponse) -> ApiResponse {
    for name in ["req_id", "x-ms-service-request-id"] {
        if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
            answer.headers.insert(name, value);
        }
    }
    answer
}
