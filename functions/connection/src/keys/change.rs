use std::borrow::Cow;

use auth::{Confirm, Sent};
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use state::MadeKey;
use toolkit::operation::{Json, Nothing, Section};
use toolkit::{
    Done, Effect, Endpoint, Example, Operation, Request, Scope, Serves, Template, ToolError,
};

use super::{
    ConversationIn, KeyId, KeyView, SAMPLE, client, connection_list, connections, fits,
    fits_template, given, is_visible, limited_twice, names, no_such_key, not_done, stored, tools,
    trail,
};
use crate::{Administration, table};

/// Changes what an API key allows. The key itself stays as it is.
pub(crate) struct ChangeKey;

/// A field that is left out stays as it is. A list replaces the one that is there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    #[schemars(extend("minLength" = 1, "maxLength" = 100), with = "String")]
    #[serde(default, deserialize_with = "given")]
    client: Option<String>,
    #[schemars(schema_with = "connection_list")]
    #[serde(default, deserialize_with = "given")]
    connections: Option<Vec<String>>,
    #[schemars(with = "Vec<Scope>", extend("minItems" = 1))]
    #[serde(default, deserialize_with = "given")]
    scopes: Option<Vec<Scope>>,
    #[schemars(with = "Serves")]
    #[serde(default, deserialize_with = "given")]
    r#for: Option<Serves>,
    /// It takes the place of a template. `null`: it is not limited to some tools any more.
    #[schemars(with = "Option<Vec<String>>")]
    #[serde(default)]
    tools: Sent<Vec<String>>,
    /// It takes the place of tools. `null`: it is not limited to a template any more.
    #[schemars(with = "Option<Template>")]
    #[serde(default)]
    template: Sent<Template>,
    /// Whether its word counts on who a visitor is.
    #[schemars(with = "bool")]
    #[serde(default, deserialize_with = "given")]
    vouches: Option<bool>,
    /// `null`: only a call's own `_meta` counts.
    #[schemars(with = "Option<ConversationIn>")]
    #[serde(default)]
    conversation: Sent<ConversationIn>,
    /// Which of its calls somebody must have said yes to.
    #[schemars(with = "Confirm")]
    #[serde(default, deserialize_with = "given")]
    confirm: Option<Confirm>,
    /// Whether a message is enough for that.
    #[schemars(with = "bool")]
    #[serde(default, deserialize_with = "given")]
    message_is_enough: Option<bool>,
}

impl Operation for ChangeKey {
    const ID: &'static str = "change_key";
    const TITLE: &'static str = "Change an API key";
    const DESCRIPTION: &'static str = "What is left out stays as it is. The gateway keeps what a key allows for up to five minutes.";
    const SECTION: Section = Section::Keys;
    const METHOD: Method = Method::PUT;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Changes;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "As it is now.")];
    const EXAMPLE: Example =
        Example { path: &[SAMPLE], body: r#"{"scopes": ["read"]}"#, ..Example::PLAIN };

    type About = Nothing;
    type Parameters = KeyId;
    type Body = Json<Form>;
    type Answer = KeyView;

    fn path() -> Cow<'static, str> {
        "/v1/keys/{id}".into()
    }
}

impl Endpoint for ChangeKey {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, ChangeKey>,
    ) -> Result<Done<KeyView>, ToolError> {
        let (KeyId { id }, Json(form)) = (request.parameters, request.body);
        let is_limited = form.tools != Sent::Omitted || form.template != Sent::Omitted;
        if form.client.is_none()
            && form.connections.is_none()
            && form.scopes.is_none()
            && form.r#for.is_none()
            && form.vouches.is_none()
            && form.conversation == Sent::Omitted
            && form.confirm.is_none()
            && form.message_is_enough.is_none()
            && !is_limited
        {
            let fields = "client, connections, scopes, for, tools, template, vouches, \
                          conversation, confirm, message_is_enough";
            return Err(ToolError::needs_one_of(fields));
        }
        let found = home.state.key(id).await.map_err(table::failed)?;
        let (hash, before) =
            found.filter(|(_, key)| is_visible(key, &request.caller)).ok_or_else(no_such_key)?;
        let mut changed = MadeKey { changed_at: Timestamp::now(), ..before.clone() };
        if let Some(name) = &form.client {
            changed.client = client(name)?;
        }
        if let Some(ids) = &form.connections {
            changed.connections = connections(ids, &request.caller)?;
        }
        if let Some(scopes) = &form.scopes {
            changed.scopes = names(scopes)?;
        }
        if let Some(serves) = form.r#for {
            changed.serves = Some(serves.as_str().to_owned());
        }
        changed.vouches = form.vouches.unwrap_or(changed.vouches);
        if let Some(confirm) = form.confirm {
            changed.confirm = stored(confirm);
        }
        changed.message_is_enough = form.message_is_enough.unwrap_or(changed.message_is_enough);
        match form.conversation {
            Sent::Omitted => {}
            Sent::Null => changed.conversation = None,
            Sent::Value(place) => changed.conversation = Some(place.as_text()),
        }
        match (form.tools, form.template) {
            (Sent::Value(_), Sent::Value(_)) => return Err(limited_twice()),
            (Sent::Value(names), _) => {
                changed.tools = Some(tools(&names, &home.tools)?);
                changed.template = None;
            }
            (_, Sent::Value(template)) => {
                changed.template = Some(template.id().to_owned());
                changed.tools = None;
            }
            (tools, template) => {
                changed.tools = changed.tools.filter(|_| tools == Sent::Omitted);
                changed.template = changed.template.filter(|_| template == Sent::Omitted);
            }
        }
        let serves = changed.serves.as_deref().and_then(|serves| serves.parse().ok());
        let is_limited = changed.tools.is_some() || changed.template.is_some();
        fits(serves, &changed.scopes, is_limited)?;
        fits_template(serves, changed.template.as_deref())?;
        home.state.change_key(&hash, &before, &changed).await.map_err(not_done)?;
        let request_id = &request.incoming.request_id;
        trail("an API key was changed", &changed, Some(&before), &request.caller, request_id);
        Ok(Done::new(changed.into()))
    }
}
