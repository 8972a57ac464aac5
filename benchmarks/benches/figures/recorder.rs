//! What a function asks Dataverse, seen by a proxy.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use tokio::net::TcpListener;

use crate::bench::{Bare, Bench, event};

/// The requests that went by.
#[derive(Clone, Default)]
struct Seen {
    http: reqwest::Client,
    requests: Arc<Mutex<Vec<Bare>>>,
}

/// The requests to Dataverse that a call makes on a warm connection.
pub(crate) async fn record(
    bench: &Bench,
    tools: toolkit::Group,
    tool: &str,
    arguments: &serde_json::Value,
) -> (Vec<Bare>, serde_json::Value) {
    let seen = Seen::default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(pass_on).with_state(seen.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let client = reqwest::Client::builder().proxy(reqwest::Proxy::http(&proxy).unwrap());
    let function = bench.function(tools, client.build().unwrap());
    let result = function.result(&event(tool, arguments)).await;
    serving.abort();
    let requests = std::mem::take(&mut *seen.requests.lock().unwrap());
    // Entra ID is asked once for all calls.
    let requests = requests.into_iter().filter(|one| one.url.contains("/api/data/")).collect();
    (requests, result)
}

async fn pass_on(State(seen): State<Seen>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = parts.headers;
    for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    // To a proxy, the whole address is said.
    let bare = Bare {
        method: parts.method,
        url: parts.uri.to_string(),
        headers,
        body: String::from_utf8(body.into()).unwrap(),
    };
    seen.requests.lock().unwrap().push(bare.clone());
    let request = seen
        .http
        .request(bare.method, bare.url)
        .headers(bare.headers)
        .body(bare.body)
        .send()
        .await
        .unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = request.status();
    *response.headers_mut() = request.headers().clone();
    response.headers_mut().remove(TRANSFER_ENCODING);
    *response.body_mut() = Body::from(request.bytes().await.unwrap());
    response
}
