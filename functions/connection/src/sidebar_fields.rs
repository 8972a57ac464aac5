use std::borrow::Cow;

use auth::{Sent, meant_field};
use crm::labels::Choice as _;
use crm::record::RecordType;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{FieldType, SidebarField};
use toolkit::operation::{Empty, InPath, Json, NoParameters, Section};
use toolkit::{Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};

use crate::columns::{self, Column, is_standard};
use crate::{Administration, known, table};

/// How many fields may be added: an agent has to read them while chatting.
const MOST: usize = 20;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// A list replaces the chosen fields, and `null` removes them all. Left out, they stay.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Field>>", extend("maxItems" = MOST))]
    fields: Sent<Vec<Field>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SidebarField")]
struct Field {
    table: RecordType,
    column: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SidebarFields")]
pub(crate) struct Fields {
    fields: Vec<Shown>,
}

/// A field of the sidebar.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SidebarField")]
struct Shown {
    #[schemars(with = "RecordType")]
    table: String,
    column: String,
    label: String,
    #[serde(rename = "type")]
    kind: FieldType,
    /// Whether it is always shown.
    standard: bool,
}

/// Shows which fields the sidebar has.
pub(crate) struct GetSidebarFields;

impl Operation for GetSidebarFields {
    const ID: &'static str = "get_sidebar_fields";
    const TITLE: &'static str = "List the fields of the sidebar";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The fields.")];
    const EXAMPLE: Example = Example::OF_DEFAULT;

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = Fields;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/sidebar-fields".into()
    }
}

impl Endpoint for GetSidebarFields {
    type Home = Administration;

    /// Fails if the table does not answer. Half an answer would be taken for the whole, and stored.
    async fn call(
        home: &Administration,
        request: Request<'_, GetSidebarFields>,
    ) -> Result<Done<Fields>, ToolError> {
        let chosen = home.state.sidebar_fields(&request.about).await.map_err(table::failed)?;
        Ok(Done::new(shown(chosen.unwrap_or_default())))
    }
}

/// Chooses the fields that the sidebar has in addition to those that are always there.
pub(crate) struct SetSidebarFields;

impl Operation for SetSidebarFields {
    const ID: &'static str = "set_sidebar_fields";
    const TITLE: &'static str = "Choose the fields of the sidebar";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::PUT;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Changes;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "The fields.")];
    const EXAMPLE: Example = Example {
        body: r#"{"fields": [{"table": "contact", "column": "department"}]}"#,
        ..Example::OF_DEFAULT
    };

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Json<Form>;
    type Answer = Fields;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/sidebar-fields".into()
    }
}

impl Endpoint for SetSidebarFields {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, SetSidebarFields>,
    ) -> Result<Done<Fields>, ToolError> {
        let (id, Json(form)) = (&request.about, request.body);
        let fields = match form.fields {
            Sent::Value(fields) => fields,
            Sent::Null => Vec::new(),
            Sent::Omitted => {
                let chosen = home.state.sidebar_fields(id).await.map_err(table::failed)?;
                return Ok(Done::new(shown(chosen.unwrap_or_default())));
            }
        };
        if fields.len() > MOST {
            return Err(ToolError::invalid("fields", format!("must be at most {MOST}")));
        }
        let session = home.session(id, &request.incoming, request.call).await?;
        let chosen = checked(&session, &fields).await?;
        home.state.put_sidebar_fields(id, &chosen).await.map_err(table::failed)?;
        let registered = home.state.connection(id).await.map_err(table::failed)?;
        if registered.is_none() && known::is_removed(home, id).await {
            home.state.remove_connection(id).await.map_err(table::failed)?;
            return Err(known::gone());
        }
        Ok(Done::new(shown(chosen)))
    }
}

/// Checks that the organization has each of these fields. One trip.
async fn checked(
    session: &dataverse::Session,
    fields: &[Field],
) -> Result<Vec<SidebarField>, ToolError> {
    let mut tables: Vec<RecordType> = Vec::new();
    for field in fields {
        if !tables.contains(&field.table) {
            tables.push(field.table);
        }
    }
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let columns = columns::of_tables(session, &tables).await?;
    let mut chosen: Vec<SidebarField> = Vec::new();
    for (position, Field { table, column }) in fields.iter().enumerate() {
        let place = format!("fields[{position}].column");
        if is_standard(*table, column) {
            return Err(ToolError::invalid(&place, "is always shown and need not be added"));
        }
        let of_table = tables.iter().position(|one| one == table).and_then(|at| columns.get(at));
        let of_table = of_table.map(Vec::as_slice).unwrap_or_default();
        let known = of_table.iter().find(|one| one.column == *column);
        let known = known.ok_or_else(|| no_such_column(&place, *table, column, of_table))?;
        let field = SidebarField {
            table: table.label().to_owned(),
            column: known.column.clone(),
            label: known.label.clone(),
            kind: known.kind,
        };
        if chosen.contains(&field) {
            return Err(ToolError::invalid(&place, "is given twice"));
        }
        chosen.push(field);
    }
    Ok(chosen)
}

/// The error for a column that the table does not have, with the one that is meant, or with those
/// that there are.
fn no_such_column(place: &str, table: RecordType, column: &str, known: &[Column]) -> ToolError {
    /// How many columns an error names.
    const NAMED: usize = 20;
    let table = table.label();
    let names = || known.iter().map(|one| one.column.as_str());
    let by_label = known.iter().find(|one| one.label.eq_ignore_ascii_case(column.trim()));
    let meant = by_label.map(|one| one.column.as_str()).or_else(|| meant_field(column, names()));
    let advice = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => {
            let some: Vec<_> = names().take(NAMED).collect();
            let more = if known.len() > NAMED { " and others" } else { "" };
            format!("such as {}{more}.", some.join(", "))
        }
    };
    let problem = format!(
        "must be a column of the table {table} that can be shown: {advice} GET \
         …/sidebar-fields/available?table={table} lists all, with their labels"
    );
    ToolError::invalid(place, problem)
}

fn shown(chosen: Vec<SidebarField>) -> Fields {
    let entry = |field: SidebarField, standard: bool| {
        let SidebarField { table, column, label, kind } = field;
        Shown { table, column, label, kind, standard }
    };
    let standard = columns::standard().into_iter().map(|field| entry(field, true));
    Fields { fields: standard.chain(chosen.into_iter().map(|field| entry(field, false))).collect() }
}
