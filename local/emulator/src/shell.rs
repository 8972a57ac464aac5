//! Everything the emulator consists of, and how a request goes through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::api::ApiResponse;
use crate::application::Application;
use crate::clock::Clock;
use crate::entra::{Entra, Tokens, Version};
use crate::faults::{Fault, Faults, Kind};
use crate::graph::Graph;
use crate::hosts::Hosts;
use crate::instance::Instance;
use crate::log::{Log, Part};
use crate::organization::Organization;
use crate::throttle::Throttle;
use crate::{control, dataverse};

/// The state that all requests share.
#[derive(Debug)]
pub struct Shell {
    /// The rows and rules.
    pub organization: Arc<Organization>,
    /// The app registration.
    pub application: Application,
    /// The tokens issued.
    pub tokens: Tokens,
    /// The emulated time.
    pub clock: Clock,
    /// The organization's own addresses.
    pub instance: Instance,
    /// The names under which it answers at all.
    pub hosts: Hosts,
    /// The armed faults.
    pub faults: Faults,
    /// The service protection limits.
    pub throttle: Throttle,
    /// The requests so far.
    pub log: Log,
    /// How long every answer is held back.
    latency_ms: AtomicU64,
}

/// The connection is to be closed without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is dropped by an armed fault")]
pub struct Dropped;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Method, URL and headers.
    pub head: http::request::Parts,
    /// The whole body.
    pub body: Bytes,
    /// Scheme, host and port that the client used.
    pub base: String,
    /// The number of the connection.
    pub connection: u64,
}

/// What a service made of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub answer: Result<Response, Dropped>,
    /// The requests of a batch.
    pub parts: Vec<Part>,
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self { answer: Ok(response), parts: Vec::new() }
    }
}

/// The services behind the one port.
enum Target<'a> {
    /// The Web API; the path below its root.
    Dataverse(&'a str),
    /// The token endpoint; the tenant.
    Token(Version, &'a str),
    /// OpenID discovery; the tenant.
    Discovery(&'a str),
    /// Graph; the path below `/v1.0/`.
    Graph(&'a str),
    Unknown,
}

impl Target<'_> {
    fn of(path: &str) -> Target<'_> {
        if let Some(below) = dataverse::below_root(path) {
            return Target::Dataverse(below);
        }
        if let Some(below) = path.strip_prefix("/v1.0/") {
            return Target::Graph(below);
        }
        let Some((tenant, rest)) = path.strip_prefix('/').and_then(|it| it.split_once('/')) else {
            return Target::Unknown;
        };
        match rest {
            "oauth2/v2.0/token" => Target::Token(Version::Two, tenant),
            "oauth2/token" => Target::Token(Version::One, tenant),
            "v2.0/.well-known/openid-configuration" => Target::Discovery(tenant),
            _ => Target::Unknown,
        }
    }

    /// The path as faults may name it, too: below the API's root, or without the tenant.
    fn below(&self) -> String {
        match self {
            Target::Dataverse(below) | Target::Graph(below) => format!("/{below}"),
            Target::Token(Version::Two, _) => "/oauth2/v2.0/token".to_owned(),
            Target::Token(Version::One, _) => "/oauth2/token".to_owned(),
            Target::Discovery(_) => "/v2.0/.well-known/openid-configuration".to_owned(),
            Target::Unknown => String::new(),
        }
    }

    fn service(&self) -> &'static str {
        match self {
            Target::Dataverse(_) => "dataverse",
            Target::Token(..) | Target::Discovery(_) => "entra",
            Target::Graph(_) => "graph",
            Target::Unknown => "unknown",
        }
    }
}

impl Shell {
    /// With the sample data, answering for these addresses.
    pub fn new(instance: Instance, hosts: Hosts, latency: Duration) -> Self {
        let clock = Clock::default();
        Self {
            organization: Arc::new(Organization::sample(clock.now())),
            application: Application::new(clock.now()),
            tokens: Tokens::default(),
            clock,
            instance,
            hosts,
            faults: Faults::default(),
            throttle: Throttle::default(),
            log: Log::default(),
            latency_ms: AtomicU64::new(latency.as_millis().try_into().unwrap_or(u64::MAX)),
        }
    }

    /// How long every answer is held back.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))
    }

    /// Holds every answer back this long.
    pub fn set_latency(&self, latency_ms: u64) {
        self.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    fn entra(&self) -> Entra<'_> {
        Entra {
            tokens: &self.tokens,
            application: &self.application,
            clock: &self.clock,
            instance: &self.instance,
        }
    }

    /// Answers one request.
    pub async fn answer(self: Arc<Self>, request: Incoming) -> Result<Response, Dropped> {
        if control::is_control(request.head.uri.path()) {
            return Ok(control_answer(control::router(self), request).await);
        }
        // In a task of its own: work that has begun is finished even if the client goes away, as on
        // a real server.
        match tokio::spawn(self.serve(request)).await {
            Ok(answer) => answer,
            Err(panic) => {
                tracing::error!(%panic, "a request was not answered");
                Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
            }
        }
    }

    async fn serve(self: Arc<Self>, request: Incoming) -> Result<Response, Dropped> {
        let uri = request.head.uri.clone();
        let method = request.head.method.clone();
        let target = Target::of(uri.path());
        let ticket =
            self.log.start(target.service(), &method, uri.path(), uri.query(), request.connection);

        let outcome = self.outcome(&target, &method, &request).await;
        let status = outcome.answer.as_ref().ok().map(Response::status);
        self.log.finish(ticket, status, outcome.parts);
        outcome.answer
    }

    async fn outcome(&self, target: &Target<'_>, method: &Method, request: &Incoming) -> Outcome {
        let latency = self.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let path = request.head.uri.path();
        let below = target.below();
        let Some(fault) = self.faults.take(method, &[path, &below]) else {
            return self.dispatch(target, request).await;
        };
        let done = if fault.after_commit || fault.kind == Kind::Slow {
            if !fault.after_commit {
                tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
            }
            Some(self.dispatch(target, request).await)
        } else {
            None
        };
        let parts = done.as_ref().map(|it| it.parts.clone()).unwrap_or_default();
        let answer = match (fault.kind, done) {
            (Kind::Drop, _) => Err(Dropped),
            (Kind::Slow, Some(done)) => {
                if fault.after_commit {
                    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
                }
                done.answer
            }
            _ => Ok(self.failed(target, &fault, request)),
        };
        Outcome { answer, parts }
    }

    /// The answer of a request that fails by a fault.
    fn failed(&self, target: &Target<'_>, fault: &Fault, request: &Incoming) -> Response {
        match target {
            Target::Token(..) | Target::Discovery(_) if fault.kind != Kind::Answer => {
                let status = match fault.kind {
                    Kind::Throttle => StatusCode::TOO_MANY_REQUESTS,
                    Kind::Unauthorized => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                let mut response = self.entra().unavailable(status);
                if let Some(seconds) = fault.retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            _ => {
                let answer = dataverse::failed(self, fault, &request.head.headers, &request.base);
                into_http(answer)
            }
        }
    }

    async fn dispatch(&self, target: &Target<'_>, request: &Incoming) -> Outcome {
        let head = &request.head;
        match target {
            Target::Dataverse(below) => dataverse::answer(self, below, request).await,
            Target::Token(version, tenant) if head.method == Method::POST => self
                .entra()
                .token(*version, tenant, &head.headers, &request.body, &request.base)
                .into(),
            Target::Discovery(tenant) if head.method == Method::GET => {
                self.entra().discovery(tenant, &request.base).into()
            }
            Target::Token(..) | Target::Discovery(_) => {
                StatusCode::METHOD_NOT_ALLOWED.into_response().into()
            }
            Target::Graph(below) => {
                Graph { tokens: &self.tokens, application: &self.application, clock: &self.clock }
                    .answer(&head.method, below, head.uri.query(), &head.headers, &request.body)
                    .into()
            }
            Target::Unknown => StatusCode::NOT_FOUND.into_response().into(),
        }
    }

    /// Everything back to how it was at the start, but for the latency and the limits.
    pub fn reset(&self) {
        self.clock.reset();
        self.organization.reset();
        self.application.reset(self.clock.now());
        self.tokens.revoke_all();
        self.faults.clear();
        self.log.clear();
    }
}

async fn control_answer(router: Router, request: Incoming) -> Response {
    let request = Request::from_parts(request.head, Body::from(request.body));
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// An answer of the Web API as HTTP.
pub fn into_http(answer: ApiResponse) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
