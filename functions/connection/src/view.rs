//! A connection, as its administrator sees it.

use auth::{ConnectionId, Credentials};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use toolkit::inspection::{ExpirySource, Inspection, Organization, User};
use toolkit::{Definition, ErrorCode, ToolError};

use crate::availability::{self, Availability};
use crate::schema;

/// How much of a secret may be shown: as much as Microsoft Graph shows as its hint.
const SHOWN: usize = 3;

/// A connection as it is now.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct View {
    #[schemars(schema_with = "schema::connection_id")]
    id: String,
    label: Option<String>,
    instance_url: Option<String>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    #[schemars(schema_with = "schema::moment")]
    checked_at: Timestamp,
    state: Found,
    organization: Option<Organization>,
    user: Option<User>,
    secret: Option<Secret>,
    tools: Option<Vec<Availability>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::problem")]
    problem: Option<Value>,
    hints: Option<Vec<&'static str>>,
}

/// How a connection is found to be.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Found {
    Healthy,
    Broken,
    // It may well be in order: nobody has heard from it.
    Unanswered,
}

/// The client secret.
#[derive(Debug, Serialize, JsonSchema)]
struct Secret {
    begins_with: Option<String>,
    #[schemars(schema_with = "schema::maybe_day")]
    expires_on: Option<Date>,
    source: Option<ExpirySource>,
}

impl View {
    fn of(id: &ConnectionId, credentials: Option<&Credentials>, checked_at: Timestamp) -> View {
        let text = |text: fn(&Credentials) -> String| credentials.map(text);
        View {
            id: id.to_string(),
            label: credentials.and_then(|credentials| credentials.label.clone()),
            instance_url: text(|credentials| credentials.instance_url.as_str().to_owned()),
            tenant_id: text(|credentials| credentials.tenant_id.to_string()),
            client_id: text(|credentials| credentials.client_id.to_string()),
            checked_at,
            state: Found::Unanswered,
            organization: None,
            user: None,
            secret: credentials.map(|credentials| Secret {
                begins_with: Some(
                    credentials.client_secret.expose_secret().chars().take(SHOWN).collect(),
                ),
                expires_on: credentials.secret_expires_on,
                source: None,
            }),
            tools: None,
            problem: None,
            hints: None,
        }
    }

    /// A connection that works.
    pub(crate) fn healthy(
        id: &ConnectionId,
        credentials: &Credentials,
        inspection: &Inspection,
        tools: &[Definition],
        checked_at: Timestamp,
    ) -> View {
        let view = View::of(id, Some(credentials), checked_at);
        View {
            state: Found::Healthy,
            organization: Some(inspection.organization.clone()),
            user: Some(inspection.user.clone()),
            secret: view.secret.map(|secret| Secret {
                expires_on: inspection.secret.expires_on,
                source: Some(inspection.secret.source),
                ..secret
            }),
            tools: Some(availability::of(tools, &inspection.privileges)),
            ..view
        }
    }

    /// A connection that does not work, and why.
    pub(crate) fn broken(
        id: &ConnectionId,
        credentials: Option<&Credentials>,
        error: &ToolError,
        request_id: &str,
        checked_at: Timestamp,
    ) -> View {
        let state = match error.code() {
            ErrorCode::DynamicsUnavailable
            | ErrorCode::ServiceUnavailable
            | ErrorCode::DeadlineExceeded
            | ErrorCode::RateLimited => Found::Unanswered,
            _ => Found::Broken,
        };
        let problem = Some(error.to_problem(request_id));
        View { state, problem, ..View::of(id, credentials, checked_at) }
    }

    /// With what an administrator should know.
    #[must_use]
    pub(crate) fn with_hints(self, hints: impl IntoIterator<Item = &'static str>) -> View {
        let hints: Vec<_> = hints.into_iter().collect();
        View { hints: (!hints.is_empty()).then_some(hints), ..self }
    }
}
