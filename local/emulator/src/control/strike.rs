//! What a fault does to a request that it strikes.
//!
//! | kind | before the work | after it (`after_commit`) |
//! | --- | --- | --- |
//! | `drop` | the connection ends; nothing is done | the work is done, the connection ends |
//! | `slow` | `delay_ms` pass, then the work is done and answered | the work is done, its answer comes `delay_ms` later |
//! | all others | the fault answers; nothing is done | the work is done, the fault answers |
//!
//! A part of a `$batch` is struck like a request of its own, but what drops the connection drops
//! all of the batch. A part of a change set that a fault answers before the work undoes the set.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use super::fault::{Fault, FaultKind};
use super::shared::Shared;
use crate::identity::authentication::{self, TokenProblem};
use crate::message::{ApiError, ApiResponse};
use crate::organization::throttle;

/// Whose way of refusing a fault takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The Web API, and Graph, which refuses alike here.
    WebApi,
    /// The token endpoint.
    Entra,
}

/// A request that faults may strike.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who answers it.
    pub service: Service,
    /// Its method.
    pub method: Method,
    /// The paths that a fault may name it by.
    pub paths: Vec<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Scheme, host and port that the client used.
    pub base: String,
}

/// How a request goes on.
#[derive(Debug)]
pub enum Before {
    /// It is carried out.
    CarryOut(After),
    /// It is not: this is the answer.
    Answer(ApiResponse),
    /// It is not, and the connection ends.
    Drop,
}

/// The fault that is still to strike once the work is done.
#[derive(Debug)]
pub struct After(Option<Box<Fault>>);

/// What a request comes to.
#[derive(Debug)]
pub enum Struck<T> {
    /// The work was done and stands as its own answer.
    Done(T),
    /// The fault answers; the work was done, or not.
    Answered(ApiResponse, Option<T>),
    /// The connection ends; the work was done, or not.
    Dropped(Option<T>),
}

/// Carries out a request as the armed faults let it.
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

/// What happens before the work.
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
    /// What happens after the work.
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

/// What a fault answers.
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
        // A drop and a delay have no answer of their own and never get here.
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

/// An error of Dataverse gets the ids that go with it; whoever spelled out all of the answer wants
/// no more in it.
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

/// A server that is not there: what stands before it answers.
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

/// An answer with the ids by which Microsoft's support finds a request.
pub fn identified(mut answer: ApiResponse) -> ApiResponse {
    for name in ["req_id", "x-ms-service-request-id"] {
        if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
            answer.headers.insert(name, value);
        }
    }
    answer
}
