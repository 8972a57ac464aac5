//! Protects every port: it accepts only requests that call this machine by one of its own names.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use dataverse_emulator::Hosts;

/// The same router, but only for requests that name one of these hosts.
pub(crate) fn guarded(router: Router, hosts: Hosts) -> Router {
    router.layer(from_fn_with_state(hosts, admit))
}

async fn admit(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.admit(request.uri(), request.headers()) {
        Ok(_) => next.run(request).await,
        Err(error) => (error.status(), error.to_string()).into_response(),
    }
}
