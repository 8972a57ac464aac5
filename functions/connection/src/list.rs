use std::borrow::Cow;
use std::ops::Bound;

use auth::SecretExpiry;
use auth::health::{Health, Standing, Status};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{ConnectionCursor, ConnectionPage, Registration, State, StateError};
use toolkit::operation::{Empty, Nothing, Section, Within};
use toolkit::{Done, Effect, Endpoint, Example, Grants, Operation, Request, Scope, ToolError};

use crate::parameters::Next;
use crate::{Administration, schema, table};

/// Lists the connections that the caller's key is bound to, as they were when last checked.
pub(crate) struct ListConnections;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// 100 by default.
    #[serde(default)]
    limit: Within<100, 200>,
    /// The `next` of an earlier answer.
    cursor: Option<Next<ConnectionCursor>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectionList")]
pub(crate) struct Listed {
    connections: Vec<ConnectionSummary>,
    next: Option<Next<ConnectionCursor>>,
}

#[derive(Serialize, JsonSchema)]
struct ConnectionSummary {
    #[schemars(schema_with = "schema::connection_id")]
    id: String,
    label: Option<String>,
    organization: Option<String>,
    instance_url: String,
    state: Standing,
    cause: Option<String>,
    set_up_step: Option<u8>,
    #[schemars(schema_with = "schema::maybe_moment")]
    checked_at: Option<Timestamp>,
    #[schemars(schema_with = "schema::maybe_day")]
    secret_expires_on: Option<Date>,
}

impl Operation for ListConnections {
    const ID: &'static str = "list_connections";
    const TITLE: &'static str = "List connections";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "Those of the key, as when last checked.")];
    const EXAMPLE: Example = Example { query: "limit=50", ..Example::PLAIN };

    type About = Nothing;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Listed;

    fn path() -> Cow<'static, str> {
        "/v1/connections".into()
    }
}

impl Endpoint for ListConnections {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, ListConnections>,
    ) -> Result<Done<Listed>, ToolError> {
        let Parameters { limit, cursor } = request.parameters;
        let cursor = cursor.as_ref().map(|Next(cursor)| cursor);
        let page = page(&home.state, &request.caller.connections, limit.get(), cursor);
        let page = page.await.map_err(table::failed)?;
        let ids: Vec<_> = page.connections.iter().map(|connection| connection.id.clone()).collect();
        let healths = home.state.healths(&ids).await.map_err(table::failed)?;
        let connections = page.connections.iter();
        let connections =
            connections.map(|connection| entry(connection, healths.get(&connection.id))).collect();
        Ok(Done::new(Listed { connections, next: page.next.map(Next) }))
    }
}

/// Reads a page of the list. For a key that is bound to some connections, only those are read,
/// however many others there are.
async fn page(
    state: &State,
    granted: &Grants,
    limit: usize,
    cursor: Option<&ConnectionCursor>,
) -> Result<ConnectionPage, StateError> {
    let Grants::Only(ids) = granted else {
        return state.connections_page(limit, cursor).await;
    };
    let after = cursor.map_or(Bound::Unbounded, |cursor| Bound::Excluded(cursor.last()));
    let left: Vec<_> = ids.range((after, Bound::Unbounded)).cloned().collect();
    let mut connections: Vec<Registration> = Vec::new();
    // Not every id of a key has been set up. One more than wanted tells whether there is a next
    // page.
    for some in left.chunks(limit + 1) {
        let mut found = state.connections_of(some).await?;
        connections.extend(some.iter().filter_map(|id| found.remove(id)));
        if connections.len() > limit {
            break;
        }
    }
    let is_more = connections.len() > limit;
    connections.truncate(limit);
    let last = connections.last().filter(|_| is_more);
    let next = last.map(|connection| ConnectionCursor::after(connection.id.clone()));
    Ok(ConnectionPage { connections, next })
}

fn entry(registration: &Registration, health: Option<&Health>) -> ConnectionSummary {
    let (cause, set_up_step) = match health.map(|health| &health.status) {
        Some(Status::Broken { cause, step, .. }) => (Some(cause.clone()), *step),
        _ => (None, None),
    };
    let known = health.map_or(SecretExpiry::Unknown, |health| health.secret);
    ConnectionSummary {
        id: registration.id.to_string(),
        label: registration.label.clone(),
        organization: registration.organization.as_ref().and_then(|it| it.name.clone()),
        instance_url: registration.instance_url.clone(),
        state: health.map_or(Standing::Unknown, Health::standing),
        cause,
        set_up_step,
        checked_at: health.map(|health| health.checked_at),
        secret_expires_on: registration.expiry(known).expires_on(),
    }
}
