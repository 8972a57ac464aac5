use std::borrow::Cow;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use toolkit::operation::{Empty, Nothing, Section};
use toolkit::{
    Audience, Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope, Template,
    ToolError,
};

use crate::selection::{Access, Group};
use crate::{Catalog, Format, Selection};

/// How the operations of the catalogue may fail.
pub(crate) const PROBLEMS: [ErrorCode; 7] = [
    ErrorCode::InvalidArguments,
    ErrorCode::Unauthenticated,
    ErrorCode::Forbidden,
    ErrorCode::NotFound,
    ErrorCode::ServiceUnavailable,
    ErrorCode::DeadlineExceeded,
    ErrorCode::Internal,
];

/// Lists the tools, in one of the dialects.
pub(crate) struct ListTools;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// In the dialect of which vendor. Without it: our own.
    #[serde(default)]
    format: Format,
    /// Those of one group.
    group: Option<Group>,
    /// Those of a starter template.
    template: Option<Template>,
    /// Those that only look, or those that change something.
    access: Option<Access>,
}

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ToolList")]
pub(crate) struct Listed {
    #[schemars(with = "Vec<Map<String, Value>>")]
    tools: Value,
}

impl Operation for ListTools {
    const ID: &'static str = "list_tools";
    const TITLE: &'static str = "List the tools";
    const SECTION: Section = Section::Catalog;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const IS_FOR_VISITORS: bool = true;
    const EFFECT: Effect = Effect::Reads;
    const IS_KEPT: bool = true;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "The tools, as the vendor's API takes them.")];
    const PROBLEMS: &'static [ErrorCode] = &PROBLEMS;
    const EXAMPLE: Example = Example::PLAIN;

    type About = Nothing;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Listed;

    fn path() -> Cow<'static, str> {
        "/v1/tools".into()
    }
}

impl Endpoint for ListTools {
    type Home = Catalog;

    async fn call(
        catalog: &Catalog,
        request: Request<'_, ListTools>,
    ) -> Result<Done<Listed>, ToolError> {
        let Parameters { format, group, template, access } = request.parameters;
        let selection = Selection::new(group, template, access);
        let wanted = catalog.tools.iter();
        let caller = &request.caller;
        let wanted = wanted.filter(|tool| selection.has(tool) && caller.lists(tool));
        Ok(Done::new(Listed { tools: format.tools(wanted, Audience::of(caller)) }))
    }
}
