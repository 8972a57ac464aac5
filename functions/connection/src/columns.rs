//! The columns that a sidebar can show.

use crm::record::RecordType;
use dataverse::{Function, Record, Session};
use schemars::JsonSchema;
use serde::Serialize;
use state::{FieldType, SidebarField};
use toolkit::ToolError;

/// A column of a table, as a field of the sidebar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AvailableField")]
pub(crate) struct Column {
    pub(crate) column: String,
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: FieldType,
}

/// The columns of the contact that are always shown, with their labels.
const STANDARD: [(&str, &str); 4] = [
    ("fullname", "Name"),
    ("emailaddress1", "Email"),
    ("jobtitle", "Job title"),
    ("telephone1", "Phone"),
];

/// The fields that are always shown.
pub(crate) fn standard() -> Vec<SidebarField> {
    let field = |(column, label): &(&str, &str)| SidebarField {
        table: "contact".to_owned(),
        column: (*column).to_owned(),
        label: (*label).to_owned(),
        kind: FieldType::Text,
    };
    STANDARD.iter().map(field).collect()
}

/// Whether a field is always shown.
pub(crate) fn is_standard(table: RecordType, column: &str) -> bool {
    table == RecordType::Contact && STANDARD.iter().any(|(standard, _)| *standard == column)
}

/// The columns of each of these tables that can be shown, sorted by label. One trip for all tables.
pub(crate) async fn of_tables(
    session: &Session,
    tables: &[RecordType],
) -> Result<Vec<Vec<Column>>, ToolError> {
    let functions: Vec<_> =
        tables.iter().map(|table| Function::columns_of(table.table())).collect();
    let answers = session.functions_every(&functions).await?;
    let mut all = Vec::new();
    for (table, answer) in tables.iter().zip(answers) {
        let definitions = answer?;
        let mut columns: Vec<_> =
            definitions.many("value").iter().filter_map(|row| column(*table, row)).collect();
        columns.sort_by(|one, other| {
            (one.label.to_lowercase(), &one.column)
                .cmp(&(other.label.to_lowercase(), &other.column))
        });
        all.push(columns);
    }
    Ok(all)
}

fn column(table: RecordType, definition: &Record) -> Option<Column> {
    let name = definition.text("LogicalName")?;
    // A part of another column, such as the name behind a lookup, cannot be read as a column.
    let is_part = definition.text("AttributeOf").is_some();
    if is_part || definition.boolean("IsValidForRead") == Some(false) || is_standard(table, name) {
        return None;
    }
    let label = definition
        .one("DisplayName")
        .and_then(|name| name.one("UserLocalizedLabel"))
        .and_then(|label| label.text("Label"))
        // A column without a label is not meant to be seen.
        ?;
    Some(Column {
        column: name.to_owned(),
        label: label.to_owned(),
        kind: kind(definition.text("AttributeType")?)?,
    })
}

/// The type of a field, by the name of its column's type in Dataverse. `None` for types that hold
/// nothing to show.
fn kind(attribute_type: &str) -> Option<FieldType> {
    Some(match attribute_type {
        "String" | "Memo" => FieldType::Text,
        "Integer" | "BigInt" | "Decimal" | "Double" => FieldType::Number,
        "Money" => FieldType::Money,
        "Boolean" => FieldType::YesNo,
        "DateTime" => FieldType::Date,
        "Picklist" | "State" | "Status" => FieldType::Choice,
        "Lookup" | "Customer" | "Owner" => FieldType::Lookup,
        _ => return None,
    })
}
