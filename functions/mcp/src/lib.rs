//! The tools and the starter templates over the Model Context Protocol, at `POST /mcp`.
//!
//! Streamable HTTP without sessions: each request stands for itself, as a Lambda function needs it.
//! A call of a tool is handed on to the same [`Service`] that answers `POST /v1/tools/{tool}`, so it
//! is checked, logged and noted in the activity log like any other. The protocol's own types, those
//! of the crate `rmcp`, stay in this function.

mod outline;
mod protocol;

use std::sync::Arc;

use bytes::Bytes;
use catalog::Selection;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio::time::Instant;
use toolkit::{Call, Caller, Definition, Front, Incoming, Journal, Service, ToolError};

use crate::protocol::Protocol;

/// A body that is no JSON at all (JSON-RPC 2.0, section 5.1).
const PARSE_ERROR: i32 = -32700;

/// JSON, but no message.
const INVALID_REQUEST: i32 = -32600;

/// The methods that the log names; a client may send anything.
const METHODS: [&str; 8] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "prompts/get",
    "prompts/list",
    "server/discover",
    "tools/call",
    "tools/list",
];

/// What a message came with.
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    pub(crate) selection: Selection,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: String,
    pub(crate) deadline: Instant,
}

/// Answers the protocol's messages. Cheap to clone.
#[derive(Clone)]
pub struct Mcp {
    tools: Service,
    definitions: Arc<[Definition]>,
    protocol: StreamableHttpService<Protocol, NeverSessionManager>,
}

impl Mcp {
    /// The tools of this service, and the templates that they suffice for.
    pub fn new(tools: Service) -> Mcp {
        let definitions: Arc<[Definition]> = tools.group().definitions().into();
        let protocol = Protocol::new(tools.clone(), &definitions);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_sse_keep_alive(None)
            // Who may call is told by the API key, which no other site's page has; and the host is
            // whatever the API has been published under.
            .disable_allowed_hosts();
        let protocol = StreamableHttpService::new(
            move || Ok(protocol.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        );
        Mcp { tools, definitions, protocol }
    }

    /// Who calls, and for which tools.
    async fn visit(&self, incoming: &Incoming, call: &mut Call) -> Result<Visit, ToolError> {
        let caller = self.tools.caller(incoming).await?;
        call.client = Some(caller.client.clone());
        let parameters = incoming.parameters(&Selection::PARAMETERS)?;
        let selection = Selection::of(&self.definitions, &parameters)?;
        Ok(Visit {
            caller,
            selection,
            headers: incoming.headers.clone(),
            request_id: incoming.request_id.clone(),
            deadline: incoming.deadline,
        })
    }

    async fn exchange(&self, incoming: Incoming, visit: Visit) -> Response<Bytes> {
        let Incoming { method, path, headers, body, .. } = incoming;
        if method == Method::POST {
            match message(&body) {
                Ok(message) => log(&message, &visit),
                Err(refused) => return refused,
            }
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        // A path that is none stays "/": there is one address only.
        *request.uri_mut() = path.parse().unwrap_or_default();
        *request.headers_mut() = headers;
        request.extensions_mut().insert(Arc::new(visit));
        let (parts, body) = self.protocol.handle(request).await.into_parts();
        // Such a body cannot fail.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Response::from_parts(parts, body)
    }
}

impl Front for Mcp {
    async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
        let mut call = Call { tool: Some("mcp".to_owned()), ..Call::default() };
        let visit = match self.visit(&incoming, &mut call).await {
            Ok(visit) => visit,
            Err(error) => return self.tools.refuse(error, &call, &incoming.request_id),
        };
        let request_id = HeaderValue::from_str(&incoming.request_id);
        let mut response = self.exchange(incoming, visit).await;
        if let Ok(request_id) = request_id {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), request_id);
        }
        response
    }

    fn journal(&self) -> Option<&Arc<Journal>> {
        self.tools.journal()
    }
}

/// The one message of a request. Several at once, as old versions of the protocol had them, are
/// refused.
fn message(body: &Bytes) -> Result<Value, Response<Bytes>> {
    match serde_json::from_slice(body) {
        Ok(message @ Value::Object(_)) => Ok(message),
        Ok(_) => Err(refused(INVALID_REQUEST, "send one JSON-RPC message, an object")),
        Err(error) => Err(refused(PARSE_ERROR, &format!("the body is not JSON: {error}"))),
    }
}

fn refused(code: i32, message: &str) -> Response<Bytes> {
    let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
    let mut response = Response::new(Bytes::from(error.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A line for what is no call; a call has its own.
fn log(message: &Value, visit: &Visit) {
    let method = message["method"].as_str().unwrap_or_default();
    if method != "tools/call" {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        tracing::info!(request_id = visit.request_id, client = visit.caller.client, method, "mcp");
    }
}
