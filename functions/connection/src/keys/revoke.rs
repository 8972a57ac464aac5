use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::operation::{Empty, Nothing, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};
use uuid::Uuid;

use super::{KeyId, SAMPLE, id, is_visible, no_such_key, not_done, trail};
use crate::{Administration, table};

/// Revokes an API key.
pub(crate) struct RevokeKey;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevokedApiKey")]
pub(crate) struct Revoked {
    #[schemars(schema_with = "id")]
    id: Uuid,
    revoked: bool,
}

impl Operation for RevokeKey {
    const ID: &'static str = "revoke_key";
    const TITLE: &'static str = "Revoke an API key";
    const DESCRIPTION: &'static str = "It is refused from then on, except that the gateway keeps an answer for up to five minutes.";
    const SECTION: Section = Section::Keys;
    const METHOD: Method = Method::DELETE;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Closes;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "It has been revoked.")];
    const EXAMPLE: Example = Example { path: &[SAMPLE], ..Example::PLAIN };

    type About = Nothing;
    type Parameters = KeyId;
    type Body = Empty;
    type Answer = Revoked;

    fn path() -> Cow<'static, str> {
        "/v1/keys/{id}".into()
    }
}

impl Endpoint for RevokeKey {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, RevokeKey>,
    ) -> Result<Done<Revoked>, ToolError> {
        let KeyId { id } = request.parameters;
        let found = home.state.key(id).await.map_err(table::failed)?;
        let (_, key) =
            found.filter(|(_, key)| is_visible(key, &request.caller)).ok_or_else(no_such_key)?;
        home.state.revoke_key(id).await.map_err(not_done)?;
        let request_id = &request.incoming.request_id;
        trail("an API key was revoked", &key, None, &request.caller, request_id);
        Ok(Done::new(Revoked { id, revoked: true }))
    }
}
