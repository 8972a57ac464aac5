//! The scheduled check, run at the start and on `POST /_local/health`.

use std::time::Duration;

use ::health::{Alert, AlertError, Alerts, Report};
use auth::health::Check;
use auth::{ConnectionId, Connections};
use axum::Json;
use axum::extract::State as Handed;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use state::{Registration, State, StateError};
use tokio::time::Instant;
use toolkit::Needs;
use uuid::Uuid;

/// The time limit of the function in Lambda.
const DEADLINE: Duration = Duration::from_secs(290);

/// The scheduled check, which prints its alerts.
pub(crate) type Checker = ::health::Checker<Printed>;

/// Alerts that are printed on the terminal.
pub(crate) struct Printed;

impl Alerts for Printed {
    async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        tracing::warn!("alert: {}\n{}", alert.subject, alert.message);
        Ok(())
    }
}

/// A check of the connections in this table.
pub(crate) fn checker(connections: Connections, state: State) -> Checker {
    Checker::new(connections, state, Printed, Needs::of(&tools::definitions()))
}

/// Checks everything.
pub(crate) async fn run(checker: &Checker) -> Result<Report, StateError> {
    checker.run(Check::All, &Uuid::new_v4().to_string(), Instant::now() + DEADLINE).await
}

/// `POST /_local/health`: runs the check now, and answers with its report.
pub(crate) async fn answer(Handed(checker): Handed<Checker>) -> Response {
    match run(&checker).await {
        Ok(report) => Json(report).into_response(),
        Err(error) => {
            let problem = json!({"detail": error.to_string()});
            (StatusCode::INTERNAL_SERVER_ERROR, Json(problem)).into_response()
        }
    }
}

/// Registers the connection to the emulator, unless it is already registered.
pub(crate) async fn register(state: &State, emulator_url: &str) -> Result<(), StateError> {
    let id = ConnectionId::fallback();
    if state.connection(&id).await?.is_some() {
        return Ok(());
    }
    let now = Timestamp::now();
    let registration = Registration {
        id,
        label: Some(crate::LABEL.to_owned()),
        instance_url: emulator_url.to_owned(),
        tenant_id: dataverse_emulator::TENANT_ID.to_owned(),
        client_id: dataverse_emulator::CLIENT_ID.to_owned(),
        organization: None,
        secret: None,
        registered_at: now,
        updated_at: now,
    };
    state.put_connection(&registration).await
}
