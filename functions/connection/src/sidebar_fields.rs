use auth::ConnectionId;
use crm::record::RecordType;
use serde::Deserialize;
use serde_json::{Value, json};
use state::SidebarField;
use toolkit::{Reply, ToolError};

use crate::columns::{self, is_standard};
use crate::{Request, look, parameters, table};

/// How many fields may be added: an agent has to read them while chatting.
const MOST: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    table: RecordType,
    column: String,
}

/// Shows which fields the sidebar has. Without the table nobody knows, and half an answer would be
/// taken for the whole, and stored.
pub(crate) async fn show(request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    let chosen = request.state().sidebar_fields(&id).await.map_err(table::failed)?;
    Ok(Reply::ok(shown(&chosen.unwrap_or_default())))
}

/// Chooses the fields that the sidebar has beside those that are always there.
pub(crate) async fn choose(mut request: Request<'_>, id: ConnectionId) -> Result<Reply, ToolError> {
    let form: Form = parameters::body(&request.incoming, &["fields"])?;
    if form.fields.len() > MOST {
        return Err(ToolError::invalid("fields", format!("must be at most {MOST}")));
    }
    let session = request.session(&id).await?;
    let chosen = checked(&session, &form.fields).await?;
    request.state().put_sidebar_fields(&id, &chosen).await.map_err(table::failed)?;
    let registered = request.state().connection(&id).await.map_err(table::failed)?;
    if registered.is_none() && look::is_removed(&request, &id).await {
        request.state().remove_connection(&id).await.map_err(table::failed)?;
        return Err(look::gone());
    }
    Ok(Reply::ok(shown(&chosen)))
}

/// The fields, each of which the organization has; one trip.
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
        let known = of_table.and_then(|known| known.iter().find(|one| one.column == *column));
        let known = known.ok_or_else(|| {
            let table = json!(table);
            let table = table.as_str().unwrap_or_default();
            ToolError::invalid(
                &place,
                format!(
                    "is no column of the table {table} that can be shown; GET \
                     …/sidebar-fields/available?table={table} lists those that can"
                ),
            )
        })?;
        let field = SidebarField {
            table: json!(table).as_str().unwrap_or_default().to_owned(),
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

fn shown(chosen: &[SidebarField]) -> Value {
    let entry = |field: &SidebarField, standard: bool| {
        let mut entry = json!(field);
        entry["standard"] = standard.into();
        entry
    };
    let standard = columns::standard();
    let fields: Vec<Value> = standard
        .iter()
        .map(|field| entry(field, true))
        .chain(chosen.iter().map(|field| entry(field, false)))
        .collect();
    json!({ "fields": fields })
}
