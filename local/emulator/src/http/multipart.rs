//! The body of a `$batch` and of its answer: multipart, with one request or response in each part.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use super::paths::below_web_api;
use crate::message::{ApiError, ApiRequest, ApiResponse};

/// The most requests in one batch.
const MAX_REQUESTS: usize = 1_000;
/// The longest URL inside a batch.
const MAX_URL: usize = 65_536;

/// A part of a batch.
#[derive(Debug)]
pub(super) enum BatchPart {
    /// One request.
    Single(ApiRequest),
    /// Requests that are carried out together: all or none.
    ChangeSet(Vec<ApiRequest>),
}

/// The answer to a part.
#[derive(Debug)]
pub(super) enum PartAnswer {
    /// One response, with the request's content id.
    Single(Option<HeaderValue>, ApiResponse),
    /// The responses of a change set, each with the content id of its request. A failed change set
    /// has only one, that of the failed request.
    ChangeSet(Vec<(Option<HeaderValue>, ApiResponse)>),
}

/// The content id of a request inside a batch.
pub(super) fn content_id(request: &ApiRequest) -> Option<HeaderValue> {
    request.headers.get("content-id").cloned()
}

/// Reads a batch. `base` is the API's root, as in [`ApiRequest::base`].
pub(super) fn parse(
    headers: &HeaderMap,
    body: &Bytes,
    base: &str,
) -> Result<Vec<BatchPart>, ApiError> {
    let content_type = text(headers, &header::CONTENT_TYPE);
    let boundary = boundary(&content_type).ok_or_else(|| {
        ApiError::odata(format!(
            "The content type '{content_type}' is not valid for a batch: it must be \
             'multipart/mixed' with a boundary."
        ))
    })?;
    let mut batch = Vec::new();
    let mut requests = 0;
    for part in parts(body, &boundary)? {
        let (part_headers, content) = split_headers(part)?;
        let part_type = text(&part_headers, &header::CONTENT_TYPE);
        if let Some(boundary) = self::boundary(&part_type) {
            let change_set = change_set(content, &boundary, base)?;
            requests += change_set.len();
            batch.push(BatchPart::ChangeSet(change_set));
        } else {
            requests += 1;
            let request = request(&part_headers, &part_type, content, base)?;
            batch.push(BatchPart::Single(request));
        }
    }
    if requests > MAX_REQUESTS {
        return Err(ApiError::odata(format!(
            "The number of requests in the batch, {requests}, is over the limit of {MAX_REQUESTS}."
        )));
    }
    if requests == 0 {
        return Err(ApiError::odata("The batch has no requests."));
    }
    Ok(batch)
}

fn change_set(content: &[u8], boundary: &str, base: &str) -> Result<Vec<ApiRequest>, ApiError> {
    let mut requests: Vec<ApiRequest> = Vec::new();
    for part in parts(content, boundary)? {
        let (part_headers, content) = split_headers(part)?;
        let part_type = text(&part_headers, &header::CONTENT_TYPE);
        let request = request(&part_headers, &part_type, content, base)?;
        if request.method == Method::GET {
            return Err(ApiError::odata(
                "An invalid HTTP method 'GET' was detected for a request in a change set. \
                 Requests in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', \
                 and 'PATCH'.",
            ));
        }
        let Some(id) = content_id(&request) else {
            return Err(ApiError::odata("Content-ID header not present."));
        };
        if requests.iter().any(|other| content_id(other).is_some_and(|other| other == id)) {
            return Err(ApiError::odata(format!(
                "The content ID '{}' was found more than once in the same change set. Content \
                 IDs have to be unique across all operations of a change set.",
                String::from_utf8_lossy(id.as_bytes())
            )));
        }
        requests.push(request);
    }
    if requests.is_empty() {
        return Err(ApiError::odata("The change set has no requests."));
    }
    Ok(requests)
}

/// One `application/http` part.
fn request(
    part_headers: &HeaderMap,
    part_type: &str,
    content: &[u8],
    base: &str,
) -> Result<ApiRequest, ApiError> {
    if !part_type.to_ascii_lowercase().starts_with("application/http") {
        return Err(ApiError::odata(format!(
            "The content type '{part_type}' of a batch part is not valid: it must be \
             'application/http' or, for a change set, 'multipart/mixed'."
        )));
    }
    let (line, rest) = split_line(content)
        .ok_or_else(|| ApiError::odata("A request in the batch has no request line."))?;
    let line = String::from_utf8_lossy(line);
    // The URL is what stands between the first and the last space. It may hold spaces itself, as in
    // Microsoft's OData library.
    let parts = line.split_once(' ').and_then(|(method, rest)| {
        let (url, version) = rest.rsplit_once(' ')?;
        (version == "HTTP/1.1" && !url.is_empty()).then_some((method, url))
    });
    let Some((method, url)) = parts else {
        return Err(ApiError::odata(format!(
            "The request line '{line}' is invalid. The request line at the start of each \
             operation must be of the format 'HttpMethod RequestUrl HttpVersion'."
        )));
    };
    let method = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE]
        .into_iter()
        .find(|known| known.as_str() == method)
        .ok_or_else(|| ApiError::odata(format!("The HTTP method '{method}' is invalid.")))?;
    if url.len() > MAX_URL {
        return Err(ApiError::odata(format!(
            "A URL in the batch is longer than {MAX_URL} characters."
        )));
    }
    let (path, query) = below_root(url, base)?;
    let (mut headers, body) = split_headers(rest)?;
    if headers.contains_key("content-id") {
        // Only the content id of the part itself counts.
        headers.remove("content-id");
    }
    if let Some(id) = part_headers.get("content-id") {
        headers.insert("content-id", id.clone());
    }
    // After the body, only the line break before the next boundary may follow.
    let body = match headers
        .get(header::CONTENT_LENGTH)
        .and_then(|it| it.to_str().ok()?.parse().ok())
    {
        Some(length) if length <= body.len() => &body[..length],
        Some(_) => return Err(ApiError::odata("A request in the batch is shorter than it says.")),
        None => body,
    };
    let body = Bytes::copy_from_slice(body.trim_ascii());
    Ok(ApiRequest { method, path, query, headers, body, base: base.to_owned() })
}

/// The path and query of a URL in a batch. The URL may be absolute, start at the root, or be
/// relative to the API.
fn below_root(url: &str, base: &str) -> Result<(String, Option<String>), ApiError> {
    let from_root = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => url,
    };
    let below = if from_root.starts_with('/') {
        below_web_api(from_root).ok_or_else(|| {
            ApiError::odata(format!("The URL '{url}' in the batch is not below '{base}'."))
        })?
    } else {
        from_root
    };
    let (path, query) = match below.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (below, None),
    };
    if path.eq_ignore_ascii_case("$batch") {
        return Err(ApiError::odata("A batch must not contain another batch."));
    }
    Ok((path.to_owned(), query))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// The boundary of a `multipart/mixed` content type.
fn boundary(content_type: &str) -> Option<String> {
    let mut parameters = content_type.split(';');
    if !parameters.next()?.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty())
            .then(|| value.to_owned())
    })
}

/// The parts between the boundary lines.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<&'a [u8]>, ApiError> {
    let delimiter = format!("--{boundary}");
    let end = format!("--{boundary}--");
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let line_end = body[at..].iter().position(|byte| *byte == b'\n').map(|it| at + it + 1);
        let line = &body[at..line_end.unwrap_or(body.len())];
        let trimmed = line.trim_ascii_end();
        let closes = trimmed == end.as_bytes();
        if closes || trimmed == delimiter.as_bytes() {
            // Microsoft's documentation: "Each line must end with CRLF".
            if !closes && !line.ends_with(b"\r\n") {
                return Err(ApiError::odata("The lines of a batch must end with CRLF."));
            }
            if let Some(start) = start {
                parts.push(&body[start..at]);
            }
            if closes {
                return Ok(parts);
            }
            start = line_end;
        }
        at = line_end.unwrap_or(body.len());
    }
    Err(ApiError::odata(format!("The end of the batch, '{end}', was not found.")))
}

fn split_line(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = content.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&content[..end], &content[end + 2..]))
}

/// The headers up to the first empty line, and the rest.
fn split_headers(content: &[u8]) -> Result<(HeaderMap, &[u8]), ApiError> {
    let mut headers = HeaderMap::new();
    let mut rest = content;
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if line.is_empty() {
            return Ok((headers, rest));
        }
        let line = String::from_utf8_lossy(line);
        let invalid = || {
            ApiError::odata(format!(
                "The message header '{line}' is invalid. The header value must be of the format \
                 '<header name>: <header value>'."
            ))
        };
        let (name, value) = line.split_once(':').ok_or_else(invalid)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| invalid())?;
        // This follows Microsoft's OData library: `ReadHeaders`, and the place where it looks a
        // header up in any case.
        if headers.contains_key(&name) {
            return Err(ApiError::odata(format!(
                "The header '{name}' was specified multiple times. Each header must appear only \
                 once in a batch part."
            )));
        }
        headers.insert(name, HeaderValue::from_str(value.trim()).map_err(|_| invalid())?);
    }
    // A part may end after its headers, as a GET does.
    if rest.trim_ascii().is_empty() {
        return Ok((headers, &[]));
    }
    Err(ApiError::odata("The lines of a batch must end with CRLF."))
}

/// Writes the answer of a batch.
pub(super) fn answer(status: StatusCode, answers: &[PartAnswer]) -> ApiResponse {
    let boundary = format!("batchresponse_{}", Uuid::new_v4());
    let mut body = Vec::new();
    for answer in answers {
        push(&mut body, &format!("--{boundary}\r\n"));
        match answer {
            PartAnswer::Single(id, response) => push_response(&mut body, id.as_ref(), response),
            PartAnswer::ChangeSet(responses) => {
                let inner = format!("changesetresponse_{}", Uuid::new_v4());
                push(
                    &mut body,
                    &format!("Content-Type: multipart/mixed; boundary={inner}\r\n\r\n"),
                );
                for (id, response) in responses {
                    push(&mut body, &format!("--{inner}\r\n"));
                    push_response(&mut body, id.as_ref(), response);
                }
                push(&mut body, &format!("--{inner}--\r\n"));
            }
        }
    }
    push(&mut body, &format!("--{boundary}--\r\n"));
    let mut response = ApiResponse::empty(status);
    if let Ok(value) = HeaderValue::from_str(&format!("multipart/mixed; boundary={boundary}")) {
        response.headers.insert(header::CONTENT_TYPE, value);
    }
    response.body = body.into();
    response
}

fn push(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
}

fn push_response(body: &mut Vec<u8>, id: Option<&HeaderValue>, response: &ApiResponse) {
    push(body, "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(id) = id {
        push(body, "Content-ID: ");
        body.extend_from_slice(id.as_bytes());
        push(body, "\r\n");
    }
    let reason = response.status.canonical_reason().unwrap_or_default();
    push(body, &format!("\r\nHTTP/1.1 {} {reason}\r\n", response.status.as_u16()));
    for (name, value) in &response.headers {
        push(body, &format!("{}: ", title_case(name.as_str())));
        body.extend_from_slice(value.as_bytes());
        push(body, "\r\n");
    }
    push(body, "\r\n");
    body.extend_from_slice(&response.body);
    push(body, "\r\n");
}

/// The header name as Dataverse writes it in a batch. Some clients compare it with the case of the
/// letters, though the case does not matter in HTTP.
fn title_case(name: &str) -> String {
    match name {
        "odata-entityid" => return "OData-EntityId".to_owned(),
        "odata-version" => return "OData-Version".to_owned(),
        "req_id" => return "REQ_ID".to_owned(),
        "etag" => return "ETag".to_owned(),
        _ => {}
    }
    let mut capital = true;
    name.chars()
        .map(|character| {
            let shown = if capital { character.to_ascii_uppercase() } else { character };
            capital = character == '-';
            shown
        })
        .collect()
}
