//! A proxy that records what a function asks Dataverse and how that answers, and can give the same
//! answers again.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

use crate::bench::{Bare, Bench, Function, event};

/// What the proxy has seen.
#[derive(Clone, Default)]
struct Seen {
    http: reqwest::Client,
    exchanges: Arc<Mutex<Vec<(Bare, Answer)>>>,
    /// The answer to every request to Dataverse, which is then not passed on.
    replayed: Option<Answer>,
}

/// An answer of Dataverse.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The requests to Dataverse that a call makes on a warm connection, their answers, and the result
/// of the call.
pub(crate) async fn record(
    bench: &Bench,
    tools: toolkit::Routes<toolkit::Tools>,
    tool: &str,
    arguments: &serde_json::Value,
) -> (Vec<(Bare, Answer)>, serde_json::Value) {
    record_event(|http| bench.function(tools, http), &event(tool, arguments)).await
}

/// The same, of any event and of the function that is made with this client.
pub(crate) async fn record_event(
    function: impl FnOnce(reqwest::Client) -> Function,
    event: &str,
) -> (Vec<(Bare, Answer)>, serde_json::Value) {
    let seen = Seen::default();
    let result = function(proxied(seen.clone())).result(event).await;
    let exchanges = std::mem::take(&mut *seen.exchanges.lock().unwrap());
    // The token for all calls is asked for once.
    let of_dataverse = |one: &(Bare, Answer)| one.0.url.contains("/api/data/");
    (exchanges.into_iter().filter(of_dataverse).collect(), result)
}

/// A client whose requests to Dataverse all get this answer, at once and from this process.
pub(crate) fn replay(answer: Answer) -> reqwest::Client {
    proxied(Seen { replayed: Some(answer), ..Seen::default() })
}

/// A client whose requests go through the proxy.
fn proxied(seen: Seen) -> reqwest::Client {
    let proxy = serve(Router::new().fallback(pass_on).with_state(seen));
    let client = reqwest::Client::builder().proxy(reqwest::Proxy::http(&proxy).unwrap());
    client.build().unwrap()
}

/// Serves this on a free port, and returns its address. The server has a thread of its own, because
/// its work is not the function's.
pub(crate) fn serve(router: Router) -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    address
}

async fn pass_on(State(seen): State<Seen>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = parts.headers;
    for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    // A request to a proxy has the whole address.
    let bare = Bare {
        method: parts.method,
        url: parts.uri.to_string(),
        headers,
        body: String::from_utf8(body.into()).unwrap(),
    };
    let replayed = seen.replayed.clone().filter(|_| bare.url.contains("/api/data/"));
    let answer = match replayed {
        Some(answer) => answer,
        None => {
            let answer = ask(&seen.http, &bare).await;
            seen.exchanges.lock().unwrap().push((bare, answer.clone()));
            answer
        }
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

async fn ask(http: &reqwest::Client, bare: &Bare) -> Answer {
    let request = http.request(bare.method.clone(), &bare.url).headers(bare.headers.clone());
    let response = request.body(bare.body.clone()).send().await.unwrap();
    let mut headers = response.headers().clone();
    headers.remove(TRANSFER_ENCODING);
    let status = response.status();
    Answer { status, headers, body: response.bytes().await.unwrap() }
}
