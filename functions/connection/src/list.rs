use std::borrow::Cow;
use std::ops::Bound;

use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{Connection, ConnectionCursor, ConnectionPage, Health, State, StateError, Status};
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
pub(crate) struct Listed {
    connections: Vec<Entry>,
    next: Option<Next<ConnectionCursor>>,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    #[schemars(schema_with = "schema::connection_id")]
    id: String,
    label: Option<String>,
    organization: Option<String>,
    instance_url: String,
    state: Known,
    cause: Option<String>,
    set_up_step: Option<u8>,
    #[schemars(schema_with = "schema::maybe_moment")]
    checked_at: Option<Timestamp>,
    #[schemars(schema_with = "schema::maybe_day")]
    secret_expires_on: Option<Date>,
}

/// How a connection was when it was last checked.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Known {
    Healthy,
    Broken,
    Unknown,
}

impl Operation for ListConnections {
    const ID: &'static str = "list_connections";
    const TITLE: &'static str = "List connections";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Scope = Scope::Admin;
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

/// Of a key that is bound to some, only those are read, however many others there are.
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
    let mut connections: Vec<Connection> = Vec::new();
    // Not each id of a key has been set up. One more tells whether there is a next page.
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

fn entry(connection: &Connection, health: Option<&Health>) -> Entry {
    let (state, cause, set_up_step) = match health.map(|health| &health.status) {
        Some(Status::Healthy) => (Known::Healthy, None, None),
        Some(Status::Broken { cause, step, .. }) => (Known::Broken, Some(cause.clone()), *step),
        None => (Known::Unknown, None, None),
    };
    let expires_on = health.and_then(|health| health.secret.expires_on());
    Entry {
        id: connection.id.to_string(),
        label: connection.label.clone(),
        organization: connection.organization.as_ref().map(|it| it.name.clone()),
        instance_url: connection.instance_url.clone(),
        state,
        cause,
        set_up_step,
        checked_at: health.map(|health| health.checked_at),
        secret_expires_on: expires_on.or(connection.secret_expires_on),
    }
}
