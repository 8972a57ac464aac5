//! The tools and the starter templates over the Model Context Protocol, at `POST /mcp`.
//!
//! It is Streamable HTTP without sessions: each request stands for itself, as a Lambda function
//! needs it. A tool call goes to the same [`Service`] that answers `POST /v1/tools/{tool}`, so it
//! is checked, logged and noted in the activity log like any other. No other crate uses the types
//! of `rmcp`.

mod message;
mod outline;
mod protocol;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use catalog::Selection;
use futures::FutureExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use toolkit::operation::{Parameters as _, names_of};
use toolkit::{
    BODY_LIMIT, Call, Caller, Definition, ErrorCode, Front, GRACE, Incoming, Journal, Origins,
    Service, ToolError,
};

use crate::message::{Message, Messages, RpcError, UNNAMED};
use crate::protocol::Protocol;

/// What is known of a message besides its text.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    pub(crate) selection: Selection,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: String,
    pub(crate) deadline: Instant,
    /// Whether a tool was called, which has its own line in the log.
    pub(crate) called: Arc<AtomicBool>,
}

impl Visit {
    /// The same for the next message.
    fn of_message(&self) -> Arc<Visit> {
        Arc::new(Visit { called: Arc::default(), ..self.clone() })
    }
}

/// Answers the protocol's messages. Cheap to clone.
#[derive(Clone)]
pub struct Mcp {
    tools: Service,
    /// The names of the parameters that select tools.
    parameters: Vec<String>,
    protocol: StreamableHttpService<Protocol, NeverSessionManager>,
    origins: Origins,
}

/// The error for a page of a site that may not call.
const FOREIGN_ORIGIN: &str = "the header Origin names a site that is not among those whose requests this \
    server takes; whoever runs it can list the site: parameter AllowedOrigins, or --allowed-origin";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Mcp {
    /// Serves the tools of this service, and the templates that only need those. It fails if a
    /// tool's definition is not one of the protocol's.
    pub fn new(tools: Service) -> Result<Mcp, serde_json::Error> {
        let definitions: Vec<Definition> =
            tools.handler().declarations().iter().filter_map(|it| it.definition.clone()).collect();
        let protocol = Protocol::new(tools.clone(), &definitions)?;
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_sse_keep_alive(None)
            .with_max_request_body_bytes(BODY_LIMIT)
            // `Origins` has checked the site before a message comes here, and the API may be
            // published under any host.
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let protocol = StreamableHttpService::new(
            move || Ok(protocol.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        );
        Ok(Mcp {
            tools,
            parameters: names_of::<Selection>(),
            protocol,
            origins: Origins::default(),
        })
    }

    /// Lets pages of these sites call. By default no page may (the protocol's "Security Warning" of
    /// Streamable HTTP).
    #[must_use]
    pub fn with_allowed_origins(self, origins: Origins) -> Mcp {
        Mcp { origins, ..self }
    }

    /// Finds out who calls, and for which tools.
    async fn visit(&self, incoming: &Incoming, call: &mut Call) -> Result<Visit, ToolError> {
        let now = Instant::now();
        let caller = self.tools.caller(incoming).await?;
        call.client = Some(caller.client.clone());
        let selection = Selection::read(incoming.parameters(&self.parameters)?)?;
        Ok(Visit {
            caller,
            selection,
            headers: incoming.headers.clone(),
            request_id: incoming.request_id.clone(),
            // All messages share it. If the header is wrong, each call says so.
            deadline: incoming.answer_by(now).unwrap_or(incoming.deadline),
            called: Arc::default(),
        })
    }

    /// Checks a request, and answers its messages.
    async fn exchange(&self, incoming: Incoming) -> Response<Bytes> {
        let mut line = Line::of(UNNAMED, &incoming.request_id);
        if !self.origins.admit(&incoming.headers) {
            let fault = RpcError::request(FOREIGN_ORIGIN.to_owned());
            return line.end(refused(StatusCode::FORBIDDEN, &fault, &Value::Null));
        }
        let visit = match self.visit(&incoming, &mut line.call).await {
            Ok(visit) => visit,
            Err(error) => return self.tools.refuse(error, &line.call, &incoming.request_id),
        };
        let Incoming { method, path, headers, body, .. } = incoming;
        let text = body.into_text();
        if text.len() > BODY_LIMIT {
            let fault =
                RpcError::request(format!("a message must have at most {BODY_LIMIT} bytes"));
            return line.end(refused(StatusCode::PAYLOAD_TOO_LARGE, &fault, &Value::Null));
        }
        let messages = if method == Method::POST {
            Messages::of(&text, &headers)
        } else {
            Ok(Messages::One(Message::unread(text)))
        };
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = method;
        // There is only one address, so a wrong path may become "/".
        parts.uri = path.parse().unwrap_or_default();
        parts.headers = headers;
        // The answer is always JSON, whatever the client accepts, but the protocol wants both
        // named.
        let both = HeaderValue::from_static("application/json, text/event-stream");
        parts.headers.insert(ACCEPT, both);
        match messages {
            Ok(Messages::One(message)) => self.one(parts, &message, &visit).await,
            Ok(Messages::Batch(batch)) => self.several(&parts, batch, &visit).await,
            Err(fault) => line.end(refused(StatusCode::BAD_REQUEST, &fault, &Value::Null)),
        }
    }

    /// Answers a message. If it calls no tool, it gets its line in the log here.
    async fn one(&self, parts: Parts, message: &Message, visit: &Visit) -> Response<Bytes> {
        let line = Line::of_message(message, visit);
        let visit = visit.of_message();
        let mut request = Request::from_parts(parts, Full::new(message.text()));
        request.extensions_mut().insert(visit.clone());
        let answer = async {
            let (parts, body) = Box::pin(self.protocol.handle(request)).await.into_parts();
            // The body is in memory already, so collecting it cannot fail.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::from_parts(parts, body)
        };
        // A call that takes too long says so itself, before this.
        let until = visit.deadline + 2 * GRACE;
        let response = match timeout_at(until, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(response)) => in_json(response, message.id()),
            _ => {
                let fault = RpcError::internal();
                refused(StatusCode::INTERNAL_SERVER_ERROR, &fault, message.id())
            }
        };
        if visit.called.load(Ordering::Relaxed) { response } else { line.end(response) }
    }

    /// Answers the messages of a batch, one after the other: a call may be about what the one before
    /// it has written, and two calls of one chat at once would not see each other's.
    async fn several(
        &self,
        parts: &Parts,
        batch: Vec<Result<Message, RpcError>>,
        visit: &Visit,
    ) -> Response<Bytes> {
        let mut answers = Answers::default();
        for entry in batch {
            let message = match entry {
                Ok(message) => message,
                Err(fault) => {
                    let line = Line::of(UNNAMED, &visit.request_id).by(visit);
                    let response = refused(StatusCode::BAD_REQUEST, &fault, &Value::Null);
                    answers.texts.push(line.end(response).into_body());
                    continue;
                }
            };
            let response = if Instant::now() < visit.deadline {
                self.one(parts.clone(), &message, visit).await
            } else {
                let response = refused(StatusCode::OK, &RpcError::late(), message.id());
                Line::of_message(&message, visit).end(response)
            };
            // It is about a header, and so about the others as well: the first of them finds it.
            if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && !answers.has_messages {
                return response;
            }
            answers.has_messages = true;
            // Nobody waits for an answer to a notification.
            if !message.id().is_null() {
                answers.has_requests = true;
                answers.texts.push(response.into_body());
            }
        }
        answers.into_response()
    }
}

/// The line in the log about a message that calls no tool.
struct Line {
    call: Call,
    request_id: String,
    started: Instant,
}

impl Line {
    fn of(name: &str, request_id: &str) -> Line {
        Line { call: Call::of(name), request_id: request_id.to_owned(), started: Instant::now() }
    }

    fn of_message(message: &Message, visit: &Visit) -> Line {
        Line::of(message.name(), &visit.request_id).by(visit)
    }

    /// Says who called.
    fn by(mut self, visit: &Visit) -> Line {
        self.call.client = Some(visit.caller.client.clone());
        self
    }

    /// Writes the line, now that there is an answer.
    fn end(self, response: Response<Bytes>) -> Response<Bytes> {
        let error = fault(&response);
        let elapsed = self.started.elapsed();
        toolkit::logging::call(&self.call, error.as_ref(), &self.request_id, elapsed);
        response
    }
}

/// The answers to the messages of a batch.
#[derive(Default)]
struct Answers {
    texts: Vec<Bytes>,
    /// Whether a message was answered that was one.
    has_messages: bool,
    /// Whether one of them was a request, which has an answer.
    has_requests: bool,
}

impl Answers {
    /// The answer to the batch: an array, or nothing if nobody waits for an answer. A batch in which
    /// nothing could be done is a bad request (2025-03-26, Streamable HTTP, "Sending Messages").
    fn into_response(self) -> Response<Bytes> {
        if self.texts.is_empty() {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::ACCEPTED;
            return response;
        }
        let status = if self.has_requests { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        let texts = self.texts.join(&b',');
        json(status, [&b"["[..], &texts[..], &b"]"[..]].concat())
    }
}

impl Front for Mcp {
    async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
        let request_id = HeaderValue::from_str(&incoming.request_id);
        let mut response = self.exchange(incoming).await;
        if let Ok(request_id) = request_id {
            response.headers_mut().insert(REQUEST_ID, request_id);
        }
        response
    }

    fn journal(&self) -> Option<&Arc<Journal>> {
        self.tools.journal()
    }
}

/// The error for the log, if the answer is a fault of the protocol.
fn fault(response: &Response<Bytes>) -> Option<ToolError> {
    let code = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        status if status.is_server_error() => ErrorCode::Internal,
        status if status.is_client_error() => ErrorCode::InvalidArguments,
        _ => {
            let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            match body["error"]["code"].as_i64()? {
                RpcError::INTERNAL => ErrorCode::Internal,
                RpcError::LATE => ErrorCode::DeadlineExceeded,
                _ => ErrorCode::InvalidArguments,
            }
        }
    };
    Some(ToolError::new(code, "a fault of the protocol"))
}

/// The refusal of the message with this id, which is null if there is none.
fn refused(status: StatusCode, fault: &RpcError, id: &Value) -> Response<Bytes> {
    json(status, fault.to_value(id).to_string())
}

fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Turns a refusal in plain text, which comes before there is a message to answer, into JSON.
fn in_json(response: Response<Bytes>, id: &Value) -> Response<Bytes> {
    let is_json = response.headers().contains_key(CONTENT_TYPE);
    if is_json || response.status().is_success() {
        return response;
    }
    let (parts, text) = response.into_parts();
    let fault = RpcError::request(String::from_utf8_lossy(&text).into_owned());
    let mut response = refused(parts.status, &fault, id);
    response.headers_mut().extend(parts.headers);
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_batch_is_answered_by_one_array() {
        let texts = || vec![text(r#"{"id":1}"#), text(r#"{"id":2}"#)];
        for (has_requests, status) in [(true, StatusCode::OK), (false, StatusCode::BAD_REQUEST)] {
            let answers = Answers { texts: texts(), has_messages: true, has_requests };
            let response = answers.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(response.body(), r#"[{"id":1},{"id":2}]"#);
        }
        let response = Answers { has_messages: true, ..Answers::default() }.into_response();
        assert_eq!((response.status(), response.body().len()), (StatusCode::ACCEPTED, 0));
        assert!(response.headers().is_empty());
    }

    #[test]
    fn the_log_tells_a_lack_of_time_from_a_defect_and_from_a_wrong_message() {
        let id = json!(1);
        for (fault_of, status, code) in [
            (RpcError::late(), StatusCode::OK, ErrorCode::DeadlineExceeded),
            (RpcError::internal(), StatusCode::OK, ErrorCode::Internal),
            (RpcError::internal(), StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal),
            (RpcError::request("x".to_owned()), StatusCode::OK, ErrorCode::InvalidArguments),
            (RpcError::request("x".to_owned()), StatusCode::FORBIDDEN, ErrorCode::Forbidden),
        ] {
            let error = fault(&refused(status, &fault_of, &id)).unwrap();
            assert_eq!(error.code(), code, "{fault_of:?}");
        }
        assert!(fault(&json(StatusCode::OK, r#"{"id":1,"result":{}}"#)).is_none());
    }

    #[test]
    fn a_refusal_in_plain_text_becomes_one_of_the_protocol() {
        let mut plain = Response::new(text("Unsupported"));
        *plain.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let response = in_json(plain, &json!("a"));
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let expected = json!({
            "jsonrpc": "2.0", "id": "a", "error": {"code": -32600, "message": "Unsupported"},
        });
        assert_eq!(body, expected);
    }
}
