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

use crate::message::{Message, RpcError};
use crate::protocol::Protocol;

/// What is known of a message besides its text.
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    pub(crate) selection: Selection,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: String,
    pub(crate) deadline: Instant,
    /// Whether a tool was called, which has its own line in the log.
    pub(crate) called: AtomicBool,
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
        let caller = self.tools.caller(incoming).await?;
        call.client = Some(caller.client.clone());
        let selection = Selection::read(incoming.parameters(&self.parameters)?)?;
        Ok(Visit {
            caller,
            selection,
            headers: incoming.headers.clone(),
            request_id: incoming.request_id.clone(),
            deadline: incoming.deadline,
            called: AtomicBool::new(false),
        })
    }

    /// Passes the message to the protocol, and collects the answer.
    async fn exchange(
        &self,
        incoming: Incoming,
        visit: Arc<Visit>,
        call: &mut Call,
    ) -> Response<Bytes> {
        let Incoming { method, path, mut headers, body, deadline, .. } = incoming;
        let body = body.into_text();
        if body.len() > BODY_LIMIT {
            let fault =
                RpcError::request(format!("a message must have at most {BODY_LIMIT} bytes"));
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &fault);
        }
        if method == Method::POST {
            match Message::of(&body) {
                Ok(message) => call.tool = Some(message.name().to_owned()),
                Err(fault) => return refused(StatusCode::BAD_REQUEST, &fault),
            }
        }
        // The answer is always JSON, whatever the client accepts, but the protocol wants both
        // named.
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, both);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        // There is only one address, so a wrong path may become "/".
        *request.uri_mut() = path.parse().unwrap_or_default();
        *request.headers_mut() = headers;
        request.extensions_mut().insert(visit);
        let answer = async {
            let (parts, body) = self.protocol.handle(request).await.into_parts();
            // The body is in memory already, so collecting it cannot fail.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::from_parts(parts, body)
        };
        match timeout_at(deadline + GRACE, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(response)) => in_json(response),
            _ => refused(StatusCode::INTERNAL_SERVER_ERROR, &RpcError::internal()),
        }
    }
}

impl Front for Mcp {
    async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
        let started = Instant::now();
        let request_id = incoming.request_id.clone();
        let mut call = Call::of("mcp");
        let (mut response, called) = if self.origins.admit(&incoming.headers) {
            let visit = match self.visit(&incoming, &mut call).await {
                Ok(visit) => Arc::new(visit),
                Err(error) => return self.tools.refuse(error, &call, &request_id),
            };
            let response = self.exchange(incoming, visit.clone(), &mut call).await;
            (response, visit.called.load(Ordering::Relaxed))
        } else {
            (refused(StatusCode::FORBIDDEN, &RpcError::request(FOREIGN_ORIGIN.to_owned())), false)
        };
        if !called {
            let error = fault(&response);
            toolkit::logging::call(&call, error.as_ref(), &request_id, started.elapsed());
        }
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), request_id);
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
            let code = body["error"]["code"].as_i64()?;
            if code == RpcError::INTERNAL {
                ErrorCode::Internal
            } else {
                ErrorCode::InvalidArguments
            }
        }
    };
    Some(ToolError::new(code, "a fault of the protocol"))
}

fn refused(status: StatusCode, fault: &RpcError) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(fault.to_value().to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Turns a refusal in plain text, which comes before there is a message to answer, into JSON.
fn in_json(response: Response<Bytes>) -> Response<Bytes> {
    let is_json = response.headers().contains_key(CONTENT_TYPE);
    if is_json || response.status().is_success() {
        return response;
    }
    let (parts, text) = response.into_parts();
    let fault = RpcError::request(String::from_utf8_lossy(&text).into_owned());
    let mut response = refused(parts.status, &fault);
    response.headers_mut().extend(parts.headers);
    response
}
