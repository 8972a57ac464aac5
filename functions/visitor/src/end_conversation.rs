use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::operation::{Empty, InHeader, Section};
use toolkit::{
    Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope, ToolError, Tools,
};

/// Ends all that is known of a chat: for sign-out, a shared computer, or when a person takes over.
pub(crate) struct EndConversation;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// The chat, as `X-Conversation-Id` names it.
    id: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedConversation")]
pub(crate) struct Ended {
    /// Nobody is known in the chat any more.
    ended: bool,
}

impl Operation for EndConversation {
    const ID: &'static str = "end_conversation";
    const TITLE: &'static str = "End a chat";
    const DESCRIPTION: &'static str = "Nobody is known in it any more, and it has made nothing.";
    const SECTION: Section = Section::Conversations;
    const METHOD: Method = Method::DELETE;
    const SCOPE: Option<Scope> = Some(Scope::Write);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Changes;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "It is ended.")];
    const PROBLEMS: &'static [ErrorCode] = &[
        ErrorCode::InvalidArguments,
        ErrorCode::Unauthenticated,
        ErrorCode::Forbidden,
        ErrorCode::ServiceUnavailable,
        ErrorCode::DeadlineExceeded,
        ErrorCode::Internal,
    ];
    const EXAMPLE: Example = Example { path: &[("id", "chat-1")], ..Example::PLAIN };

    type About = InHeader;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Ended;

    fn path() -> Cow<'static, str> {
        "/v1/conversations/{id}".into()
    }
}

impl Endpoint for EndConversation {
    type Home = Tools;

    async fn call(
        tools: &Tools,
        request: Request<'_, EndConversation>,
    ) -> Result<Done<Ended>, ToolError> {
        let Request { parameters, about, caller, .. } = request;
        tools.end_conversation(&about, &caller, &parameters.id).await?;
        Ok(Done::new(Ended { ended: true }))
    }
}
