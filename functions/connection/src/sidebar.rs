use crm::tables::lookups;
use std::borrow::Cow;
use std::collections::BTreeMap;

use crm::labels::Choice as _;
use crm::money::{self, Money};
use crm::record::RecordType;
use crm::reference::{ContactRef, Merged, Reference as _, Sought};
use crm::text::{Excerpt, excerpt};
use crm::time::Minute;
use crm::{case, opportunity};
use dataverse::{Expand, InstanceUrl, Name, Order, Page, Query, Record};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::{FieldType, SidebarField};
use toolkit::operation::{Empty, InPath, Section};
use toolkit::{BEGINNINGS, Done, Effect, Endpoint, Example, Operation, Request, Scope, ToolError};

use crate::table::soon;
use crate::{Administration, columns, schema};

/// How many characters of a text are shown.
const TEXT: usize = 500;

/// The hint if it is not known which fields were chosen.
const WITHOUT_CHOSEN: &str = "The fields that were added cannot be shown right now: the table that \
    lists them does not answer.";

/// Shows the values of the sidebar's fields for a contact: those of the contact itself, of its
/// account, and of its latest open opportunity, open case and lead. One trip.
pub(crate) struct GetSidebar;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// Id, email or full name.
    contact: ContactRef,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Sidebar {
    fields: Vec<Shown>,
    hints: Option<Vec<String>>,
}

/// A field with its value.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SidebarValue")]
struct Shown {
    #[schemars(with = "RecordType")]
    table: String,
    column: String,
    label: String,
    #[serde(rename = "type")]
    kind: FieldType,
    #[schemars(schema_with = "schema::anything")]
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// The record's page in Dynamics 365: for a lookup, the record that the value names, otherwise
    /// the one that the value is of.
    #[schemars(extend("format" = "uri"))]
    url: Option<String>,
}

impl Operation for GetSidebar {
    const ID: &'static str = "get_sidebar";
    const TITLE: &'static str = "Get the sidebar for a contact";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Read);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "Each field with its value.")];
    const EXAMPLE: Example =
        Example { query: "contact=maren.quist@northwind.example", ..Example::OF_DEFAULT };

    type About = InPath;
    type Parameters = Parameters;
    type Body = Empty;
    type Answer = Sidebar;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/sidebar".into()
    }
}

impl Endpoint for GetSidebar {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, GetSidebar>,
    ) -> Result<Done<Sidebar>, ToolError> {
        let (id, contact) = (&request.about, request.parameters.contact);
        let session = home.session(id, &request.incoming, request.call);
        let (chosen, session) = tokio::join!(soon(home.state.sidebar_fields(id)), session);
        let session = session?;
        let mut hints = Vec::new();
        let chosen = chosen.unwrap_or_else(|error| {
            tracing::warn!(%error, connection = %id, "the sidebar's chosen fields are not known");
            hints.push(WITHOUT_CHOSEN.to_owned());
            None
        });
        let fields: Vec<SidebarField> =
            columns::standard().into_iter().chain(chosen.unwrap_or_default()).collect();

        let wanted = ColumnsToRead::of(&fields);
        let others: Vec<RecordType> = [RecordType::Opportunity, RecordType::Case, RecordType::Lead]
            .into_iter()
            .filter(|table| wanted.has(*table))
            .collect();
        let mut contact = contact;
        let mut beginnings = 0;
        let (person, mut pages) = loop {
            let mut queries = vec![wanted.contact(&contact)];
            queries.extend(others.iter().map(|table| wanted.latest(*table, &contact)));
            let mut pages = session.list_every(&queries).await?.into_iter();
            let found = pages.next().unwrap_or(Ok(Page::default()))?;
            let person = contact.found(found, Page::default(), session.instance())?;
            // A contact that was merged stands for its master.
            match Merged::of(&contact, &person).filter(|_| beginnings < BEGINNINGS) {
                Some(merged) => {
                    hints.push(merged.hint().to_owned());
                    contact = merged.master().into();
                    beginnings += 1;
                }
                None => break (person, pages),
            }
        };
        let mut next = || pages.next().unwrap_or(Ok(Page::default()));

        let mut rows: BTreeMap<&str, Record> = BTreeMap::new();
        if wanted.has(RecordType::Account)
            && let Some(account) = person.one(ACCOUNT)
        {
            rows.insert(RecordType::Account.label(), account.clone());
        }
        for table in others {
            let noun = format!("The fields of {}", table.label());
            let page = toolkit::optional_part_for_staff(next(), &noun, &mut hints)?;
            let row = page.and_then(|page| page.records.into_iter().next());
            rows.extend(row.map(|row| (table.label(), row)));
        }
        rows.insert(RecordType::Contact.label(), person);

        let shown = |field: SidebarField| {
            let row = rows.get(field.table.as_str());
            let url = row.and_then(|row| page(session.instance(), &field, row));
            let value = row.map(|row| value(&field, row));
            let SidebarField { table, column, label, kind } = field;
            Shown { table, column, label, kind, value, url }
        };
        let fields = fields.into_iter().map(shown).collect();
        let hints = (!hints.is_empty()).then_some(hints);
        Ok(Done::new(Sidebar { fields, hints }))
    }
}

/// The navigation property from a contact to the account that it belongs to.
const ACCOUNT: &str = "parentcustomerid_account";

/// The columns to read of each table.
struct ColumnsToRead(BTreeMap<String, Columns>);

/// Columns of a table: the short ones, and those whose text may be of any length.
#[derive(Clone, Default)]
struct Columns {
    short: Vec<Name>,
    long: Vec<Name>,
}

impl ColumnsToRead {
    fn of(fields: &[SidebarField]) -> ColumnsToRead {
        let mut all: BTreeMap<String, Columns> = BTreeMap::new();
        let standard = columns::standard().len();
        for (place, field) in fields.iter().enumerate() {
            // The organization had columns of these names when they were chosen.
            if let Ok(name) = Name::parse(&read_as(field)) {
                let columns = all.entry(field.table.clone()).or_default();
                let may_be_long = place >= standard && field.kind == FieldType::Text;
                if may_be_long { columns.long.push(name) } else { columns.short.push(name) }
            }
        }
        ColumnsToRead(all)
    }

    fn has(&self, table: RecordType) -> bool {
        self.0.contains_key(table.label())
    }

    fn columns(&self, table: RecordType) -> Columns {
        let mut columns = self.0.get(table.label()).cloned().unwrap_or_default();
        // So that one column is left if the long ones are left out.
        columns.short.push(table.table().key.into());
        columns
    }

    fn contact(&self, contact: &ContactRef) -> Query {
        let Columns { short, long } = self.columns(RecordType::Contact);
        let query =
            Sought::query(contact).select(short).select_long(long).expand(money::currency());
        if !self.has(RecordType::Account) {
            return query;
        }
        let Columns { short, long } = self.columns(RecordType::Account);
        let account =
            Expand::new(ACCOUNT).select(short).select_long(long).expand(money::currency());
        query.expand(account)
    }

    /// The contact's latest row in another table. Of opportunities and cases, only open ones count.
    fn latest(&self, table: RecordType, contact: &ContactRef) -> Query {
        let of_contact = match table {
            RecordType::Opportunity => opportunity::of_contact(contact).and(opportunity::open()),
            RecordType::Case => case::of_contact(contact).and(case::open()),
            _ => contact.at(&[lookups::LEAD_CONTACT, lookups::LEAD_CUSTOMER]),
        };
        let Columns { short, long } = self.columns(table);
        Query::rows(table.table())
            .select(short)
            .select_long(long)
            .filter(of_contact)
            .expand(money::currency())
            .order_by(Order::descending("createdon"))
            .top(1)
    }
}

/// The name by which the field is read: a lookup has another name for that.
fn read_as(field: &SidebarField) -> String {
    match field.kind {
        FieldType::Lookup => format!("_{}_value", field.column),
        _ => field.column.clone(),
    }
}

/// The page of the record that a field's value is of, or that it names.
fn page(instance: &InstanceUrl, field: &SidebarField, row: &Record) -> Option<String> {
    if field.kind == FieldType::Lookup {
        let named = row.lookup(&read_as(field))?;
        return Some(instance.record_page(&named.table?, named.id));
    }
    let table = RecordType::from_label(&field.table)?.table();
    Some(instance.record_page(table.logical_name, row.id(table.key)?))
}

/// The value as an agent reads it.
fn value(field: &SidebarField, row: &Record) -> Value {
    let column = read_as(field);
    let label = || row.label(&column).map_or(Value::Null, Value::from);
    match field.kind {
        FieldType::Text => Excerpt::of(row, &column, |text| excerpt(text, TEXT))
            .map_or(Value::Null, |excerpt| excerpt.text.into()),
        FieldType::Number => row.decimal(&column).map_or(Value::Null, money::number),
        FieldType::Money => json!(Money::of(row, &column)),
        FieldType::YesNo => json!(row.boolean(&column)),
        FieldType::Choice | FieldType::Lookup => label(),
        FieldType::Date => match row.time(&column) {
            Some(time) => json!(Minute(time)),
            None => json!(row.date(&column).map(|date| date.to_string())),
        },
    }
}
