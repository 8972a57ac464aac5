//! A connection, as its administrator sees it.

use auth::health::{Health, Standing};
use auth::{
    ConnectionId, Credentials, DatedSecret, ExpirySource, Inspection, Organization, SecretExpiry,
    User,
};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use state::Registration;
use toolkit::{Definition, ToolError};

use crate::availability::{self, Availability};
use crate::schema;

/// A connection as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(crate) struct View {
    #[schemars(schema_with = "schema::connection_id")]
    id: String,
    label: Option<String>,
    instance_url: Option<String>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    #[schemars(schema_with = "schema::moment")]
    checked_at: Timestamp,
    state: Standing,
    organization: Option<Organization>,
    user: Option<User>,
    secret: Option<Secret>,
    tools: Option<Vec<Availability>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::problem")]
    problem: Option<Value>,
    hints: Option<Vec<&'static str>>,
}

/// The client secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ClientSecret")]
struct Secret {
    begins_with: Option<String>,
    #[schemars(schema_with = "schema::maybe_day")]
    expires_on: Option<Date>,
    source: Option<ExpirySource>,
}

impl View {
    /// A connection with these credentials, in this state.
    pub(crate) fn of(
        id: &ConnectionId,
        credentials: Option<&Credentials>,
        state: Standing,
        checked_at: Timestamp,
    ) -> View {
        let text = |text: fn(&Credentials) -> String| credentials.map(text);
        View {
            id: id.to_string(),
            label: credentials.and_then(|credentials| credentials.label.clone()),
            instance_url: text(|credentials| credentials.instance_url.as_str().to_owned()),
            tenant_id: text(|credentials| credentials.tenant_id.clone()),
            client_id: text(|credentials| credentials.client_id.to_string()),
            checked_at,
            state,
            organization: None,
            user: None,
            secret: credentials.map(|credentials| Secret {
                begins_with: Some(credentials.proof.hint()),
                expires_on: credentials.secret_expires_on,
                source: None,
            }),
            tools: None,
            problem: None,
            hints: None,
        }
    }

    /// Adds what an inspection found.
    #[must_use]
    pub(crate) fn with_inspection(self, inspection: &Inspection, tools: &[Definition]) -> View {
        View {
            organization: Some(inspection.organization.clone()),
            user: Some(inspection.user.clone()),
            secret: self.secret.map(|secret| Secret {
                expires_on: inspection.secret.expires_on(),
                source: Some(inspection.secret.source()),
                ..secret
            }),
            tools: Some(availability::of(tools, &inspection.privileges)),
            ..self
        }
    }

    /// Adds what is known of the client secret's end, if an inspection did not find it out.
    #[must_use]
    pub(crate) fn with_known_expiry(
        self,
        credentials: Option<&Credentials>,
        registration: Option<&Registration>,
        health: Option<&Health>,
    ) -> View {
        let (Some(credentials), Some(registration)) = (credentials, registration) else {
            return self;
        };
        let known = registration.secret.as_ref();
        let is_same = known.is_some_and(|known| known.is_of(credentials));
        let expiry = health.filter(|_| is_same).map_or(SecretExpiry::Unknown, |it| it.secret);
        let expiry = expiry.or_given(DatedSecret::found(credentials, known).expires_on());
        let (expires_on, source) = (expiry.expires_on(), Some(expiry.source()));
        View { secret: self.secret.map(|secret| Secret { expires_on, source, ..secret }), ..self }
    }

    /// Adds why the connection could not be inspected.
    #[must_use]
    pub(crate) fn with_problem(self, error: &ToolError, request_id: &str) -> View {
        let problem = error.clone().to_administrator().to_problem(request_id);
        View { problem: Some(problem), ..self }
    }

    /// Adds what an administrator should know.
    #[must_use]
    pub(crate) fn with_hints(self, hints: impl IntoIterator<Item = &'static str>) -> View {
        let hints: Vec<_> = hints.into_iter().collect();
        View { hints: (!hints.is_empty()).then_some(hints), ..self }
    }
}
