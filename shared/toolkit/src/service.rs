//! Answers HTTP requests with the tools of a group.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use auth::Connections;
use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::idempotency::Identity;
use crate::{
    Access, Answer, ApiKeysError, Caller, Context, ErrorCode, Group, KeyStore, ToolError,
    WriteState,
};

const CONNECTION_ID: HeaderName = HeaderName::from_static("x-connection-id");
const CONVERSATION_ID: HeaderName = HeaderName::from_static("x-conversation-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What precedes a tool's name in the path.
const PREFIX: &str = "/v1/tools/";

/// A tool that overstays its deadline by this much is stopped.
const GRACE: Duration = Duration::from_millis(500);

/// A request, whichever way it came.
#[derive(Debug)]
pub struct Incoming {
    /// `POST` calls a tool.
    pub method: Method,
    /// The path, `/v1/tools/{tool}`.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The arguments, as JSON.
    pub body: Bytes,
    /// Who calls, where an authorizer said so.
    pub caller: Option<Caller>,
    /// The id that the answer and the log carry.
    pub request_id: String,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// Answers HTTP requests with the tools of a group. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    group: Arc<Group>,
    connections: Connections,
    /// Where no authorizer stands before the service, it looks at the API keys itself.
    keys: Option<Arc<KeyStore>>,
}

impl Service {
    /// A service behind an authorizer: a request without a caller is refused.
    pub fn new(group: Group, connections: Connections) -> Service {
        Service { group: Arc::new(group), connections, keys: None }
    }

    /// A service that looks at the API keys itself where no authorizer did.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<KeyStore>) -> Service {
        self.keys = Some(keys);
        self
    }

    /// The tools.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Answers. There is always an answer: errors and panics are problems of RFC 9457.
    pub async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
        let started = Instant::now();
        let request_id = incoming.request_id.clone();
        let mut call = Call::default();
        let until = incoming.deadline + GRACE;
        let work = AssertUnwindSafe(self.call(incoming, &mut call)).catch_unwind();
        let result = match timeout_at(until, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ToolError::internal("a panic; its message is in the log above")
                .write(WriteState::Unknown)),
            Err(_) => Err(ToolError::new(ErrorCode::DeadlineExceeded, "the tool took too long")
                .next_step("Try again shortly.")
                .write(WriteState::Unknown)),
        };
        let result = match call.access {
            Some(Access::Write) => result,
            _ => result.map_err(ToolError::without_write),
        };
        log(&call, &result, &request_id, started.elapsed());
        respond(result, &request_id)
    }

    async fn call(&self, incoming: Incoming, call: &mut Call) -> Result<Answer<Value>, ToolError> {
        let caller = self.caller(&incoming).await?;
        let tool = tool_name(&incoming)?;
        let access = self.group.access(tool)?;
        call.tool = Some(tool.to_owned());
        call.access = Some(access);
        let conversation = header(&incoming.headers, &CONVERSATION_ID)?;
        call.conversation = conversation.map(str::to_owned);
        let connection_id = caller.connection(header(&incoming.headers, &CONNECTION_ID)?)?;
        call.connection = Some(connection_id.to_string());
        caller.authorize(access)?;

        let arguments = arguments(&incoming.body)?;
        let record_id = Identity {
            connection: connection_id.as_str(),
            client: &caller.client,
            tool,
            idempotency_key: header(&incoming.headers, &IDEMPOTENCY_KEY)?,
            conversation,
            arguments: &arguments,
        }
        .record_id();
        let prepared = self.group.prepare(tool, arguments)?;

        let connection = timeout_at(incoming.deadline, self.connections.open(&connection_id))
            .await
            .map_err(|_| {
                ToolError::new(
                    ErrorCode::DeadlineExceeded,
                    "the connection's credentials could not be read in time",
                )
                .write(WriteState::NotHappened)
            })??;
        let session = connection.client().session(incoming.deadline);
        call.session = Some(session.clone());
        let context = Context {
            session,
            connection: connection_id,
            now: Timestamp::now(),
            record_id: record_id.unwrap_or_else(uuid::Uuid::new_v4),
        };
        prepared(&context).await
    }

    async fn caller(&self, incoming: &Incoming) -> Result<Caller, ToolError> {
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
            refused().cause("no authorizer context, and API_KEYS_SECRET is not set")
        })?;
        let key = bearer(&incoming.headers).ok_or_else(refused)?;
        match keys.caller(key).await {
            Ok(caller) => caller.ok_or_else(refused),
            Err(error @ ApiKeysError::Secret(auth::SecretError::Unavailable { .. })) => Err(
                ToolError::new(ErrorCode::DynamicsUnavailable, "the API keys could not be read")
                    .cause(error),
            ),
            Err(error) => Err(ToolError::internal(error)),
        }
    }
}

/// The key in `Authorization: Bearer KEY`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|key| !key.is_empty())
}

fn tool_name(incoming: &Incoming) -> Result<&str, ToolError> {
    let unknown = |detail| {
        ToolError::new(ErrorCode::UnknownTool, detail)
            .next_step("Call POST /v1/tools/{tool} with the arguments as a JSON object.")
    };
    let (_, tool) =
        incoming.path.split_once(PREFIX).ok_or_else(|| unknown("tools live below /v1/tools/"))?;
    if incoming.method != Method::POST {
        return Err(unknown("tools are called with POST"));
    }
    Ok(tool.trim_end_matches('/'))
}

/// A header of at most 255 visible characters.
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ToolError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() || text.len() > 255 {
        return Err(ToolError::invalid(
            &format!("header {name}"),
            "must have 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(text))
}

fn arguments(body: &Bytes) -> Result<Value, ToolError> {
    if body.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let invalid = |detail: String| {
        ToolError::new(ErrorCode::InvalidArguments, detail)
            .next_step("Send the arguments as a JSON object, in UTF-8.")
    };
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("the body must be a JSON object".to_owned())),
        Err(error) => Err(invalid(format!("the body is not JSON: {error}"))),
    }
}

/// What is known of a call when it ends.
#[derive(Default)]
struct Call {
    tool: Option<String>,
    access: Option<Access>,
    connection: Option<String>,
    conversation: Option<String>,
    session: Option<dataverse::Session>,
}

/// One line for every call: no arguments, no names, no texts.
fn log(
    call: &Call,
    result: &Result<Answer<Value>, ToolError>,
    request_id: &str,
    duration: Duration,
) {
    let tool = call.tool.as_deref();
    let connection = call.connection.as_deref();
    let conversation = call.conversation.as_deref();
    let trips = call.session.as_ref().map_or(0, dataverse::Session::trips);
    let milliseconds = duration.as_millis() as u64;
    let outcome = result.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok");
    let Err(error) = result else {
        tracing::info!(
            request_id,
            tool,
            connection,
            conversation,
            outcome,
            trips,
            milliseconds,
            "call"
        );
        return;
    };
    let details = error.dataverse_details();
    let dataverse_code = details.map(|details| details.code.as_str());
    let dataverse_request_id = details.and_then(|details| details.request_id.as_deref());
    let cause = error.log_cause();
    if error.code() == ErrorCode::Internal {
        tracing::error!(
            request_id,
            tool,
            connection,
            conversation,
            outcome,
            trips,
            milliseconds,
            dataverse_code,
            dataverse_request_id,
            cause,
            "call"
        );
    } else {
        tracing::warn!(
            request_id,
            tool,
            connection,
            conversation,
            outcome,
            trips,
            milliseconds,
            dataverse_code,
            dataverse_request_id,
            cause,
            "call"
        );
    }
}

fn respond(result: Result<Answer<Value>, ToolError>, request_id: &str) -> Response<Bytes> {
    let (status, content_type, body, error) = match result {
        Ok(answer) => (http::StatusCode::OK, "application/json", body_of(&answer), None),
        Err(error) => (
            error.code().status(),
            "application/problem+json",
            error.to_problem(request_id),
            Some(error),
        ),
    };
    let retry_after = body.get("retry_after").and_then(Value::as_u64);
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if error.is_some_and(|error| error.code() == ErrorCode::Unauthenticated) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn body_of(answer: &Answer<Value>) -> Value {
    let mut body = json!({ "result": answer.result });
    if !answer.hints.is_empty() {
        body["hints"] = json!(answer.hints);
    }
    if let Some(escalation) = &answer.escalation {
        body["escalation"] = json!(escalation);
    }
    without_nulls(&mut body);
    body
}

/// Leaves out what has no value.
pub(crate) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
