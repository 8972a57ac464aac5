//! The entry in AWS Lambda.

use std::sync::Arc;
use std::time::Duration;

use auth::{ConnectionId, Connections, Environment, Secrets};
use bytes::Bytes;
use http::Response;
pub use lambda_http::Error;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, service_fn};
use tokio::time::{Instant, timeout};

use crate::{Caller, Edge, Group, Handler, Incoming, KeyStore, Service, logging};

/// How much earlier than Lambda's deadline an answer must be there, so that the caller gets it
/// rather than the gateway's error.
const MARGIN: Duration = Duration::from_secs(2);

/// API Gateway gives up after 30 seconds, whatever the function's own limit.
const GATEWAY: Duration = Duration::from_secs(30);

/// Lambda lets the start take ten seconds; the warm-up may have this much of it.
const WARM_UP: Duration = Duration::from_secs(4);

/// Serves the group's tools until Lambda stops the process.
///
/// Environment: `DATAVERSE_LOCAL_URL` lets a local emulator be used; `API_KEYS_SECRET` makes the
/// function look at API keys itself, for places without an authorizer such as
/// `cargo lambda watch`.
pub async fn run(group: Group) -> Result<(), Error> {
    logging::initialize();
    let service = from_environment(group).await?;
    warm_up(&service).await;
    serve(service).await
}

/// Serves a handler until Lambda stops the process.
pub async fn serve<H: Handler>(edge: Edge<H>) -> Result<(), Error> {
    lambda_http::run(service_fn(|request: Request| async {
        Ok::<_, Error>(answer(&edge, request).await)
    }))
    .await
}

/// The HTTP client for everything. Connections are kept as long as Lambda keeps the process.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("dynamics365-tools/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(4))
        .pool_idle_timeout(Duration::from_secs(300))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

async fn from_environment(group: Group) -> Result<Service, Error> {
    let secrets = Secrets::from_environment().await;
    let connections =
        Connections::new(http_client()?, secrets.clone(), Environment::from_variables());
    let service = Service::new(group, connections);
    Ok(match std::env::var("API_KEYS_SECRET") {
        Ok(secret) if !secret.is_empty() => {
            service.with_keys(Arc::new(KeyStore::new(secrets, secret)))
        }
        _ => service,
    })
}

/// Reads the default connection's secret, gets its token and opens the connection to Dataverse
/// while Lambda gives a full processor. What fails here is tried again by the first call.
async fn warm_up(service: &Service) {
    let work = async {
        let connection = service.connections().open(&ConnectionId::fallback()).await.ok()?;
        let session = connection.client().session(Instant::now() + WARM_UP);
        session.function(&dataverse::Function::who_am_i()).await.ok()
    };
    let warm = timeout(WARM_UP, work).await.is_ok_and(|result| result.is_some());
    tracing::debug!(warm, "ready");
}

async fn answer<H: Handler>(edge: &Edge<H>, request: Request) -> Response<Body> {
    let context = request.lambda_context_ref();
    let request_id = context.map(|context| context.request_id.clone()).unwrap_or_default();
    let remaining = context
        .and_then(|context| {
            std::time::UNIX_EPOCH.checked_add(Duration::from_millis(context.deadline))
        })
        .and_then(|deadline| deadline.duration_since(std::time::SystemTime::now()).ok())
        .unwrap_or(GATEWAY)
        .min(GATEWAY);
    let caller = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context
            .authorizer
            .as_ref()
            .and_then(|authorizer| Caller::from_context(&authorizer.fields)),
        _ => None,
    };
    let incoming = Incoming {
        method: request.method().clone(),
        path: request.raw_http_path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        caller,
        request_id,
        deadline: Instant::now() + remaining.saturating_sub(MARGIN),
        headers: request.headers().clone(),
        body: match request.into_body() {
            Body::Text(text) => Bytes::from(text),
            Body::Binary(bytes) => Bytes::from(bytes),
            _ => Bytes::new(),
        },
    };
    edge.answer(incoming).await.map(|body| match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    })
}
