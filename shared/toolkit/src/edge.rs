//! The frame around every function behind the API. It finds out who calls, makes sure that there is
//! always an answer, and writes one line to the log.

pub(crate) mod call;
pub(crate) mod caller;
mod deadline;
mod entry;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod key_store;
pub(crate) mod keys;
pub mod logging;
pub(crate) mod made_key;
pub(crate) mod origins;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use entry::entry;

use crate::{
    ApiKeysError, CONFIRMATION, Call, Caller, ErrorCode, Journal, KeyStore, Serves, ToolError,
    WriteState, sha256_hex,
};

/// The header that names the connection of a call.
pub const CONNECTION_ID: HeaderName = HeaderName::from_static("x-connection-id");

/// The header that names the chat of a call.
pub const CONVERSATION_ID: HeaderName = HeaderName::from_static("x-conversation-id");
/// The idempotency key. A client that repeats a call sends the same value again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `Cache-Control` for answers that change only with a new version. The answers are private,
/// because only the holder of a key may see them.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=300");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most bytes of a request body. The longest text that a tool takes is a note of 100,000
/// characters, which is 600 KB if every character is escaped. API Gateway would accept ten times as
/// much, and the function would have to parse all of it.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// A call is stopped this long after its deadline.
pub const GRACE: Duration = Duration::from_millis(500);

/// JSON as text, or as a value that needs no parsing or writing. The answer has the same form as
/// the request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A text, which may be empty or not JSON at all.
    Text(Bytes),
    /// A value.
    Value(Value),
}

impl Default for Body {
    fn default() -> Body {
        Body::Text(Bytes::new())
    }
}

/// The text, without a byte-order mark before it.
impl From<Bytes> for Body {
    fn from(text: Bytes) -> Body {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let start = if text.starts_with(MARK) { MARK.len() } else { 0 };
        Body::Text(text.slice(start..))
    }
}

impl Body {
    /// Makes an answer in the same form as this body, without nulls.
    pub(crate) fn answer(&self, answer: &impl Serialize) -> Result<Body, serde_json::Error> {
        match self {
            Body::Text(_) => json::text(answer).map(|text| Body::Text(text.into())),
            Body::Value(_) => json::value(answer).map(Body::Value),
        }
    }

    /// The body as a text.
    pub fn into_text(self) -> Bytes {
        match self {
            Body::Text(text) => text,
            Body::Value(value) => value.to_string().into(),
        }
    }

    /// The body as a value. It is null if the body is not JSON.
    pub fn into_value(self) -> Value {
        match self {
            Body::Text(text) => serde_json::from_slice(&text).unwrap_or_default(),
            Body::Value(value) => value,
        }
    }

    /// An empty body in the same form as this one.
    pub(crate) fn empty(&self) -> Body {
        match self {
            Body::Text(_) => Body::default(),
            Body::Value(_) => Body::Value(Value::Null),
        }
    }

    /// The number of bytes that must be parsed.
    fn len(&self) -> usize {
        match self {
            Body::Text(text) => text.len(),
            Body::Value(_) => 0,
        }
    }
}

/// A request, independent of where it came from.
#[derive(Debug)]
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// The path, such as `/v1/tools/{tool}`.
    pub path: String,
    /// The address of the API, such as `https://api.example/stage`, from whoever took the request, never
    /// from the request itself. `None` if that is not known.
    pub address: Option<String>,
    /// The query, without the question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The caller, if an authorizer has already identified it.
    pub caller: Option<Caller>,
    /// The id of the request. It appears in the answer and in the log.
    pub request_id: String,
    /// The time by which the answer must be there.
    pub deadline: Instant,
}

impl Incoming {
    /// The query parameters. Unknown and repeated parameters are an error.
    pub fn parameters(
        &self,
        known: &[impl AsRef<str>],
    ) -> Result<BTreeMap<String, String>, ToolError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(self.query.as_bytes()) {
            if !known.iter().any(|known| known.as_ref() == name) {
                let known: Vec<_> = known.iter().map(AsRef::as_ref).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(ToolError::invalid(
                    &name,
                    format!("is not known here; known are: {known}"),
                ));
            }
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(ToolError::invalid(&name, "must be given once"));
            }
        }
        Ok(parameters)
    }

    /// The entity tags of the answers that the caller already has (RFC 9110, section 13.1.2).
    pub(crate) fn known_tags(&self) -> Vec<String> {
        let values = self.headers.get_all(IF_NONE_MATCH).iter();
        let tags = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        tags.map(|tag| tag.trim().trim_start_matches("W/").to_owned()).collect()
    }
}

/// The answer to a request that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status. 304 has no body.
    pub status: StatusCode,
    /// More headers.
    pub headers: HeaderMap,
    /// The body: JSON without nulls.
    pub body: Body,
    /// The records that the answer is about.
    pub records: Vec<Uuid>,
}

impl Reply {
    /// A reply with this status and body. The body is JSON without nulls.
    pub(crate) fn new(status: StatusCode, body: Body) -> Reply {
        Reply { status, headers: HeaderMap::new(), body, records: Vec::new() }
    }

    /// Sets the records that the answer is about.
    pub(crate) fn about(self, records: Vec<Uuid>) -> Reply {
        Reply { records, ..self }
    }

    /// The first of the records, as many as an entry of the activity log names.
    fn named_records(&self) -> Vec<Uuid> {
        self.records.iter().take(journal::RECORDS).copied().collect()
    }

    /// Lets the caller keep the reply for five minutes. If the caller already has it, the reply
    /// becomes a 304.
    pub(crate) fn kept(mut self, known: &[String]) -> Reply {
        let tag = format!("\"{}\"", sha256_hex(self.body.clone().into_text()));
        if known.iter().any(|known| *known == "*" || *known == tag) {
            self = Reply::new(StatusCode::NOT_MODIFIED, Body::default());
        }
        self.headers.insert(CACHE_CONTROL, KEPT);
        // Another key, or another connection, may have other tools.
        self.headers.insert(VARY, HeaderValue::from_static("Authorization, X-Connection-Id"));
        self.headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
        self
    }
}

/// Answers requests of known callers.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request of this caller, and writes into `call` what the log needs.
    fn handle(
        &self,
        request: Incoming,
        caller: Caller,
        call: &mut Call,
    ) -> impl Future<Output = Result<Reply, ToolError>> + Send;
}

/// Answers the requests of a Lambda function.
pub trait Front: Send + Sync {
    /// Answers a request. There is always an answer: errors and panics become problems (RFC 9457).
    fn answer(&self, incoming: Incoming) -> impl Future<Output = Response<Bytes>> + Send;

    /// The activity log. It is written after the answer.
    fn journal(&self) -> Option<&Arc<Journal>>;
}

impl<H: Handler> Front for Edge<H> {
    async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
        let request_id = incoming.request_id.clone();
        respond(self.exchange(incoming).await, &request_id)
    }

    fn journal(&self) -> Option<&Arc<Journal>> {
        self.journal.as_ref()
    }
}

/// A handler with everything that all handlers need around them. It is cheap to clone.
pub struct Edge<H> {
    handler: Arc<H>,
    /// The API keys, if there is no authorizer and the function checks them itself.
    keys: Option<Arc<KeyStore>>,
    /// The activity log.
    journal: Option<Arc<Journal>>,
}

impl<H> Clone for Edge<H> {
    fn clone(&self) -> Edge<H> {
        Edge {
            handler: Arc::clone(&self.handler),
            keys: self.keys.clone(),
            journal: self.journal.clone(),
        }
    }
}

impl<H: Handler> Edge<H> {
    /// A handler behind an authorizer. A request without a caller is refused.
    pub fn of(handler: H) -> Edge<H> {
        Edge { handler: Arc::new(handler), keys: None, journal: None }
    }

    /// Sets the activity log that calls are noted in.
    #[must_use]
    pub fn with_journal(mut self, journal: Arc<Journal>) -> Edge<H> {
        self.journal = Some(journal);
        self
    }

    /// Sets the API keys, to check requests that no authorizer has checked.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<KeyStore>) -> Edge<H> {
        self.keys = Some(keys);
        self
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Carries out a request, and returns the result before it becomes an HTTP response. A panic
    /// becomes an error.
    pub async fn exchange(&self, incoming: Incoming) -> Result<Reply, ToolError> {
        let started = Instant::now();
        let request_id = incoming.request_id.clone();
        let mut call = Call::default();
        let incoming = match incoming.answer_by(started) {
            Ok(deadline) => Incoming { deadline, ..incoming },
            Err(error) => {
                logging::call(&call, Some(&error), &request_id, Duration::ZERO);
                return Err(error);
            }
        };
        let until = incoming.deadline + GRACE;
        let work = AssertUnwindSafe(self.call(incoming, &mut call)).catch_unwind();
        let result = match timeout_at(until, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ToolError::internal("a panic; its message is in the log above")
                .write(WriteState::Unknown)),
            Err(_) => Err(ToolError::new(ErrorCode::DeadlineExceeded, "the call took too long")
                .next_step("Try again shortly.")
                .write(WriteState::Unknown)),
        };
        let result = if call.writes { result } else { result.map_err(ToolError::without_write) };
        let duration = started.elapsed();
        logging::call(&call, result.as_ref().err(), &request_id, duration);
        if let (Some(journal), Some(kind), Some(connection)) =
            (&self.journal, call.kind, &call.connection)
        {
            let visitor = call.visitor.as_ref().and_then(|visitor| visitor.identity.clone());
            journal.note(connection, entry(&call, kind, &result, &request_id, duration), visitor);
        }
        result
    }

    /// Finds out who calls, for code that reads a request before it passes the request on.
    pub async fn caller(&self, incoming: &Incoming) -> Result<Caller, ToolError> {
        if let Some(caller) = &incoming.caller {
            return Ok(caller.clone());
        }
        let refused = || {
            ToolError::new(
                ErrorCode::Unauthenticated,
                "send a valid API key in the header Authorization: Bearer KEY",
            )
        };
        let keys = self.keys.as_ref().ok_or_else(|| {
            refused().for_log("no authorizer context, and CHECK_API_KEYS is not true")
        })?;
        let key = bearer(&incoming.headers).ok_or_else(refused)?;
        keys.caller(key).await.map_err(|error| unreadable(&error))?.ok_or_else(refused)
    }

    /// Answers with this error, and writes a line to the log.
    pub fn refuse(&self, error: ToolError, call: &Call, request_id: &str) -> Response<Bytes> {
        logging::call(call, Some(&error), request_id, Duration::ZERO);
        respond(Err(error), request_id)
    }

    async fn call(&self, incoming: Incoming, call: &mut Call) -> Result<Reply, ToolError> {
        let caller = self.caller(&incoming).await?;
        call.client = Some(caller.client.clone());
        if incoming.body.len() > BODY_LIMIT {
            let detail = format!("the body must have at most {BODY_LIMIT} bytes");
            return Err(
                ToolError::new(ErrorCode::InvalidArguments, detail).next_step("Send less at once.")
            );
        }
        let conversation = header(&incoming.headers, &CONVERSATION_ID)?;
        call.conversation = conversation.map(str::to_owned);
        let is_for_visitors = caller.serves == Serves::Visitors;
        let result = self.handler.handle(incoming, caller, call).await;
        result.map_err(|error| if is_for_visitors { error.for_visitor() } else { error })
    }
}

/// The error if the API keys could not be read, so the caller is unknown. Neither Dynamics 365 nor
/// a connection is at fault.
fn unreadable(error: &ApiKeysError) -> ToolError {
    let explained = if error.is_retryable() {
        ToolError::new(
            ErrorCode::ServiceUnavailable,
            "the service's own API keys cannot be read right now",
        )
        .next_step("Apologise for the delay and try again shortly.")
    } else {
        ToolError::new(
            ErrorCode::Internal,
            "the service's own API keys cannot be read; its log says why and what to do",
        )
    };
    explained.for_log(format!("{error}; to do: {}", error.cure()))
}

/// The key in `Authorization: Bearer KEY`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|key| !key.is_empty())
}

/// The value of a header, which may have at most 255 visible characters.
pub(crate) fn header<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, ToolError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ToolError::invalid(&format!("header {name}"), "must be given once"));
    }
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() || text.len() > 255 {
        return Err(ToolError::invalid(
            &format!("header {name}"),
            "must have 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(text))
}

fn respond(result: Result<Reply, ToolError>, request_id: &str) -> Response<Bytes> {
    let is_unauthenticated =
        matches!(&result, Err(error) if error.code() == ErrorCode::Unauthenticated);
    let error = result.as_ref().err();
    let allow = error.and_then(ToolError::allow).and_then(|it| HeaderValue::from_str(it).ok());
    let retry_after = error.and_then(ToolError::seconds_to_wait);
    let button = error.and_then(ToolError::button);
    let button = button.and_then(|it| HeaderValue::from_str(it.expose_secret()).ok());
    let (content_type, Reply { status, headers, body, .. }) = match result {
        Ok(reply) => ("application/json", reply),
        Err(error) => {
            let problem = error.to_problem(request_id);
            // A JSON value can always be written.
            let text = json::text(&problem).unwrap_or_default();
            let body = Body::Text(text.into());
            ("application/problem+json", Reply::new(error.code().status(), body))
        }
    };
    let body = body.into_text();
    let has_body = !body.is_empty();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(mut button) = button {
        button.set_sensitive(true);
        headers.insert(CONFIRMATION, button);
    }
    if let Some(methods) = allow {
        headers.insert(ALLOW, methods);
    }
    if is_unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use auth::SecretError;

    use super::*;

    #[test]
    fn unreadable_keys_are_told_of_neither_dynamics_nor_a_connection() {
        let name = "dynamics365/api-keys".to_owned();
        let busy = SecretError::Unavailable { problem: "timeout".to_owned() };
        let denied = SecretError::Denied { name: name.clone(), code: "AccessDenied".to_owned() };
        for (error, code, retryable) in [
            (ApiKeysError::Secret(busy), "service_unavailable", true),
            (ApiKeysError::Secret(denied), "internal", false),
            (ApiKeysError::Secret(SecretError::NotFound { name }), "internal", false),
            (ApiKeysError::Malformed, "internal", false),
        ] {
            let problem = unreadable(&error).to_problem("r");
            assert_eq!(
                (&problem["code"], &problem["retryable"]),
                (&code.into(), &retryable.into())
            );
            assert!(problem["detail"].as_str().unwrap().contains("own API keys"), "{problem}");
            assert!(!problem.to_string().contains("Dynamics"), "{problem}");
        }
    }
}
