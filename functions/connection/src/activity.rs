use std::borrow::Cow;

use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{Cursor, EntryKind, Filter, StateError};
use toolkit::operation::{Empty, InPath, Section, Within};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};
use uuid::Uuid;

use crate::look::TestConnection;
use crate::parameters::{Moment, Next, Outcome, RecordId};
use crate::set_up::SetUpConnection;
use crate::visitors::SetVisitors;
use crate::{Administration, schema, table};

/// Shows what was done over a connection, the latest first.
pub(crate) struct GetActivity;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// From then on.
    from: Option<Moment>,
    /// Until then.
    to: Option<Moment>,
    /// Calls of that tool.
    tool: Option<String>,
    /// `ok`, `failed` for whatever did not end well, or the code of an error.
    outcome: Option<Outcome>,
    /// Of that chat.
    conversation: Option<String>,
    /// The call with this X-Request-Id.
    request_id: Option<String>,
    /// Calls about the record with this id.
    record: Option<RecordId>,
    /// Calls for the visitor with this contact, or this `visitor` of an entry.
    visitor: Option<String>,
    /// 50 by default.
    #[serde(default)]
    limit: Within<50, 200>,
    /// The `next` of an earlier answer.
    cursor: Option<Next<Cursor>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ActivityLog")]
pub(crate) struct Activity {
    entries: Vec<ActivityEntry>,
    next: Option<Next<Cursor>>,
}

#[derive(Serialize, JsonSchema)]
struct ActivityEntry {
    #[schemars(schema_with = "schema::moment")]
    at: Timestamp,
    kind: EntryKind,
    tool: Option<String>,
    #[schemars(schema_with = "schema::outcome")]
    outcome: String,
    cause: Option<String>,
    set_up_step: Option<u8>,
    code: Option<String>,
    duration_ms: u64,
    trips: u32,
    conversation: Option<String>,
    client: Option<String>,
    records: Option<Vec<Uuid>>,
    dataverse_request_id: Option<String>,
    /// How it was known who the visitor is: `platform`, `token` or `code`; `nobody` if it was not. Only of
    /// calls for visitors.
    verified_by: Option<String>,
    /// A keyed hash of what the visitor is known by. It is another one once the sealing key has been
    /// rotated.
    visitor: Option<String>,
    /// The visitor's contact.
    contact: Option<Uuid>,
    /// The `confirmation_id` under which the call waits, or has waited, until somebody says yes.
    confirmation: Option<String>,
    request_id: String,
}

impl From<state::LogEntry> for ActivityEntry {
    fn from(entry: state::LogEntry) -> ActivityEntry {
        ActivityEntry {
            at: entry.at,
            kind: entry.kind,
            tool: entry.tool,
            outcome: entry.outcome,
            cause: entry.cause,
            set_up_step: entry.set_up_step,
            code: entry.code,
            duration_ms: entry.duration_ms,
            trips: entry.trips,
            conversation: entry.conversation,
            client: entry.client,
            records: (!entry.records.is_empty()).then_some(entry.records),
            dataverse_request_id: entry.dataverse_request_id,
            verified_by: entry.verified_by,
            visitor: entry.visitor,
            contact: entry.contact,
            confirmation: entry.confirmation,
            request_id: entry.request_id,
        }
    }
}

impl Operation for GetActivity {
    const ID: &'static str = "get_activity";
    const TITLE: &'static str = "Read the activity log";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The latest first.")];
    const EXAMPLE: Example = Example { query: "outcome=ok", ..Example::OF_DEFAULT };

    type About = InPath;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Activity;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/activity".into()
    }
}

impl Endpoint for GetActivity {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, GetActivity>,
    ) -> Result<Done<Activity>, ToolError> {
        let Parameters {
            from,
            to,
            tool,
            outcome,
            conversation,
            request_id,
            record,
            visitor,
            limit,
            cursor,
        } = request.parameters;
        let tool = tool.map(|name| known(home, name)).transpose()?;
        let filter = Filter {
            from: from.map(Moment::begins),
            to: to.map(Moment::ends),
            tool,
            outcome: outcome.map(|Outcome(ended)| ended),
            conversation,
            request_id,
            record: record.map(|RecordId(id)| id),
            visitor,
        };
        let cursor = cursor.as_ref().map(|Next(cursor)| cursor);
        let page = home.state.activity(&request.about, &filter, limit.get(), cursor).await;
        let page = page.map_err(|error| match error {
            StateError::ForeignCursor => ToolError::invalid(
                "cursor",
                "must be the `next` of an earlier answer for this connection",
            ),
            error => table::failed(error),
        })?;
        let entries = page.entries.into_iter().map(ActivityEntry::from).collect();
        Ok(Done::new(Activity { entries, next: page.next.map(Next) }))
    }
}

/// The operations beside the tools that the log has.
const OTHERS: [&str; 3] = [SetUpConnection::ID, TestConnection::ID, SetVisitors::ID];

/// The name of an operation that the log can have.
fn known(home: &Administration, name: String) -> Result<String, ToolError> {
    let mut names = home.tools.iter().map(|tool| tool.name).chain(OTHERS);
    if names.any(|known| known == name) {
        return Ok(name);
    }
    let names: Vec<_> = home.tools.iter().map(|tool| tool.name).chain(OTHERS).collect();
    Err(ToolError::invalid("tool", format!("must be one of {}", names.join(", "))))
}
