//! A row of an answer.

mod parse;
mod values;

use std::fmt;
use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use values::{Cell, Column, Meaning, Piece, Texts};

use crate::asked::Asked;
use crate::{Expand, fetch};

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// A row, with its annotations and the rows that were expanded into it.
///
/// An absent column, a null and a value of another type all read as `None`: a tool must not fail
/// because an organization changed a column. Reading a column that the query did not ask for is a
/// defect, and panics with debug assertions on.
#[derive(Clone, Default)]
pub struct Record {
    texts: Texts,
    // In the order in which they came. A row has a few dozen columns, and looking through them
    // costs less than hashing their names.
    columns: Vec<Column>,
    related: Vec<(Piece, Vec<Record>)>,
    /// What the query asked for; `None` for an answer to something else than a query.
    asked: Option<Arc<Asked>>,
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

impl Record {
    /// The id in this column: the primary key, or a lookup.
    pub fn id(&self, column: &str) -> Option<Uuid> {
        self.text(column)?.parse().ok()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| self.texts.get(column.name))
    }

    /// The first column whose name has this length and passes the test.
    fn find(&self, length: usize, is_it: impl Fn(&str) -> bool) -> Option<Cell<'_>> {
        let Column { value, kind, .. } = self
            .columns
            .iter()
            .find(|column| column.name.len() == length && is_it(self.texts.get(column.name)))?;
        Some(Cell { kind, text: self.texts.get(*value) })
    }

    fn get(&self, column: &str) -> Option<Cell<'_>> {
        self.check_column(column);
        self.find(column.len(), |name| name == column)
    }

    fn check_column(&self, column: &str) {
        debug_assert!(
            self.has_column(column),
            "{column} is read, and the query did not ask for it"
        );
    }

    /// Whether the query asked for this column. If so, the row has it, or it is empty.
    pub fn has_column(&self, column: &str) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.has_column(column))
    }

    /// The annotation of a column.
    fn annotation(&self, column: &str, annotation: &str) -> Option<&str> {
        self.check_column(column);
        let is_it = |name: &str| name.strip_prefix(column) == Some(annotation);
        self.find(column.len() + annotation.len(), is_it)?.text()
    }

    /// The text in this column, unless it is empty.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.get(column)?.text()
    }

    /// What Dataverse shows for this column, such as the label of a choice or the name of the row
    /// that a lookup points at.
    pub fn label(&self, column: &str) -> Option<&str> {
        self.annotation(column, FORMATTED)
    }

    /// The whole number in this column, or the value of its choice.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.get(column)?.number()?.parse().ok()
    }

    /// The yes or no in this column.
    pub fn boolean(&self, column: &str) -> Option<bool> {
        match self.get(column)?.kind {
            Meaning::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The amount in this column, exactly, without trailing zeros.
    pub fn decimal(&self, column: &str) -> Option<Decimal> {
        decimal_of(self.get(column)?.number()?)
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

    /// The type of the row, without its namespace, where a result mixes rows of several types.
    pub fn type_name(&self) -> Option<&str> {
        self.text("@odata.type")?.rsplit('.').next()
    }

    /// The row that a single-valued navigation property was expanded to.
    pub fn one(&self, navigation: impl AsRef<str>) -> Option<&Record> {
        self.many(navigation).first()
    }

    /// The rows that a navigation property was expanded to.
    pub fn many(&self, navigation: impl AsRef<str>) -> &[Record] {
        let navigation = navigation.as_ref();
        debug_assert!(
            self.asked.as_ref().is_none_or(|asked| asked.has_related(navigation)),
            "{navigation} is read, and the query did not expand it"
        );
        let related = self.related.iter().find(|(name, _)| self.texts.get(*name) == navigation);
        related.map(|(_, records)| records.as_slice()).unwrap_or_default()
    }

    /// Takes the rows of a member out of this row; `None` if there is no such member.
    pub(crate) fn take_many(&mut self, navigation: &str) -> Option<Vec<Record>> {
        let Record { texts, related, .. } = self;
        let related = related.iter_mut().find(|(name, _)| texts.get(*name) == navigation);
        related.map(|(_, records)| std::mem::take(records))
    }

    /// Moves the columns of joined tables into rows of their own, where expanded rows are.
    pub(crate) fn unjoin(&mut self, around: &str, expand: &[Expand]) {
        for (position, Expand { related, options, .. }) in expand.iter().enumerate() {
            let prefix = fetch::prefix(around, position);
            let texts = &self.texts;
            let (joined, own): (Vec<_>, Vec<_>) = std::mem::take(&mut self.columns)
                .into_iter()
                .partition(|column| texts.get(column.name).starts_with(&prefix));
            self.columns = own;
            if joined.is_empty() {
                continue;
            }
            let mut row = Record { texts: texts.clone(), columns: joined, ..Record::default() };
            row.unjoin(&prefix, &options.expand);
            for column in &mut row.columns {
                column.name = column.name.without_first(prefix.len());
            }
            let name = self.texts.keep(related.name.as_str());
            self.related.push((name, vec![row]));
        }
    }

    /// Adds the rows that came along with this row in another part of the same query.
    pub(crate) fn add_related(&mut self, part: Record) {
        let Record { texts, related, .. } = part;
        for (name, rows) in related {
            let name = texts.get(name);
            match self.related.iter_mut().find(|(own, _)| self.texts.get(*own) == name) {
                Some((_, own)) => own.extend(rows),
                None => {
                    let name = self.texts.keep(name);
                    self.related.push((name, rows));
                }
            }
        }
    }

    fn many_mut(&mut self, navigation: &str) -> &mut [Record] {
        let Record { texts, related, .. } = self;
        let related = related.iter_mut().find(|(name, _)| texts.get(*name) == navigation);
        related.map(|(_, records)| records.as_mut_slice()).unwrap_or_default()
    }

    /// Notes in rows, and in the rows that came along with them, what was asked for.
    pub(crate) fn note_asked(records: &mut [Record], asked: &Arc<Asked>) {
        for record in records {
            for (navigation, related) in &asked.related {
                Record::note_asked(record.many_mut(navigation.as_str()), related);
            }
            record.asked = Some(Arc::clone(asked));
        }
    }

    /// Whether this column was left out because the answer with it was too large. It may have a
    /// text or not.
    pub fn is_left_out(&self, column: &str) -> bool {
        let mut left_out = self.asked.iter().flat_map(|asked| asked.left_out.iter());
        left_out.any(|name| name.as_str() == column)
    }

    /// The names of the columns that have a value, without annotations.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.names().filter(|name| !name.contains('@'))
    }

    /// The value of a column, as JSON.
    pub fn value(&self, column: &str) -> Option<Value> {
        Some(self.get(column)?.value()).filter(|value| !value.is_null())
    }
}

/// Prints only the names of columns, because their values may be personal.
impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let related = self.related.iter().map(|(name, _)| self.texts.get(*name));
        let mut names: Vec<_> = self.names().chain(related).collect();
        names.sort();
        formatter.debug_tuple("Record").field(&names).finish()
    }
}

/// A number, exactly, without trailing zeros.
pub(crate) fn decimal_of(number: &str) -> Option<Decimal> {
    let exact = Decimal::from_str_exact(number).or_else(|_| Decimal::from_scientific(number));
    exact.ok().map(|number| number.normalize())
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
    fn debug_shows_no_values() {
        let text = format!("{:?}", sample());
        assert!(text.contains("title") && !text.contains("Cannot sign in"), "{text}");
    }
}
