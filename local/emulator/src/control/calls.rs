//! The control calls under `/_emulator`. They show what happened and make the emulator misbehave.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fault::{Fault, FaultError};
use super::shared::Shared;
use crate::data::well_known::APPLICATION_USER_ID;
use crate::identity::application::{ApplicationUser, SecretState, UserState};
use crate::message::UnknownNames;
use crate::organization::throttle::Limits;
use crate::organization::{AddedRule, Apps, Depth, Privileges, Role, platform};
use crate::service::raw::{self, SetColumnsError};
use crate::service::{load, sample};

const PREFIX: &str = "/_emulator";

/// Whether a path is a control call.
pub fn is_control(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The routes of the control calls.
pub fn router(shared: Arc<Shared>) -> Router {
    let calls = Router::new()
        .route("/", get(overview))
        .route("/requests", get(requests).delete(forget_requests))
        .route("/faults", get(faults).post(arm).delete(disarm))
        .route("/reset", post(reset))
        .route("/rows/{set}", get(rows).post(add_rows))
        .route("/rows/{set}/{id}", patch(set_columns))
        .route("/application-user", put(application_user))
        .route("/client-secret", put(client_secret))
        .route("/graph", put(graph))
        .route("/apps", put(apps))
        .route("/duplicate-rules", put(duplicate_rules))
        .route("/error-forms", put(error_forms))
        .route("/lambda-paths", put(lambda_paths))
        .route("/typed-owners", put(typed_owners))
        .route("/limits", get(limits).put(set_limits))
        .route("/latency", put(latency))
        .route("/clock", post(clock))
        .route("/seed", post(seed))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown);
    // The server limits the size of a body. A row may hold texts of any length.
    let calls = calls.layer(DefaultBodyLimit::disable());
    Router::new().nest(PREFIX, calls).fallback(unknown).with_state(shared)
}

/// The error of a control call that makes no sense: a status and the reason.
#[derive(Debug)]
struct Misunderstood(StatusCode, String);

impl IntoResponse for Misunderstood {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<JsonRejection> for Misunderstood {
    fn from(rejection: JsonRejection) -> Self {
        Self(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl From<FaultError> for Misunderstood {
    fn from(error: FaultError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl Misunderstood {
    fn because(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }
}

/// A JSON body. Its errors are answered as JSON, too. It needs no content type, so plain `curl -d`
/// works: people type control calls by hand.
struct JsonBody<T>(T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Misunderstood;

    async fn from_request(
        request: axum::extract::Request,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Misunderstood::because(rejection.body_text()))?;
        Ok(Self(Json::<T>::from_bytes(&bytes)?.0))
    }
}

type Answered<T> = Result<T, Misunderstood>;
type Emulator = State<Arc<Shared>>;

async fn unknown() -> Misunderstood {
    Misunderstood(
        StatusCode::NOT_FOUND,
        "no such control call; GET /_emulator/ lists them".to_owned(),
    )
}

async fn overview(State(shared): Emulator) -> Json<Value> {
    let user = shared.application.user();
    Json(json!({
        "calls": [
            "GET|DELETE /_emulator/requests",
            "GET|POST|DELETE /_emulator/faults",
            "POST /_emulator/reset",
            "GET|POST /_emulator/rows/{set}",
            "PATCH /_emulator/rows/{set}/{id}",
            "PUT /_emulator/application-user",
            "PUT /_emulator/client-secret",
            "PUT /_emulator/graph",
            "PUT /_emulator/apps",
            "PUT /_emulator/duplicate-rules",
            "PUT /_emulator/error-forms",
            "PUT /_emulator/lambda-paths",
            "PUT /_emulator/typed-owners",
            "GET|PUT /_emulator/limits",
            "PUT /_emulator/latency",
            "POST /_emulator/clock",
            "POST /_emulator/seed",
        ],
        "now": shared.clock.now(),
        "application_user": {
            "state": user.state,
            "roles": user.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        },
        "graph_permissions": shared.application.graph_permissions(),
        "latency_ms": shared.latency().as_millis() as u64,
        "limits": shared.throttle.limits(),
        "faults": shared.faults.armed(),
    }))
}

async fn requests(State(shared): Emulator) -> Json<Value> {
    Json(json!({ "value": shared.log.requests() }))
}

async fn forget_requests(State(shared): Emulator) -> StatusCode {
    shared.log.clear();
    StatusCode::NO_CONTENT
}

async fn faults(State(shared): Emulator) -> Json<Value> {
    Json(json!({ "value": shared.faults.armed() }))
}

async fn arm(State(shared): Emulator, JsonBody(fault): JsonBody<Fault>) -> Answered<StatusCode> {
    shared.faults.arm(fault)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disarm(State(shared): Emulator) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

async fn reset(State(shared): Emulator) -> StatusCode {
    in_background(move || shared.reset()).await;
    StatusCode::NO_CONTENT
}

async fn rows(State(shared): Emulator, Path(set): Path<String>) -> Answered<Json<Value>> {
    let unknown = format!("unknown entity set '{set}'");
    in_background(move || raw::rows(&shared.organization, &set))
        .await
        .flatten()
        .map(Json)
        .ok_or(Misunderstood(StatusCode::NOT_FOUND, unknown))
}

/// Adds rows in the form of the sample, all or none.
async fn add_rows(
    State(shared): Emulator,
    Path(set): Path<String>,
    JsonBody(rows): JsonBody<Vec<Map<String, Value>>>,
) -> Answered<StatusCode> {
    in_background(move || sample::add(&shared.organization, &set, &rows))
        .await
        .unwrap_or_else(|| Err("the emulator failed; its log says where".to_owned()))
        .map_err(Misunderstood::because)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_columns(
    State(shared): Emulator,
    Path((set, id)): Path<(String, String)>,
    JsonBody(columns): JsonBody<Map<String, Value>>,
) -> Answered<StatusCode> {
    let id: Uuid =
        id.parse().map_err(|_| Misunderstood::because(format!("'{id}' is no id of a row")))?;
    let set = in_background(move || raw::set_columns(&shared.organization, &set, id, &columns))
        .await
        .ok_or_else(|| Misunderstood::because("the emulator failed; its log says where"))?;
    set.map_err(|why| match why {
        SetColumnsError::Table(_) | SetColumnsError::Row(_) => {
            Misunderstood(StatusCode::NOT_FOUND, why.to_string())
        }
        SetColumnsError::Column(_) => Misunderstood::because(why.to_string()),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserChange {
    state: Option<UserState>,
    roles: Option<Vec<String>>,
    /// Only these privileges, in place of those of the roles.
    privileges: Option<Vec<String>>,
    /// How far the privileges reach, for tables whose rows have owners.
    depth: Option<Depth>,
    /// How far single privileges reach, by name.
    #[serde(default)]
    depths: BTreeMap<String, Depth>,
}

async fn application_user(
    State(shared): Emulator,
    JsonBody(change): JsonBody<UserChange>,
) -> Answered<StatusCode> {
    let current = shared.application.user();
    let roles = match change.roles {
        None => current.roles,
        Some(names) => names.iter().map(|name| role(name)).collect::<Answered<_>>()?,
    };
    let state = change.state.unwrap_or(current.state);
    let mut user = ApplicationUser::new(state, roles);
    let mut privileges = match change.privileges {
        None => Privileges::clone(&user.privileges),
        Some(names) => Privileges::of_names(&names)
            .map_err(|name| Misunderstood::because(format!("unknown privilege '{name}'")))?,
    };
    if let Some(depth) = change.depth {
        privileges = privileges.limited_to(depth);
    }
    for (name, depth) in change.depths {
        privileges.limit(&name, depth).map_err(|why| Misunderstood::because(why.to_string()))?;
    }
    user.privileges = Arc::new(privileges);
    platform::set_roles(&mut shared.organization.store.write(), APPLICATION_USER_ID, &user.roles);
    shared.application.set_user(user);
    Ok(StatusCode::NO_CONTENT)
}

fn role(name: &str) -> Answered<Role> {
    Role::named(name).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        Misunderstood::because(format!("unknown role '{name}'; known: {}", known.join(", ")))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretChange {
    state: SecretState,
    expires_at: Option<Timestamp>,
}

async fn client_secret(
    State(shared): Emulator,
    JsonBody(change): JsonBody<SecretChange>,
) -> Answered<StatusCode> {
    let now = shared.clock.now();
    if let Some(end) = change.expires_at
        && (end > now) == (change.state == SecretState::Expired)
    {
        return Err(Misunderstood::because("expires_at: does not agree with state"));
    }
    shared.application.set_secret(change.state, change.expires_at, now);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphChange {
    permissions: Vec<String>,
}

/// Changes the permissions on Graph. Permissions are part of a token, so existing tokens keep
/// theirs.
async fn graph(State(shared): Emulator, JsonBody(change): JsonBody<GraphChange>) -> StatusCode {
    shared.application.set_graph_permissions(change.permissions);
    StatusCode::NO_CONTENT
}

async fn apps(State(shared): Emulator, JsonBody(installed): JsonBody<Apps>) -> StatusCode {
    *shared.organization.apps.write() = installed;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesChange {
    rules: Vec<AddedRule>,
}

async fn duplicate_rules(
    State(shared): Emulator,
    JsonBody(change): JsonBody<RulesChange>,
) -> Answered<StatusCode> {
    let set = shared.organization.duplicate_rules.write().add(&change.rules);
    set.map_err(Misunderstood::because)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorForms {
    unknown_names: UnknownNames,
}

async fn error_forms(State(shared): Emulator, JsonBody(forms): JsonBody<ErrorForms>) -> StatusCode {
    shared.organization.habits.write().unknown_names = forms.unknown_names;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LambdaPaths {
    refused: bool,
}

async fn lambda_paths(
    State(shared): Emulator,
    JsonBody(paths): JsonBody<LambdaPaths>,
) -> StatusCode {
    shared.organization.habits.write().refuse_lambda_paths = paths.refused;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedOwners {
    declared: bool,
}

async fn typed_owners(
    State(shared): Emulator,
    JsonBody(owners): JsonBody<TypedOwners>,
) -> StatusCode {
    shared.organization.habits.write().lack_typed_owners = !owners.declared;
    StatusCode::NO_CONTENT
}

async fn limits(State(shared): Emulator) -> Json<Limits> {
    Json(shared.throttle.limits())
}

async fn set_limits(State(shared): Emulator, JsonBody(limits): JsonBody<Limits>) -> StatusCode {
    shared.throttle.set(limits);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    ms: u64,
}

async fn latency(State(shared): Emulator, JsonBody(latency): JsonBody<Latency>) -> StatusCode {
    shared.set_latency(latency.ms);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Serialize)]
struct Now {
    now: Timestamp,
}

async fn clock(
    State(shared): Emulator,
    JsonBody(advance): JsonBody<Advance>,
) -> Answered<Json<Now>> {
    if !shared.clock.advance(advance.advance_seconds) {
        return Err(Misunderstood::because("advance_seconds: beyond the calendar"));
    }
    Ok(Json(Now { now: shared.clock.now() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    table: String,
    rows: usize,
}

async fn seed(State(shared): Emulator, JsonBody(seed): JsonBody<Seed>) -> Answered<StatusCode> {
    in_background(move || load::add(&shared.organization, &seed.table, seed.rows))
        .await
        .unwrap_or_else(|| Err("the emulator failed; its log says where".to_owned()))
        .map_err(Misunderstood::because)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does work that may take long, without delaying other requests. `None` if it panicked.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work)
        .await
        .inspect_err(|panic| tracing::error!(%panic, "a control call failed"))
        .ok()
}
