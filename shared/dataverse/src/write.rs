//! Writes: rows to create, rows to change, actions to call.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::record::decimal_of;
use crate::{Expand, Link, Name, Query, Record, Table};

/// The reference to a row that a lookup is bound to: `/contacts(…)`.
pub fn bind(table: Table, id: Uuid) -> String {
    format!("/{}({id})", table.entity_set)
}

/// A new row under a key of our own making.
///
/// The key is in the request, so sending it twice cannot make two rows: the second time, Dataverse
/// answers that the key exists (412, `0x80040237`).
#[derive(Clone)]
pub struct Create {
    id: Uuid,
    pub(crate) table: Table,
    pub(crate) columns: Map<String, Value>,
    pub(crate) answer: Query,
    pub(crate) allow_duplicate: bool,
}

impl Create {
    /// A row of this table with this primary key.
    pub fn new(table: Table, id: Uuid) -> Create {
        let columns = Map::from_iter([(table.key.to_owned(), Value::from(id.to_string()))]);
        Create { id, table, columns, answer: Query::row(table, id), allow_duplicate: false }
    }

    /// A row of the query's table with this primary key, answered as the query says.
    pub fn answering(query: Query, id: Uuid) -> Create {
        let create = Create::new(query.table(), id);
        Create { answer: query.of_row(id), ..create }
    }

    /// The same row under another primary key.
    #[must_use]
    pub fn under(mut self, id: Uuid) -> Create {
        self.columns.insert(self.table.key.to_owned(), id.to_string().into());
        self.answer = self.answer.of_row(id);
        self.id = id;
        self
    }

    /// The primary key of the row.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The table of the row.
    pub fn table(&self) -> Table {
        self.table
    }

    /// Sets a column. `None` leaves the column to Dataverse's default.
    #[must_use]
    pub fn set<V: Into<Value>>(mut self, column: impl Into<Name>, value: Option<V>) -> Create {
        if let Some(value) = value {
            self.columns.insert(column.into().to_string(), value.into());
        }
        self
    }

    /// Points a lookup at a row.
    #[must_use]
    pub fn point(self, link: Link, id: Uuid) -> Create {
        self.bind(link.navigation, link.to, id)
    }

    /// Points a lookup at a row. The lookup is named by its navigation property, whose name may be
    /// made at run time.
    #[must_use]
    pub fn bind(mut self, navigation: impl Into<Name>, table: Table, id: Uuid) -> Create {
        self.columns.insert(format!("{}@odata.bind", navigation.into()), bind(table, id).into());
        self
    }

    /// The same row with a lookup that is named otherwise. `None` if it has no lookup of that name.
    #[must_use]
    pub fn renamed(mut self, navigation: &str, to: impl Into<Name>) -> Option<Create> {
        let row = self.columns.remove(&format!("{navigation}@odata.bind"))?;
        self.columns.insert(format!("{}@odata.bind", to.into()), row);
        Some(self)
    }

    /// Creates rows along with this one, in the same transaction.
    #[must_use]
    pub fn with_related(
        mut self,
        navigation: impl Into<Name>,
        rows: Vec<Map<String, Value>>,
    ) -> Create {
        let rows = rows.into_iter().map(Value::Object).collect();
        self.columns.insert(navigation.into().to_string(), Value::Array(rows));
        self
    }

    /// The columns to answer with.
    #[must_use]
    pub fn select<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Create {
        self.answer = self.answer.select(columns);
        self
    }

    /// A related row to answer with.
    #[must_use]
    pub fn expand(mut self, expand: Expand) -> Create {
        self.answer = self.answer.expand(expand);
        self
    }

    /// Switches the organization's duplicate detection rules off for this row.
    #[must_use]
    pub fn allow_duplicate(mut self, allow: bool) -> Create {
        self.allow_duplicate = allow;
        self
    }
}

/// Which request made the row that a create answers with.
#[derive(Clone, Debug)]
pub enum Created {
    /// This request made the row. No other request is ever told that it made it.
    Now(Record),
    /// A row with this key was there before this request.
    Before(Record),
    /// A row with this key is there, and the answer to a try of this request was lost. That try may
    /// have made the row, or another request with the same key.
    Unclear(Record),
}

impl Created {
    /// The row.
    pub fn record(&self) -> &Record {
        match self {
            Created::Now(record) | Created::Before(record) | Created::Unclear(record) => record,
        }
    }
}

/// A change of a row, which is made only if the row still has the version that was read.
///
/// The condition also keeps an update from creating a row, as a bare PATCH would.
#[derive(Clone)]
pub struct Update {
    pub(crate) table: Table,
    pub(crate) id: Uuid,
    pub(crate) etag: String,
    pub(crate) columns: Map<String, Value>,
    /// The columns by which the lookups that change are read.
    lookups: Vec<Name>,
    /// The columns to answer with.
    pub(crate) answer: Vec<Name>,
}

impl Update {
    /// A change of this row as of this version; see [`Record::etag`].
    pub fn new(table: Table, id: Uuid, etag: impl Into<String>) -> Update {
        let (columns, lookups, answer) = Default::default();
        Update { table, id, etag: etag.into(), columns, lookups, answer }
    }

    /// The columns to answer with, as they are stored then: Dataverse rounds amounts. Without them, the
    /// answer has none.
    #[must_use]
    pub fn select<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Update {
        self.answer.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Sets a column; `Value::Null` clears it.
    #[must_use]
    pub fn set(mut self, column: impl Into<Name>, value: impl Into<Value>) -> Update {
        self.columns.insert(column.into().to_string(), value.into());
        self
    }

    /// Points a lookup at a row.
    #[must_use]
    pub fn point(mut self, Link { column, navigation, to }: Link, id: Uuid) -> Update {
        self.lookups.push(column.into());
        self.columns.insert(format!("{navigation}@odata.bind"), bind(to, id).into());
        self
    }

    /// The version of the row that this changes.
    pub fn version(&self) -> &str {
        &self.etag
    }

    /// The columns that this changes, by the names under which they are read.
    pub fn reads(&self) -> impl Iterator<Item = Name> {
        // Dataverse never accepts what is not a name.
        let plain = self.plain_columns().filter_map(|(name, _)| Name::parse(name).ok());
        plain.chain(self.lookups.iter().cloned())
    }

    /// The same change, for another version. `*` is any version of a row that exists.
    #[must_use]
    pub fn of_version(mut self, etag: impl Into<String>) -> Update {
        self.etag = etag.into();
        self
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Reads the row with the columns that change. Lookups are left out, because they are read by
    /// another name than they are written.
    pub(crate) fn query(&self) -> Query {
        // Dataverse never accepts what is not a name.
        let names = self.plain_columns().filter_map(|(name, _)| Name::parse(name).ok());
        Query::row(self.table, self.id).select(names)
    }

    /// Whether the row has the new values.
    pub(crate) fn holds_in(&self, row: &Record) -> bool {
        // If only lookups change, there is nothing to compare.
        self.plain_columns().next().is_some()
            && self.plain_columns().all(|(name, wanted)| holds(row, name, wanted))
    }

    /// Whether the row already has the new value of this column.
    pub fn is_met_in(&self, row: &Record, column: &str) -> bool {
        self.columns.get(column).is_some_and(|wanted| holds(row, column, wanted))
    }

    fn plain_columns(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.columns.iter().filter(|(name, _)| !name.contains('@'))
    }
}

fn holds(row: &Record, column: &str, wanted: &Value) -> bool {
    match (wanted, row.value(column)) {
        (Value::Null, found) => found.is_none(),
        (Value::Number(number), Some(_)) => decimal_of(&number.to_string()) == row.decimal(column),
        (wanted, found) => found.as_ref() == Some(wanted),
    }
}

/// A call of an action, such as `CloseIncident`.
#[derive(Clone)]
pub struct Action {
    pub(crate) path: String,
    pub(crate) parameters: Map<String, Value>,
}

impl Action {
    /// An action that belongs to no row.
    pub fn unbound(name: &'static str) -> Action {
        Action { path: name.to_owned(), parameters: Map::new() }
    }

    /// An action on a row.
    pub fn bound(table: Table, id: Uuid, name: &'static str) -> Action {
        let path = format!("{}({id})/Microsoft.Dynamics.CRM.{name}", table.entity_set);
        Action { path, parameters: Map::new() }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn parameter(mut self, name: &'static str, value: impl Into<Value>) -> Action {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }
}

/// One write of a change set.
#[derive(Clone)]
pub enum Write {
    /// A new row.
    Create(Box<Create>),
    /// A conditional update.
    Update(Update),
    /// A call of an action.
    Action(Action),
}

impl From<Create> for Write {
    fn from(create: Create) -> Write {
        Write::Create(Box::new(create))
    }
}

impl From<Update> for Write {
    fn from(update: Update) -> Write {
        Write::Update(update)
    }
}

impl From<Action> for Write {
    fn from(action: Action) -> Write {
        Write::Action(action)
    }
}

/// Several writes that happen together or not at all, in one trip and in this order.
#[derive(Clone, Default)]
pub struct ChangeSet {
    pub(crate) operations: Vec<Write>,
}

impl ChangeSet {
    /// No writes yet.
    pub fn new() -> ChangeSet {
        ChangeSet::default()
    }

    /// Adds a write.
    #[must_use]
    pub fn then(mut self, operation: impl Into<Write>) -> ChangeSet {
        self.operations.push(operation.into());
        self
    }
}

/// What a write of a change set answered: the row of a create, the result of an action.
pub type Outcome = Record;
