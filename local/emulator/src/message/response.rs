//! An answer of the Web API.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

/// The answer to an [`ApiRequest`](super::ApiRequest).
#[derive(Clone, Debug)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. It is empty if there is none.
    pub body: Bytes,
}

impl ApiResponse {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// An answer with a JSON body, with minimal metadata.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; odata.metadata=minimal"),
        );
        response.body = body.to_string().into();
        response
    }
}
