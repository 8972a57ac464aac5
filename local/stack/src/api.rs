//! Serves the functions over HTTP, as API Gateway would do.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use catalog::Catalog;
use connection::Administration;
use dataverse_emulator::Hosts;
use mcp::Mcp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use toolkit::{Edge, Front as _, Function, Incoming, Service};
use uuid::Uuid;

use crate::doorkeeper::guarded;
use crate::health;

/// The largest body that API Gateway accepts: 10 MB.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// API Gateway allows 30 seconds. Two of them are reserved, as in Lambda.
const DEADLINE: Duration = Duration::from_secs(28);

/// The functions, each for its part of the paths.
#[derive(Clone)]
pub(crate) struct Functions {
    pub(crate) tools: Service,
    pub(crate) connections: Edge<Function<Administration>>,
    pub(crate) catalog: Edge<Function<Catalog>>,
    pub(crate) mcp: Mcp,
    /// The address at which they are.
    pub(crate) address: String,
}

pub(crate) async fn serve(
    listener: TcpListener,
    functions: Functions,
    checker: health::Checker,
    hosts: Hosts,
    mut stopped: watch::Receiver<bool>,
) {
    let local = Router::new().route("/_local/health", post(health::answer)).with_state(checker);
    let router = Router::new().fallback(answer).with_state(functions).merge(local);
    let router = guarded(router, hosts);
    let stop = async move {
        // An error means that the stack was dropped.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the tools are served no longer");
    }
}

async fn answer(State(functions): State<Functions>, request: Request) -> Response {
    let deadline = Instant::now() + DEADLINE;
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let mut response = Response::new(Body::from(r#"{"message":"Request Entity Too Large"}"#));
        *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        address: Some(functions.address.clone()),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.into(),
        caller: None,
        request_id: Uuid::new_v4().to_string(),
        deadline,
    };
    let path = incoming.path.trim_end_matches('/');
    let answer = if path == "/mcp" {
        functions.mcp.answer(incoming).await
    } else if functions.connections.handler().is_at(path) {
        functions.connections.answer(incoming).await
    } else if functions.catalog.handler().is_at(path) {
        functions.catalog.answer(incoming).await
    } else {
        functions.tools.answer(incoming).await
    };
    answer.map(Body::from)
}
