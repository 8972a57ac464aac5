//! The fields that a connection shows beside a conversation.

use auth::ConnectionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::partitions::CONNECTION;
use crate::table::{self, Key};
use crate::{State, StateError};

const WHAT: &str = "sidebar fields";

/// A column of a table, as the organization described it when it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SidebarField {
    /// The kind of record: `contact`, `account` and so on.
    pub table: String,
    /// The column.
    pub column: String,
    /// What people call it.
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    Text,
    /// A number.
    Number,
    /// An amount of money.
    Money,
    /// Yes or no.
    YesNo,
    /// A day, or a point in time.
    Date,
    /// One of several values.
    Choice,
    /// Another record.
    Lookup,
}

#[derive(Serialize, Deserialize)]
struct Sidebar {
    fields: Vec<SidebarField>,
}

fn key(id: &ConnectionId) -> Key {
    Key::new(CONNECTION.of(id), "sidebar")
}

impl State {
    /// The chosen fields, in order; `None` if nobody has chosen any yet.
    pub async fn sidebar_fields(
        &self,
        id: &ConnectionId,
    ) -> Result<Option<Vec<SidebarField>>, StateError> {
        let Some(item) = self.table.get(&key(id)).await? else { return Ok(None) };
        let sidebar: Sidebar = table::document(WHAT, item)?;
        Ok(Some(sidebar.fields))
    }

    /// Stores the chosen fields, in place of those chosen before.
    pub async fn put_sidebar_fields(
        &self,
        id: &ConnectionId,
        fields: &[SidebarField],
    ) -> Result<(), StateError> {
        let sidebar = Sidebar { fields: fields.to_vec() };
        self.table.put(key(id).item(WHAT, &sidebar)?).await
    }
}
