//! A request as it arrived, and the outcome from a service.

use axum::body::{Body, Bytes};
use axum::response::Response;

use crate::control::log::LoggedPart;
use crate::message::ApiResponse;

/// The error that closes the connection without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is dropped by an armed fault")]
pub(super) struct Dropped;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    /// Method, URL and headers.
    pub head: http::request::Parts,
    /// The whole body.
    pub body: Bytes,
    /// The scheme, host and port that the client used.
    pub base: String,
    /// The number of the connection.
    pub connection: u64,
}

/// The outcome of a request.
#[derive(Debug)]
pub(super) struct Served {
    /// The answer.
    pub answer: Result<Response, Dropped>,
    /// The requests of a batch.
    pub parts: Vec<LoggedPart>,
}

impl From<Response> for Served {
    fn from(response: Response) -> Self {
        Self { answer: Ok(response), parts: Vec::new() }
    }
}

/// An answer of the Web API as HTTP.
pub(super) fn into_http(answer: ApiResponse) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
