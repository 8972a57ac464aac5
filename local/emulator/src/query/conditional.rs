//! Conditional reads: a client that has a version gets it once.

use http::{HeaderMap, HeaderValue, header};

use crate::message::ApiResponse;

/// Whether `If-None-Match` names this version. Clients send `null` to turn off caching.
pub(super) fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim() == etag)
}

/// The answer with the version of its row.
pub(super) fn with_etag(mut response: ApiResponse, etag: &str) -> ApiResponse {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers.insert(header::ETAG, etag);
    }
    response
}
