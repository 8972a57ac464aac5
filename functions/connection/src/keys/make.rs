use std::borrow::Cow;

use auth::Confirm;
use http::{Method, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use state::{KeyHash, MadeKey};
use toolkit::operation::{Json, NoParameters, Nothing, Section};
use toolkit::{
    Done, Effect, Endpoint, Example, Operation, Request, Scope, Serves, Template, ToolError,
    new_api_key,
};
use uuid::Uuid;

use super::{
    ConversationIn, KeyView, client, connection_list, connections, fits, fits_template,
    limited_twice, names, not_done, stored, tools, trail,
};
use crate::Administration;

/// Makes an API key. Only its hash is kept.
pub(crate) struct MakeKey;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// Whom the key is for. The log has this name, and idempotency keys belong to it.
    #[schemars(extend("minLength" = 1, "maxLength" = 100))]
    client: String,
    /// The ids of the connections that it is bound to, or `*` for all.
    #[schemars(schema_with = "connection_list")]
    connections: Vec<String>,
    /// What it allows. None of the scopes includes another.
    #[schemars(extend("minItems" = 1))]
    scopes: Vec<Scope>,
    /// Whom it serves: a bot that talks to visitors, or the company's own staff. One for visitors
    /// reaches the tools, the templates, the OpenAPI document and `/mcp` only.
    r#for: Serves,
    /// The names of the tools that it is limited to. Without it, and without template: all.
    tools: Option<Vec<String>>,
    /// The template whose tools it is limited to.
    template: Option<Template>,
    /// Whether its word counts on who a visitor is: `X-Visitor-Email` and `X-Visitor-Id`. Only for a
    /// platform that has checked it.
    #[serde(default)]
    vouches: bool,
    /// Where the id of a chat counts over the Model Context Protocol besides a call's own `_meta`.
    conversation: Option<ConversationIn>,
    /// Which of its calls somebody must have said yes to before they change anything: none, or those
    /// with consequences.
    #[serde(default)]
    confirm: Confirm,
    /// Whether a message of whom the bot talks to is enough for that, also for what cannot be undone.
    #[serde(default)]
    message_is_enough: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeApiKey")]
pub(crate) struct Made {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself. It is shown this once.
    #[serde(serialize_with = "shown")]
    #[schemars(with = "String")]
    key: SecretString,
}

fn shown<S: Serializer>(key: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose_secret())
}

impl Operation for MakeKey {
    const ID: &'static str = "make_key";
    const TITLE: &'static str = "Make an API key";
    const DESCRIPTION: &'static str = "The answer is the only place where the key can be read. If it is lost, revoke the key and make \
         another.";
    const SECTION: Section = Section::Keys;
    const METHOD: Method = Method::POST;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Adds;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::CREATED, "It has been made, and works from now on.")];
    const EXAMPLE: Example = Example::with_body(
        r#"{"client": "chat platform", "connections": ["default"], "scopes": ["read", "write"], "for": "visitors", "template": "customer-service"}"#,
    );

    type About = Nothing;
    type Parameters = NoParameters;
    type Body = Json<Form>;
    type Answer = Made;

    fn path() -> Cow<'static, str> {
        "/v1/keys".into()
    }
}

impl Endpoint for MakeKey {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, MakeKey>,
    ) -> Result<Done<Made>, ToolError> {
        let Json(form) = request.body;
        let now = Timestamp::now();
        let scopes = names(&form.scopes)?;
        let is_limited = form.tools.is_some() || form.template.is_some();
        fits(Some(form.r#for), &scopes, is_limited)?;
        fits_template(Some(form.r#for), form.template.map(Template::id))?;
        if form.tools.is_some() && form.template.is_some() {
            return Err(limited_twice());
        }
        let made = MadeKey {
            id: Uuid::now_v7(),
            client: client(&form.client)?,
            connections: connections(&form.connections, &request.caller)?,
            scopes,
            serves: Some(form.r#for.as_str().to_owned()),
            tools: form.tools.map(|names| tools(&names, &home.tools)).transpose()?,
            template: form.template.map(|template| template.id().to_owned()),
            vouches: form.vouches,
            conversation: form.conversation.map(ConversationIn::as_text),
            confirm: stored(form.confirm),
            message_is_enough: form.message_is_enough,
            made_at: now,
            made_by: request.caller.client.clone(),
            changed_at: now,
        };
        let key = new_api_key().map_err(ToolError::internal)?;
        let hash: [u8; 32] = Sha256::digest(key.expose_secret().as_bytes()).into();
        home.state.add_key(&KeyHash::new(&hash), &made).await.map_err(not_done)?;
        let request_id = &request.incoming.request_id;
        trail("an API key was made", &made, None, &request.caller, request_id);
        Ok(Done::new(Made { view: made.into(), key }).with_status(StatusCode::CREATED))
    }
}
