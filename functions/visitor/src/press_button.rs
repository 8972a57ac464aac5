use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use state::EntryKind;
use toolkit::operation::{Empty, InHeader, Section};
use toolkit::{
    CONFIRMATION, Carried, Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError,
    Tools,
};

/// Carries out a call that waited until somebody pressed the platform's button.
pub(crate) struct PressButton;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// The `confirmation_id`.
    id: String,
}

impl Operation for PressButton {
    const ID: &'static str = "press_button";
    const TITLE: &'static str = "Say yes to a call that waits";
    const DESCRIPTION: &'static str = "For the platform's button. The header X-Confirmation has the \
        value that came in the same header with what is shown. The other headers are those of the call \
        itself.";
    const SECTION: Section = Section::Conversations;
    const METHOD: Method = Method::POST;
    const SCOPE: Option<Scope> = Some(Scope::Write);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Closes;
    const TAKES_BUTTON: bool = true;
    const KIND: Option<EntryKind> = Some(EntryKind::ToolCall);
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "What the tool itself answers.")];
    const EXAMPLE: Example = Example { path: &[("id", "3f9a1b2c")], ..Example::PLAIN };

    type About = InHeader;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Carried;

    fn path() -> Cow<'static, str> {
        "/v1/confirmations/{id}".into()
    }
}

impl Endpoint for PressButton {
    type Home = Tools;

    async fn call(
        tools: &Tools,
        request: Request<'_, PressButton>,
    ) -> Result<Done<Carried>, ToolError> {
        let Request { parameters, about, caller, incoming, call, .. } = request;
        if !incoming.headers.contains_key(&CONFIRMATION) {
            return Err(ToolError::invalid("header X-Confirmation", "must be given"));
        }
        tools.confirm(&about, &caller, incoming, call, &parameters.id).await
    }
}
