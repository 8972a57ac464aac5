//! A request to the Web API.

use bytes::Bytes;
use http::{HeaderMap, Method};

/// One request to the Web API, on its own or out of a `$batch`.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// Below `/api/data/v9.2/`, without a leading slash, still percent-encoded.
    pub path: String,
    /// Still percent-encoded.
    pub query: Option<String>,
    /// The headers; inside a change set they include the part's `Content-ID`.
    pub headers: HeaderMap,
    /// The body, empty where there is none.
    pub body: Bytes,
    /// What absolute links start with: `http://127.0.0.1:3001/api/data/v9.2/`.
    pub base: String,
}
