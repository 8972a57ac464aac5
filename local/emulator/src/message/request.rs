//! A request to the Web API.

use bytes::Bytes;
use http::{HeaderMap, Method};

/// One request to the Web API, either alone or from a `$batch`.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path below `/api/data/v9.2/`, without a leading slash, still percent-encoded.
    pub path: String,
    /// The query, still percent-encoded.
    pub query: Option<String>,
    /// The headers. In a change set, they include the `Content-ID` of the part.
    pub headers: HeaderMap,
    /// The body. It is empty if there is none.
    pub body: Bytes,
    /// The beginning of absolute links: `http://127.0.0.1:3001/api/data/v9.2/`.
    pub base: String,
}
