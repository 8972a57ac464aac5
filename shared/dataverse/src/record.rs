//! A row of an answer.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};
use uuid::Uuid;

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// A row, with its annotations and the rows that were expanded into it.
///
/// An absent column, a null and a value of another type all read as `None`: what a tool shows must
/// not fail because one organization changed a column.
#[derive(Clone, Default, PartialEq)]
pub struct Record {
    /// The names of the columns, one behind the other.
    names: String,
    // In the order that they came in. A row has a few dozen columns: to look through them costs less
    // than to hash their names, and less than to keep each name for itself.
    columns: Vec<Column>,
    related: Vec<(String, Vec<Record>)>,
}

/// A column, or an annotation of one.
#[derive(Clone, PartialEq)]
struct Column {
    /// Where its name ends. It begins where that of the column before it ends.
    name_end: usize,
    value: Value,
}

/// What a lookup column points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The id of the row.
    pub id: Uuid,
    /// The name of the row, as Dataverse formats it.
    pub name: Option<String>,
    /// The logical name of the row's table.
    pub table: Option<String>,
}

/// The rows that a query found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows of this page.
    pub records: Vec<Record>,
    /// How many rows match in all, up to 5,000, where the query asked.
    pub count: Option<u64>,
    has_more: bool,
}

impl Page {
    /// Whether there are rows beyond this page.
    pub fn has_more(&self) -> bool {
        self.has_more
    }
}

/// An answer with rows under `value`, or one that is a row itself.
impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Page, D::Error> {
        let mut answer = Record::deserialize(deserializer)?;
        Ok(match answer.related.iter_mut().find(|(name, _)| name == "value") {
            Some((_, rows)) => Page {
                records: std::mem::take(rows),
                count: answer.get("@odata.count").and_then(Value::as_u64),
                has_more: answer.get("@odata.nextLink").is_some(),
            },
            None => Page::from(answer),
        })
    }
}

impl From<Record> for Page {
    fn from(record: Record) -> Page {
        Page { records: vec![record], ..Page::default() }
    }
}

impl Record {
    /// The id in this column: the primary key, or a lookup.
    pub fn id(&self, column: &str) -> Option<Uuid> {
        self.text(column)?.parse().ok()
    }

    fn columns(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut start = 0;
        self.columns.iter().map(move |column| {
            let name = &self.names[start..column.name_end];
            start = column.name_end;
            (name, &column.value)
        })
    }

    fn get(&self, column: &str) -> Option<&Value> {
        self.columns().find(|(name, _)| *name == column).map(|(_, value)| value)
    }

    /// The annotation of a column.
    fn annotation(&self, column: &str, annotation: &str) -> Option<&str> {
        let is_it = |name: &str| name.strip_prefix(column) == Some(annotation);
        let (_, value) = self.columns().find(|(name, _)| is_it(name))?;
        value.as_str().filter(|text| !text.is_empty())
    }

    /// The text in this column, unless it is empty.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.get(column)?.as_str().filter(|text| !text.is_empty())
    }

    /// What Dataverse shows for this column: the label of a choice, the name behind a lookup.
    pub fn label(&self, column: &str) -> Option<&str> {
        self.annotation(column, FORMATTED)
    }

    /// The whole number in this column, also the value of a choice.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.get(column)?.as_i64()
    }

    /// Yes or no.
    pub fn boolean(&self, column: &str) -> Option<bool> {
        self.get(column)?.as_bool()
    }

    /// The amount in this column, exactly, without trailing zeros.
    pub fn decimal(&self, column: &str) -> Option<Decimal> {
        decimal_of(self.get(column)?)
    }

    /// The point in time in this column.
    pub fn time(&self, column: &str) -> Option<Timestamp> {
        self.text(column)?.parse().ok()
    }

    /// The day in this column.
    pub fn date(&self, column: &str) -> Option<Date> {
        self.text(column)?.parse().ok()
    }

    /// What the lookup column `_…_value` points at.
    pub fn lookup(&self, column: &str) -> Option<Lookup> {
        Some(Lookup {
            id: self.id(column)?,
            name: self.label(column).map(str::to_owned),
            table: self.annotation(column, LOGICAL_NAME).map(str::to_owned),
        })
    }

    /// The version of the row, for a conditional update.
    pub fn etag(&self) -> Option<&str> {
        self.text("@odata.etag")
    }

    /// The type that Dataverse names for a row of mixed results, without its namespace.
    pub fn type_name(&self) -> Option<&str> {
        self.text("@odata.type")?.rsplit('.').next()
    }

    /// The row that a single-valued navigation property was expanded to.
    pub fn one(&self, navigation: &str) -> Option<&Record> {
        self.many(navigation).first()
    }

    /// The rows that a navigation property was expanded to.
    pub fn many(&self, navigation: &str) -> &[Record] {
        let related = self.related.iter().find(|(name, _)| name == navigation);
        related.map(|(_, records)| records.as_slice()).unwrap_or_default()
    }

    /// The names of the columns that have a value, without annotations.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns()
            .filter(|(name, value)| !name.contains('@') && !value.is_null())
            .map(|(name, _)| name)
    }

    /// The value of a column as it came.
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.get(column).filter(|value| !value.is_null())
    }
}

/// Column names only: what stands in the columns may be personal.
impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns().map(|(name, _)| name);
        let related = self.related.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<_> = columns.chain(related).collect();
        names.sort();
        formatter.debug_tuple("Record").field(&names).finish()
    }
}

/// A number, exactly, without trailing zeros.
pub(crate) fn decimal_of(value: &Value) -> Option<Decimal> {
    let text = value.as_number()?.to_string();
    let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    exact.ok().map(|number| number.normalize())
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        match Content::deserialize(deserializer)? {
            Content::Row(record) => Ok(record),
            _ => Err(D::Error::custom("a row is a JSON object")),
        }
    }
}

/// What a member of a row is. Read in one pass: rows come by the hundred, and to make each a
/// [`Value`] before it becomes a [`Record`] took more time than everything else that is done to it.
enum Content {
    Value(Value),
    Row(Record),
    Rows(Vec<Record>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Ok(Content::Value(flag.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Value(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Value(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Content, E> {
        Ok(Content::Value(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Value(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Value(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Value(Value::Null))
    }

    /// Rows, where all of it is; what is in a list of both is of no use to anybody.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element()? {
            match item {
                Content::Row(row) => rows.push(row),
                Content::Value(value) => values.push(value),
                Content::Rows(_) => {}
            }
        }
        Ok(if values.is_empty() { Content::Rows(rows) } else { Content::Value(values.into()) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut record = Record::default();
        loop {
            let name_start = record.names.len();
            if members.next_key_seed(AppendTo(&mut record.names))?.is_none() {
                return Ok(Content::Row(record));
            }
            let name_end = record.names.len();
            if &record.names[name_start..] == EXACT_NUMBER {
                let digits: String = members.next_value()?;
                let number: Number = digits.parse().map_err(A::Error::custom)?;
                return Ok(Content::Value(number.into()));
            }
            let rows = match members.next_value()? {
                Content::Value(value) => {
                    record.columns.push(Column { name_end, value });
                    continue;
                }
                Content::Row(row) => vec![row],
                Content::Rows(rows) => rows,
            };
            record.related.push((record.names.split_off(name_start), rows));
        }
    }
}

/// How `serde_json` hands over a number that must lose no digit: as a map with this member, and the
/// digits as its text. (Its feature `arbitrary_precision`, without which numbers are numbers.)
const EXACT_NUMBER: &str = "$serde_json::private::Number";

/// Appends a text.
struct AppendTo<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for AppendTo<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for AppendTo<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Record {
        serde_json::from_value(json!({
            "@odata.etag": "W/\"17\"",
            "incidentid": "99cd5b72-d11b-5441-8fb4-9479925d4bcf",
            "title": "Cannot sign in",
            "description": null,
            "prioritycode@OData.Community.Display.V1.FormattedValue": "High",
            "prioritycode": 1,
            "isescalated": false,
            "_customerid_value@OData.Community.Display.V1.FormattedValue": "Northwind",
            "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
            "_customerid_value": "852dede1-e4e7-5617-bc33-b74f2626b52a",
            "customerid_account": {"name": "Northwind", "revenue": 1234.5},
            "Incident_Annotation": [{"subject": "a"}, {"subject": "b"}],
            "followupby": "2026-12-01",
            "createdon": "2025-08-04T14:05:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn reads_columns_annotations_and_related_rows() {
        let record = sample();
        assert_eq!(record.text("title"), Some("Cannot sign in"));
        assert_eq!(record.text("description"), None);
        assert_eq!(record.label("prioritycode"), Some("High"));
        assert_eq!(record.integer("prioritycode"), Some(1));
        assert_eq!(record.etag(), Some("W/\"17\""));
        let customer = record.lookup("_customerid_value").unwrap();
        assert_eq!(customer.table.as_deref(), Some("account"));
        assert_eq!(customer.name.as_deref(), Some("Northwind"));
        assert_eq!(
            record.one("customerid_account").unwrap().decimal("revenue"),
            Some("1234.5".parse().unwrap())
        );
        assert_eq!(record.many("Incident_Annotation").len(), 2);
        assert_eq!(record.date("followupby").unwrap().to_string(), "2026-12-01");
        assert_eq!(record.time("createdon").unwrap().to_string(), "2025-08-04T14:05:00Z");
    }

    #[test]
    fn pages_are_rows_or_a_row() {
        let page = |text: &str| serde_json::from_str::<Page>(text).unwrap();
        let many = r#"{"@odata.context": "c", "@odata.count": 7, "@odata.nextLink": "n",
            "value": [{"name": "a", "tags": ["x", "y"]}, {"name": "b", "tags": []}]}"#;
        let many = page(many);
        let names: Vec<_> = many.records.iter().map(|record| record.text("name")).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert_eq!((many.count, many.has_more()), (Some(7), true));
        assert_eq!(many.records[0].value("tags"), Some(&json!(["x", "y"])));
        assert_eq!(many.records[0].column_names().collect::<Vec<_>>(), ["name", "tags"]);
        let none = page(r#"{"value": []}"#);
        assert_eq!((none.records.len(), none.has_more()), (0, false));
        let one = page(r#"{"name": "a", "value": 3}"#);
        assert_eq!(one.records[0].integer("value"), Some(3));
        for text in ["[]", "1", "\"a\"", "{", r#"{"value": [1"#] {
            assert!(serde_json::from_str::<Page>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn money_is_exact() {
        let text = r#"{"a": 922337203685477.5807, "b": 5000000.0000000000, "c": 1e3}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.decimal("a").unwrap().to_string(), "922337203685477.5807");
        assert_eq!(record.decimal("b").unwrap().to_string(), "5000000");
        assert_eq!(record.decimal("c").unwrap().to_string(), "1000");
    }

    #[test]
    fn debug_shows_no_values() {
        let text = format!("{:?}", sample());
        assert!(text.contains("title") && !text.contains("Cannot sign in"), "{text}");
    }
}
