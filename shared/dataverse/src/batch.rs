//! `$batch`: several requests in one trip, as `multipart/mixed`.
//!
//! Source: Microsoft's page on batch operations of the Web API. Lines end with CRLF, inner URLs may
//! be relative to the service root's host, every part of a change set has a `Content-ID`, and the
//! first failure ends the batch unless `Prefer: odata.continue-on-error` is sent.

use std::io::Write as _;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::exchange::{Answer, Request};

/// A batch request's body and the boundary that its `Content-Type` names.
pub(crate) struct Encoded {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// A batch of requests that do not depend on each other.
pub(crate) fn of_reads(requests: &[Request]) -> Encoded {
    let boundary = format!("batch_{}", Uuid::new_v4());
    let mut body = Vec::with_capacity(1024 * requests.len());
    for request in requests {
        part(&mut body, &boundary, None, request);
    }
    finish(body, &boundary)
}

/// A batch with the requests as one change set.
pub(crate) fn of_change_set(requests: &[Request]) -> Encoded {
    let boundary = format!("batch_{}", Uuid::new_v4());
    let inner = format!("changeset_{}", Uuid::new_v4());
    let mut body = Vec::with_capacity(1024 * requests.len());
    // Writing to a Vec cannot fail, here and below.
    let _ =
        write!(body, "--{boundary}\r\nContent-Type: multipart/mixed; boundary=\"{inner}\"\r\n\r\n");
    for (position, request) in requests.iter().enumerate() {
        part(&mut body, &inner, Some(position + 1), request);
    }
    let _ = write!(body, "--{inner}--\r\n");
    finish(body, &boundary)
}

fn finish(mut body: Vec<u8>, boundary: &str) -> Encoded {
    let _ = write!(body, "--{boundary}--\r\n");
    Encoded {
        content_type: format!("multipart/mixed; boundary=\"{boundary}\""),
        body: Bytes::from(body),
    }
}

fn part(body: &mut Vec<u8>, boundary: &str, content_id: Option<usize>, request: &Request) {
    let _ = write!(
        body,
        "--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    );
    if let Some(content_id) = content_id {
        let _ = write!(body, "Content-ID: {content_id}\r\n");
    }
    let _ = write!(body, "\r\n{} /api/data/v9.2/{} HTTP/1.1\r\n", request.method, request.path);
    body.extend_from_slice(b"Accept: application/json\r\n");
    for (name, value) in &request.headers {
        // A part that has a header twice is refused by Microsoft's OData library.
        if name == CONTENT_TYPE {
            continue;
        }
        for text in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            body.extend_from_slice(text);
        }
    }
    if let Some(content) = &request.body {
        // Microsoft's own examples leave the length out; a body of known length is read either way.
        let length = content.len();
        let _ = write!(
            body,
            "Content-Type: application/json; type=entry\r\nContent-Length: {length}\r\n\r\n"
        );
        body.extend_from_slice(content);
    }
    body.extend_from_slice(b"\r\n");
}

/// Why a batch's answer could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("no boundary in the batch's content type")]
    NoBoundary,
    #[error("a part of the batch is not HTTP")]
    NotHttp,
    #[error("the batch's parts are nested too deep")]
    TooDeep,
    #[error("the batch has too many parts")]
    TooMany,
}

/// How deep parts may be nested. A change set in a batch is the second level, and Dataverse has no
/// third. Each level takes some of the stack.
const DEEPEST: usize = 4;

/// How many parts a batch may have: Dataverse takes 1,000 requests in one.
const MOST_PARTS: usize = 1000;

/// The answers of a batch, in order. Those of a change set stand where the change set does.
pub(crate) fn answers(content_type: &str, body: &Bytes) -> Result<Vec<Answer>, Malformed> {
    let mut answers = Vec::new();
    collect(content_type, body, 1, &mut answers)?;
    Ok(answers)
}

fn collect(
    content_type: &str,
    body: &Bytes,
    depth: usize,
    answers: &mut Vec<Answer>,
) -> Result<(), Malformed> {
    if depth > DEEPEST {
        return Err(Malformed::TooDeep);
    }
    let boundary = boundary(content_type).ok_or(Malformed::NoBoundary)?;
    for content in parts(body, boundary)? {
        let (content_type, rest) = part_content(&content)?;
        if content_type.starts_with("multipart/mixed") {
            collect(content_type, &rest, depth + 1, answers)?;
        } else if answers.len() == MOST_PARTS {
            return Err(Malformed::TooMany);
        } else {
            answers.push(answer(&rest)?);
        }
    }
    Ok(())
}

fn boundary(content_type: &str) -> Option<&str> {
    let (_, after) = content_type.split_once("boundary=")?;
    Some(after.split(';').next()?.trim().trim_matches('"'))
}

/// The parts between the boundaries.
fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Bytes>, Malformed> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut start = None;
    let mut position = 0;
    let mut ends = memchr::memchr_iter(b'\n', body).map(|end| end + 1).chain([body.len()]);
    while position < body.len() {
        let Some(end) = ends.next() else { break };
        let line = &body[position..end];
        let text = line.trim_ascii_end();
        let suffix = text.strip_prefix(delimiter.as_bytes());
        if let Some(suffix @ (b"" | b"--")) = suffix {
            if let Some(start) = start {
                if parts.len() == MOST_PARTS {
                    return Err(Malformed::TooMany);
                }
                parts.push(body.slice(start..position));
            }
            start = (suffix.is_empty()).then_some(end);
        }
        position = end;
    }
    Ok(parts)
}

/// The content type of a part, empty where it has none, and its content.
fn part_content(content: &Bytes) -> Result<(&str, Bytes), Malformed> {
    let mut slots = [httparse::EMPTY_HEADER; 16];
    let Ok(httparse::Status::Complete((length, headers))) =
        httparse::parse_headers(content, &mut slots)
    else {
        return Err(Malformed::NotHttp);
    };
    let content_type =
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
    let content_type =
        content_type.and_then(|header| str::from_utf8(header.value).ok()).unwrap_or_default();
    Ok((content_type, content.slice(length..)))
}

fn answer(content: &Bytes) -> Result<Answer, Malformed> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut slots);
    let Ok(httparse::Status::Complete(length)) = response.parse(content) else {
        return Err(Malformed::NotHttp);
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Malformed::NotHttp)?;
    // Only the headers of errors are read.
    let headers = if status.is_success() { HeaderMap::new() } else { header_map(response.headers) };
    let rest = content.slice(length..);
    let body = rest.slice_ref(rest.trim_ascii());
    Ok(Answer { status, headers, body })
}

fn header_map(headers: &[httparse::Header<'_>]) -> HeaderMap {
    headers
        .iter()
        .filter_map(|header| {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(header.value).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "--batchresponse_1\r\nContent-Type: application/http\r\n\
        Content-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\
        \r\nOData-Version: 4.0\r\n\r\n{\"value\":[]}\r\n--batchresponse_1\r\nContent-Type: \
        multipart/mixed; boundary=changesetresponse_2\r\n\r\n--changesetresponse_2\r\nContent-Type: \
        application/http\r\nContent-ID: 1\r\n\r\nHTTP/1.1 204 No Content\r\nOData-EntityId: x\r\n\r\n\
        \r\n--changesetresponse_2--\r\n--batchresponse_1\r\nContent-Type: application/http\r\n\r\n\
        HTTP/1.1 404 Not Found\r\nREQ_ID: 7\r\n\r\n{\"error\":{\"code\":\"\",\"message\":\"m\"}}\r\n\
        --batchresponse_1--\r\n";

    #[test]
    fn reads_answers_in_order() {
        let body = Bytes::from_static(ANSWER.as_bytes());
        let answers = answers("multipart/mixed; boundary=batchresponse_1", &body).unwrap();
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(statuses, [200, 204, 404]);
        assert_eq!(answers[0].body, "{\"value\":[]}");
        assert_eq!(answers[1].body, "");
        assert_eq!(answers[2].headers["req_id"], "7");
    }

    #[test]
    fn nesting_and_numbers_have_an_end() {
        let nested = |levels: usize| {
            let mut body = String::new();
            for level in 0..levels {
                body += &format!(
                    "--{level}\r\nContent-Type: multipart/mixed; boundary={}\r\n\r\n",
                    level + 1
                );
            }
            body += &format!("--{levels}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{{}}\r\n");
            for level in (0..=levels).rev() {
                body += &format!("--{level}--\r\n");
            }
            answers("multipart/mixed; boundary=0", &Bytes::from(body))
        };
        assert_eq!(nested(1).unwrap().len(), 1);
        assert_eq!(nested(3).unwrap().len(), 1);
        assert!(matches!(nested(4), Err(Malformed::TooDeep)));
        // This is as deep as a process's stack was once. It must be refused, not tried.
        assert!(matches!(nested(20_000), Err(Malformed::TooDeep)));

        let parts = |count: usize| {
            let body = "--0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n".repeat(count) + "--0--\r\n";
            answers("multipart/mixed; boundary=0", &Bytes::from(body))
        };
        assert_eq!(parts(1000).unwrap().len(), 1000);
        assert!(matches!(parts(1001), Err(Malformed::TooMany)));
    }

    proptest! {
        #[test]
        fn never_panics(body in ".{0,200}", cut in 0..ANSWER.len()) {
            let _ = answers("multipart/mixed; boundary=\"b\"", &Bytes::from(format!("--b\n{body}")));
            let _ = answers("multipart/mixed; boundary=batchresponse_1", &Bytes::from(&ANSWER[..cut]));
        }
    }
}
