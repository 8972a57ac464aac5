use std::borrow::Cow;

use crm::text::Bare;
use crm::visible::{Access, Visible};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use state::EntryKind;
use toolkit::operation::{Arguments as Given, InHeader, NoParameters, Section};
use toolkit::{
    CONFIRM_TOOL, Carried, Definition, Done, Effect, Endpoint, Example, Operation, Request, Scope,
    ToolError, Tools,
};

/// Carries out a call that waited until somebody said yes.
pub(crate) struct Confirm;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// From the error.
    #[open]
    confirmation_id: Bare<32>,
}

impl Operation for Confirm {
    const ID: &'static str = CONFIRM_TOOL;
    const TITLE: &'static str = "Confirm";
    const DESCRIPTION: &'static str = "Carry out what waits for a yes, after the yes.";
    const SECTION: Section = Section::Tools;
    const METHOD: Method = Method::POST;
    const SCOPE: Option<Scope> = Some(Scope::Write);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Closes;
    const KIND: Option<EntryKind> = Some(EntryKind::ToolCall);
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "What the tool itself answers.")];
    const EXAMPLE: Example = Example::with_body(r#"{"confirmation_id": "3f9a1b2c"}"#);

    type About = InHeader;
    type Parameters = NoParameters;
    type Body = Given<Arguments>;
    type Answer = Carried;

    fn path() -> Cow<'static, str> {
        format!("/v1/tools/{CONFIRM_TOOL}").into()
    }

    fn definition(group: &'static str) -> Option<Definition> {
        Some(Definition::of_operation::<Self, Arguments>(group, Access::Open))
    }
}

impl Endpoint for Confirm {
    type Home = Tools;

    async fn call(
        tools: &Tools,
        request: Request<'_, Confirm>,
    ) -> Result<Done<Carried>, ToolError> {
        let Request { body, about, caller, incoming, call, .. } = request;
        let id = body.read.confirmation_id;
        tools.confirm(&about, &caller, incoming, call, id.as_str()).await
    }
}
