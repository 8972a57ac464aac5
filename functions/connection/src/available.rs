use std::borrow::Cow;

use crm::record::RecordType;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::operation::{Empty, InPath, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};

use crate::Administration;
use crate::columns::{self, Column};

/// Lists the columns of a table that can be added to the sidebar.
pub(crate) struct GetAvailableFields;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// Of which table.
    table: RecordType,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AvailableFields")]
pub(crate) struct Available {
    table: RecordType,
    fields: Vec<Column>,
}

impl Operation for GetAvailableFields {
    const ID: &'static str = "get_available_fields";
    const TITLE: &'static str = "List what can be added to the sidebar";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The columns.")];
    const EXAMPLE: Example = Example { query: "table=contact", ..Example::OF_DEFAULT };

    type About = InPath;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Available;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/sidebar-fields/available".into()
    }
}

impl Endpoint for GetAvailableFields {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, GetAvailableFields>,
    ) -> Result<Done<Available>, ToolError> {
        let table = request.parameters.table;
        let session = home.session(&request.about, &request.incoming, request.call).await?;
        let tables = columns::of_tables(&session, &[table]).await?;
        let fields = tables.into_iter().next().unwrap_or_default();
        Ok(Done::new(Available { table, fields }))
    }
}
