use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::operation::{Empty, Nothing, Section, Within};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};
use uuid::Uuid;

use super::{KeyView, is_visible, maybe_id};
use crate::parameters::Next;
use crate::{Administration, table};

/// Lists the API keys that were made over the API, the oldest first.
pub(crate) struct ListKeys;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// 100 by default.
    #[serde(default)]
    limit: Within<100, 200>,
    /// The `next` of an earlier answer.
    cursor: Option<Next<Uuid>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKeyList")]
pub(crate) struct Listed {
    keys: Vec<KeyView>,
    #[schemars(schema_with = "maybe_id")]
    next: Option<Uuid>,
}

impl Operation for ListKeys {
    const ID: &'static str = "list_keys";
    const TITLE: &'static str = "List API keys";
    const DESCRIPTION: &'static str = "Those that were made here, and that reach no connection which the caller's own key does not \
         reach. A page may have fewer than it could.";
    const SECTION: Section = Section::Keys;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "The keys without the keys themselves, which nobody knows here.")];
    const EXAMPLE: Example = Example { query: "limit=50", ..Example::PLAIN };

    type About = Nothing;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Listed;

    fn path() -> Cow<'static, str> {
        "/v1/keys".into()
    }
}

/// How many keys are read at once, at least.
const READ_AT_ONCE: usize = 100;

impl Endpoint for ListKeys {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, ListKeys>,
    ) -> Result<Done<Listed>, ToolError> {
        let Parameters { limit, cursor } = request.parameters;
        let limit = limit.get();
        let mut after = cursor.map(|Next(id)| id);
        let mut keys = Vec::new();
        // Until the page is full: where it ends must not tell of a key that the caller may not see.
        // However few are wanted, many are read at once, for most may be others'.
        loop {
            let page = home.state.keys_page(limit.max(READ_AT_ONCE), after).await;
            let page = page.map_err(table::failed)?;
            keys.extend(page.keys.into_iter().filter(|key| is_visible(key, &request.caller)));
            after = page.next;
            if after.is_none() || keys.len() > limit {
                break;
            }
        }
        let is_more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| is_more).map(|key| key.id);
        Ok(Done::new(Listed { keys: keys.into_iter().map(KeyView::from).collect(), next }))
    }
}
