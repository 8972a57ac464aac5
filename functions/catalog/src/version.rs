use std::borrow::Cow;

use http::{Method, StatusCode};
use jiff::{Timestamp, Unit};
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::operation::{Empty, NoParameters, Nothing, Section};
use toolkit::{Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope, ToolError};

use crate::Catalog;
use crate::tools_list::PROBLEMS;

/// Tells which version is deployed.
pub(crate) struct GetVersion;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Version {
    /// As `CHANGELOG.md` has it.
    version: &'static str,
    /// What time it is to the service.
    #[schemars(schema_with = "moment")]
    time: Timestamp,
}

fn moment(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "format": "date-time"})
}

impl Operation for GetVersion {
    const ID: &'static str = "get_version";
    const TITLE: &'static str = "Tell the version";
    const SECTION: Section = Section::Catalog;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = None;
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "The version that is deployed.")];
    const PROBLEMS: &'static [ErrorCode] = &PROBLEMS;
    const EXAMPLE: Example = Example::PLAIN;

    type About = Nothing;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = Version;

    fn path() -> Cow<'static, str> {
        "/v1/version".into()
    }
}

impl Endpoint for GetVersion {
    type Home = Catalog;

    async fn call(_: &Catalog, _: Request<'_, GetVersion>) -> Result<Done<Version>, ToolError> {
        let now = Timestamp::now();
        let time = now.round(Unit::Second).unwrap_or(now);
        Ok(Done::new(Version { version: env!("CARGO_PKG_VERSION"), time }))
    }
}
