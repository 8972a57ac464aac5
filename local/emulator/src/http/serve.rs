//! Leads a request through the emulator. It is logged, delayed, and then struck by a fault or
//! passed to its service.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Method, Request, StatusCode};
use tower::ServiceExt as _;

use super::incoming::{Dropped, Incoming, Served, into_http};
use super::paths::Target;
use super::web_api;
use crate::control::log::LoggedPart;
use crate::control::strike::{self, Asked, Struck};
use crate::control::{Shared, calls};

/// Answers one request.
pub(super) async fn answer(shared: Arc<Shared>, request: Incoming) -> Result<Response, Dropped> {
    if calls::is_control(request.head.uri.path()) {
        return Ok(control(shared, request).await);
    }
    // This runs in a separate task, so that work goes on to its end even if the client disconnects,
    // as on a real server.
    match tokio::spawn(serve(shared, request)).await {
        Ok(answer) => answer,
        Err(panic) => {
            tracing::error!(%panic, "a request was not answered");
            Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
    }
}

async fn control(shared: Arc<Shared>, request: Incoming) -> Response {
    let request = Request::from_parts(request.head, Body::from(request.body));
    match calls::router(shared).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn serve(shared: Arc<Shared>, request: Incoming) -> Result<Response, Dropped> {
    let head = &request.head;
    let target = Target::of(head.uri.path());
    let ticket = shared.log.start(
        target.name(),
        &head.method,
        head.uri.path(),
        head.uri.query(),
        request.connection,
    );
    let served = served(&shared, &target, &request).await;
    let status = served.answer.as_ref().ok().map(Response::status);
    shared.log.finish(ticket, status, served.parts);
    served.answer
}

async fn served(shared: &Shared, target: &Target<'_>, request: &Incoming) -> Served {
    let latency = shared.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let asked = Asked {
        service: target.service(),
        method: request.head.method.clone(),
        paths: vec![request.head.uri.path().to_owned(), target.short_path()],
        headers: request.head.headers.clone(),
        base: request.base.clone(),
    };
    match strike::carry_out(shared, asked, dispatch(shared, target, request)).await {
        Struck::Done(served) => served,
        Struck::Answered(answer, done) => {
            Served { answer: Ok(into_http(answer)), parts: parts(done) }
        }
        Struck::Dropped(done) => Served { answer: Err(Dropped), parts: parts(done) },
    }
}

/// The parts of a batch that were carried out before a fault replaced its answer.
fn parts(done: Option<Served>) -> Vec<LoggedPart> {
    done.map(|done| done.parts).unwrap_or_default()
}

async fn dispatch(shared: &Shared, target: &Target<'_>, request: &Incoming) -> Served {
    let head = &request.head;
    match target {
        Target::WebApi(below) => web_api::answer(shared, below, request).await,
        Target::Token(version, tenant) if head.method == Method::POST => {
            let entra = shared.entra();
            entra.token(*version, tenant, &head.headers, &request.body, &request.base).into()
        }
        Target::Discovery(tenant) if head.method == Method::GET => {
            shared.entra().discovery(tenant, &request.base).into()
        }
        Target::Token(..) | Target::Discovery(_) => {
            StatusCode::METHOD_NOT_ALLOWED.into_response().into()
        }
        Target::Graph(below) => shared
            .graph()
            .answer(&head.method, below, head.uri.query(), &head.headers, &request.body)
            .into(),
        Target::Unknown => StatusCode::NOT_FOUND.into_response().into(),
    }
}
