//! A connection, as its administrator sees it.

use auth::{ConnectionId, Credentials};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use toolkit::inspection::Inspection;
use toolkit::{Definition, ErrorCode, ToolError};

use crate::availability;

/// How much of a secret may be shown: as much as Microsoft Graph shows as its hint.
const SHOWN: usize = 3;

/// A connection that works.
pub(crate) fn healthy(
    id: &ConnectionId,
    credentials: &Credentials,
    inspection: &Inspection,
    tools: &[Definition],
    checked_at: Timestamp,
) -> Value {
    let mut view = of(id, credentials, checked_at);
    view["state"] = "healthy".into();
    view["organization"] = json!(inspection.organization);
    view["user"] = json!(inspection.user);
    view["secret"]["expires_on"] = json!(inspection.secret.expires_on);
    view["secret"]["source"] = json!(inspection.secret.source);
    view["tools"] = json!(availability::of(tools, &inspection.privileges));
    view
}

/// A connection that does not work, and why.
pub(crate) fn broken(
    id: &ConnectionId,
    credentials: Option<&Credentials>,
    error: &ToolError,
    request_id: &str,
    checked_at: Timestamp,
) -> Value {
    let mut view = match credentials {
        Some(credentials) => of(id, credentials, checked_at),
        None => json!({"id": id.as_str(), "checked_at": checked_at}),
    };
    view["state"] = match error.code() {
        // It may well be in order: nobody has heard from it.
        ErrorCode::DynamicsUnavailable
        | ErrorCode::ServiceUnavailable
        | ErrorCode::DeadlineExceeded
        | ErrorCode::RateLimited => "unanswered".into(),
        _ => "broken".into(),
    };
    view["problem"] = error.to_problem(request_id);
    view
}

/// Adds what an administrator should know.
pub(crate) fn hint(view: &mut Value, hints: impl IntoIterator<Item = &'static str>) {
    let hints: Vec<_> = hints.into_iter().collect();
    if !hints.is_empty() {
        view["hints"] = json!(hints);
    }
}

fn of(id: &ConnectionId, credentials: &Credentials, checked_at: Timestamp) -> Value {
    let secret = credentials.client_secret.expose_secret();
    json!({
        "id": id.as_str(),
        "label": credentials.label,
        "instance_url": credentials.instance_url.as_str(),
        "tenant_id": credentials.tenant_id,
        "client_id": credentials.client_id,
        "checked_at": checked_at,
        "secret": {
            "begins_with": secret.chars().take(SHOWN).collect::<String>(),
            "expires_on": credentials.secret_expires_on,
        },
    })
}
