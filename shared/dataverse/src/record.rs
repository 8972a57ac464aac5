//! A row of an answer.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// A row, with its annotations and the rows that were expanded into it.
///
/// An absent column, a null and a value of another type all read as `None`: what a tool shows must
/// not fail because one organization changed a column.
#[derive(Clone, Default, PartialEq)]
pub struct Record {
    // In the order that they came in. A row has a few dozen columns: to look through them costs less
    // than to hash their names.
    columns: Vec<(String, Value)>,
    related: Vec<(String, Vec<Record>)>,
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
impl From<Map<String, Value>> for Page {
    fn from(mut object: Map<String, Value>) -> Page {
        match object.get_mut("value") {
            Some(Value::Array(rows)) => {
                let rows = std::mem::take(rows);
                Page {
                    records: rows.into_iter().filter_map(of_object).collect(),
                    count: object.get("@odata.count").and_then(Value::as_u64),
                    has_more: object.contains_key("@odata.nextLink"),
                }
            }
            _ => Page::from(Record::from(object)),
        }
    }
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Page, D::Error> {
        Map::deserialize(deserializer).map(Page::from)
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

    fn get(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }

    /// The annotation of a column.
    fn annotation(&self, column: &str, annotation: &str) -> Option<&str> {
        let is_it = |name: &str| name.strip_prefix(column) == Some(annotation);
        let (_, value) = self.columns.iter().find(|(name, _)| is_it(name))?;
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
        let text = self.get(column)?.as_number()?.to_string();
        let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
        exact.ok().map(|number| number.normalize())
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
        self.columns
            .iter()
            .filter(|(name, value)| !name.contains('@') && !value.is_null())
            .map(|(name, _)| name.as_str())
    }

    /// The value of a column as it came.
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.get(column).filter(|value| !value.is_null())
    }
}

/// Column names only: what stands in the columns may be personal.
impl std::fmt::Debug for Record {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.columns.iter().map(|(name, _)| name);
        let mut names: Vec<_> = columns.chain(self.related.iter().map(|(name, _)| name)).collect();
        names.sort();
        formatter.debug_tuple("Record").field(&names).finish()
    }
}

impl From<Map<String, Value>> for Record {
    fn from(object: Map<String, Value>) -> Record {
        let mut record = Record::default();
        for (name, value) in object {
            match value {
                Value::Object(inner) => {
                    record.related.push((name, vec![Record::from(inner)]));
                }
                Value::Array(items) if items.iter().all(Value::is_object) => {
                    let records = items.into_iter().filter_map(of_object).collect();
                    record.related.push((name, records));
                }
                value => {
                    record.columns.push((name, value));
                }
            }
        }
        record
    }
}

fn of_object(value: Value) -> Option<Record> {
    match value {
        Value::Object(object) => Some(Record::from(object)),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        Map::deserialize(deserializer).map(Record::from)
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
