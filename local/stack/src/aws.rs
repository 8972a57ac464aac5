//! A stand-in for AWS Secrets Manager and DynamoDB. The real AWS SDK sends requests to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Shared, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::put;
use axum::{Json, Router};
use dataverse_emulator::Hosts;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use winterbaume_core::{MockRequest, MockService as _};
use winterbaume_secretsmanager::SecretsManagerService;

use crate::doorkeeper::guarded;
use crate::rights::exceeded;
use crate::tables::{REGION, Tables};

/// A batch of DynamoDB may have up to 16 MB.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// How often each operation was called, which shows the cost of a page or a run, and the mails that were
/// sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Shared<BTreeMap<String, usize>>>, Arc<Shared<Vec<Value>>>);

impl Asked {
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn mails(&self) -> Vec<Value> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a mail as Amazon SES does, and prints it.
    fn mail(&self, body: &[u8]) -> Response {
        let mail: Value = serde_json::from_slice(body).unwrap_or_default();
        let simple = &mail["Content"]["Simple"];
        let to = &mail["Destination"]["ToAddresses"];
        tracing::info!(
            "a mail to {to}: {}\n{}",
            simple["Subject"]["Data"],
            simple["Body"]["Text"]["Data"]
        );
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        Json(json!({"MessageId": "local"})).into_response()
    }

    fn count(&self, target: Option<&str>) {
        let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(operation.to_owned()).or_default() += 1;
    }
}

/// The services, and the data to handle their requests.
struct Services {
    secrets: SecretsManagerService,
    /// A conditional write checks and then writes. Only one may run at a time, or two could both
    /// succeed.
    tables: Mutex<Tables>,
    /// The current behaviour of DynamoDB.
    table: watch::Sender<Table>,
    asked: Asked,
}

/// The behaviour of DynamoDB. `PUT /_local/dynamodb` sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Table {
    /// It answers normally.
    Up,
    /// It answers every call with an internal error.
    Down,
    /// It lets every call wait until the behaviour is changed.
    Hangs,
    /// It refuses every call, because the role lacks the rights.
    Denied,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    state: Table,
}

async fn set_table(
    State(services): State<Arc<Services>>,
    Json(change): Json<Change>,
) -> StatusCode {
    services.table.send_replace(change.state);
    StatusCode::NO_CONTENT
}

impl Table {
    /// The error that every call gets in this state. `None` if there is no error.
    fn refusal(self) -> Option<(StatusCode, &'static str)> {
        match self {
            Table::Down => Some((StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError")),
            Table::Denied => Some((StatusCode::BAD_REQUEST, DENIED)),
            Table::Up | Table::Hangs => None,
        }
    }
}

/// The beginning of `X-Amz-Target` in requests to DynamoDB.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// The error of DynamoDB when a role lacks the rights.
const DENIED: &str = "AccessDeniedException";

pub(crate) async fn serve(
    listener: TcpListener,
    hosts: Hosts,
    asked: Asked,
    mut stopped: watch::Receiver<bool>,
) {
    let services = Services {
        secrets: SecretsManagerService::new(),
        tables: Mutex::new(Tables::new()),
        table: watch::Sender::new(Table::Up),
        asked,
    };
    let router = guarded(
        Router::new()
            .route("/_local/dynamodb", put(set_table))
            .fallback(answer)
            .with_state(Arc::new(services)),
        hosts,
    );
    let stop = async move {
        // An error means that the stack was dropped.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "secrets and tables are served no longer");
    }
}

async fn answer(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    services.asked.count(target);
    if parts.uri.path() == "/v2/email/outbound-emails" {
        return services.asked.mail(&body);
    }
    let is_table = target.is_some_and(|target| target.starts_with(DYNAMODB));
    if is_table {
        let mut table = services.table.subscribe();
        // This fails only if there is no sender, but `services` holds it.
        let table = table.wait_for(|table| *table != Table::Hangs).await.map(|table| *table);
        if let Some((status, code)) = table.ok().and_then(Table::refusal) {
            return refused(status, code);
        }
        let operation = target.and_then(|target| target.strip_prefix(DYNAMODB)).unwrap_or_default();
        if let Some(asked) = exceeded(&parts.headers, operation, &body) {
            tracing::error!(asked, "no partition of the table grants that");
            return refused(StatusCode::BAD_REQUEST, DENIED);
        }
    }
    let request = MockRequest {
        method: parts.method.to_string(),
        uri: parts.uri.to_string(),
        headers: in_one_region(parts.headers),
        body,
    };
    let answered = if is_table {
        services.tables.lock().await.handle(request).await
    } else {
        services.secrets.handle(request).await
    };
    let mut response = Response::new(Body::from(answered.body));
    *response.status_mut() =
        StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answered.headers;
    response
}

/// An error in the form of DynamoDB.
fn refused(status: StatusCode, code: &str) -> Response {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")});
    (status, Json(body)).into_response()
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The stand-in keeps secrets by region. This moves every request to one region, so that a function
/// with another region, as `sam local` may start it, still finds them.
fn in_one_region(mut headers: HeaderMap) -> HeaderMap {
    // AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …
    let signed = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let moved = signed.and_then(|text| {
        let mut parts: Vec<&str> = text.split('/').collect();
        *parts.get_mut(2)? = REGION;
        HeaderValue::from_str(&parts.join("/")).ok()
    });
    if let Some(value) = moved {
        headers.insert(AUTHORIZATION, value);
    }
    headers
}
