use std::borrow::Cow;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::operation::{Empty, InPath, NoParameters, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};

use crate::{Administration, known, schema, table};

/// How long AWS keeps a deleted secret.
const RECOVERABLE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Removes a connection. Its secret can be restored for seven days: by AWS's restore-secret, or by
/// setting the connection up again.
pub(crate) struct RemoveConnection;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RemovedConnection")]
pub(crate) struct Removed {
    #[schemars(schema_with = "schema::connection_id")]
    id: String,
    removed: bool,
    #[schemars(schema_with = "schema::maybe_moment")]
    recoverable_until: Option<Timestamp>,
}

impl Operation for RemoveConnection {
    const ID: &'static str = "remove_connection";
    const TITLE: &'static str = "Remove a connection";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::DELETE;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Closes;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "For seven days it can be had back by setting it up again.")];
    const EXAMPLE: Example = Example::OF_DEFAULT;

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = Removed;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}".into()
    }
}

impl Endpoint for RemoveConnection {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, RemoveConnection>,
    ) -> Result<Done<Removed>, ToolError> {
        let id = request.about;
        let known = home.state.connection(&id).await.map_err(table::failed)?;
        if known.is_none() && known::is_removed(home, &id).await {
            return Err(known::gone());
        }
        home.connections.remove(&id).await.map_err(known::secret_not_changed)?;
        home.state.remove_connection(&id).await.map_err(table::failed)?;
        let recoverable_until = Timestamp::now().checked_add(RECOVERABLE).ok();
        Ok(Done::new(Removed { id: id.to_string(), removed: true, recoverable_until }))
    }
}
