//! A row of an answer.

use std::fmt;
use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use crate::Query;
use crate::asked::Asked;

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// A row, with its annotations and the rows that were expanded into it.
///
/// An absent column, a null and a value of another type all read as `None`: what a tool shows must
/// not fail because one organization changed a column. To read a column that the query did not ask
/// for is a defect of ours, and panics where debug assertions are on.
#[derive(Clone, Default)]
pub struct Record {
    texts: Texts,
    // In the order that they came in. A row has a few dozen columns: to look through them costs less
    // than to hash their names.
    columns: Vec<Column>,
    related: Vec<(Piece, Vec<Record>)>,
    /// What the query asked for; nothing of what was answered to no query.
    asked: Option<Arc<Asked>>,
}

/// How many members an answer may have in all its rows. A page of 5,000 rows, the most that Dataverse
/// gives, with 100 columns has as many; and each takes memory that its two bytes of JSON do not.
const MOST_MEMBERS: u32 = 500_000;

/// Up to so many members before it, a row is given room for its columns at once: 200 rows of 32. There
/// are no more where a tool asks, and rows with nothing in them would take far more than they hold.
const ROOMY: u32 = 6_400;

/// Where the names and values of a row stand: not a piece of memory for each.
#[derive(Clone, Default)]
struct Texts {
    /// The answer that the row came in. Most of them are read there, in their place.
    answer: Arc<str>,
    /// Those that do not stand so in the answer: numbers, and texts with escapes.
    copied: String,
    /// How many members have been read of the answer so far.
    members: u32,
}

/// A piece of the answer or, with positions behind its end, of what was copied.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
}

impl Piece {
    fn len(self) -> usize {
        self.end - self.start
    }
}

impl Texts {
    fn of(answer: &Arc<str>) -> Texts {
        Texts { answer: Arc::clone(answer), ..Texts::default() }
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.members += 1;
        if self.members > MOST_MEMBERS {
            return Err(E::custom("more members than an answer may have"));
        }
        Ok(())
    }

    /// The piece that this text is. What is no part of the answer is copied.
    fn keep(&mut self, text: &str) -> Piece {
        // Both are addresses: a text that lies in the answer's memory is a part of it.
        let start = text.as_ptr().addr().wrapping_sub(self.answer.as_ptr().addr());
        if start.saturating_add(text.len()) <= self.answer.len() && !text.is_empty() {
            return Piece { start, end: start + text.len() };
        }
        let start = self.answer.len() + self.copied.len();
        self.copied.push_str(text);
        Piece { start, end: start + text.len() }
    }

    fn get(&self, piece: Piece) -> &str {
        match piece.start.checked_sub(self.answer.len()) {
            None => &self.answer[piece.start..piece.end],
            Some(start) => &self.copied[start..start + piece.len()],
        }
    }
}

/// A column, or an annotation of one.
#[derive(Clone)]
struct Column {
    name: Piece,
    value: Piece,
    kind: Kind,
}

/// What a column's text means.
#[derive(Clone, PartialEq)]
enum Kind {
    Null,
    Boolean(bool),
    Number,
    Text,
    /// Several values, for which nobody here asks.
    List(Vec<Value>),
}

/// The value of a column.
#[derive(Clone, Copy)]
struct Cell<'a> {
    kind: &'a Kind,
    text: &'a str,
}

impl<'a> Cell<'a> {
    fn text(self) -> Option<&'a str> {
        (*self.kind == Kind::Text && !self.text.is_empty()).then_some(self.text)
    }

    fn number(self) -> Option<&'a str> {
        (*self.kind == Kind::Number).then_some(self.text)
    }

    fn value(self) -> Value {
        match self.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(flag) => (*flag).into(),
            Kind::Number => self.text.parse().map_or(Value::Null, Value::Number),
            Kind::Text => self.text.into(),
            Kind::List(values) => values.clone().into(),
        }
    }
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
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The rows of this page.
    pub records: Vec<Record>,
    /// How many rows match in all, up to 5,000, where the query asked.
    pub count: Option<u64>,
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Page, D::Error> {
        Record::deserialize(deserializer).map(Page::of_answer)
    }
}

impl Page {
    /// Reads the answer to a query, and refuses what is none: of one that was mistaken for "nothing
    /// found", a bot would make a second record of what is there.
    pub(crate) fn read(answer: &str, query: &Query) -> Result<Page, NoPage> {
        let answer = Record::read(answer)?;
        let mut page = if query.is_of_row() { Page::from(answer) } else { Page::of_rows(answer)? };
        let key = query.table().key;
        if page.records.iter().any(|record| record.id(key).is_none()) {
            return Err(NoPage::NoId(key));
        }
        query.mark(&mut page.records);
        Ok(page)
    }

    /// The rows under `value`, which must be there.
    fn of_rows(answer: Record) -> Result<Page, NoPage> {
        let has_rows = answer.related.iter().any(|(name, _)| answer.texts.get(*name) == "value");
        if has_rows { Ok(Page::of_answer(answer)) } else { Err(NoPage::NoRows) }
    }

    /// The rows under `value`, or what is a row itself.
    fn of_answer(mut answer: Record) -> Page {
        let texts = &answer.texts;
        let rows = answer.related.iter_mut().find(|(name, _)| texts.get(*name) == "value");
        match rows.map(|(_, rows)| std::mem::take(rows)) {
            Some(records) => Page {
                records,
                count: answer.integer("@odata.count").and_then(|count| count.try_into().ok()),
            },
            None => Page::from(answer),
        }
    }
}

/// Why an answer is not that to a query.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPage {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("a list without a member value")]
    NoRows,
    #[error("a row without an id in {0}")]
    NoId(&'static str),
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

    /// Reads an answer that is a row.
    pub(crate) fn read(answer: &str) -> Result<Record, serde_json::Error> {
        let answer: Arc<str> = answer.into();
        let mut deserializer = serde_json::Deserializer::from_str(&answer);
        let record = row(&mut deserializer, Texts::of(&answer))?;
        deserializer.end()?;
        Ok(record)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| self.texts.get(column.name))
    }

    /// The first column whose name is of this length, and is the one that is looked for.
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

    /// Whether the query asked for this column: then the row has it, or it is empty.
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

    /// What Dataverse shows for this column: the label of a choice, the name behind a lookup.
    pub fn label(&self, column: &str) -> Option<&str> {
        self.annotation(column, FORMATTED)
    }

    /// The whole number in this column, also the value of a choice.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.get(column)?.number()?.parse().ok()
    }

    /// Yes or no.
    pub fn boolean(&self, column: &str) -> Option<bool> {
        match self.get(column)?.kind {
            Kind::Boolean(flag) => Some(*flag),
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
        debug_assert!(
            self.asked.as_ref().is_none_or(|asked| asked.has_related(navigation)),
            "{navigation} is read, and the query did not expand it"
        );
        let related = self.related.iter().find(|(name, _)| self.texts.get(*name) == navigation);
        related.map(|(_, records)| records.as_slice()).unwrap_or_default()
    }

    pub(crate) fn note_asked(&mut self, asked: &Arc<Asked>) {
        self.asked = Some(Arc::clone(asked));
    }

    pub(crate) fn many_mut(&mut self, navigation: &str) -> &mut [Record] {
        let Record { texts, related, .. } = self;
        let related = related.iter_mut().find(|(name, _)| texts.get(*name) == navigation);
        related.map(|(_, records)| records.as_mut_slice()).unwrap_or_default()
    }

    /// Whether this column was not read, because the answer with it was larger than an answer may
    /// be: there may be a text in it, or none.
    pub fn is_left_out(&self, column: &str) -> bool {
        let mut left_out = self.asked.iter().flat_map(|asked| asked.left_out.iter());
        left_out.any(|name| name.as_str() == column)
    }

    /// The names of the columns that have a value, without annotations.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.names().filter(|name| !name.contains('@'))
    }

    /// The value of a column as it came.
    pub fn value(&self, column: &str) -> Option<Value> {
        Some(self.get(column)?.value()).filter(|value| !value.is_null())
    }
}

/// Column names only: what stands in the columns may be personal.
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

// Rows are read in one pass, and without a piece of memory for each name and each text: they come
// by the hundred, and to make each a tree of JSON first took more than all that is done with it.
impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        row(deserializer, Texts::default())
    }
}

fn row<'de, D: Deserializer<'de>>(deserializer: D, mut texts: Texts) -> Result<Record, D::Error> {
    match deserializer.deserialize_any(Member { texts: &mut texts })? {
        Content::Row(record) => Ok(record),
        _ => Err(D::Error::custom("a row is a JSON object")),
    }
}

/// A member of a row.
enum Content {
    /// Its text is kept with those of the row.
    Column(Kind, Piece),
    Row(Record),
    Rows(Vec<Record>),
}

/// Reads a member of a row whose texts these are.
struct Member<'a> {
    texts: &'a mut Texts,
}

impl Member<'_> {
    fn number<E>(self, number: impl fmt::Display) -> Result<Content, E> {
        Ok(Content::Column(Kind::Number, self.texts.keep(&number.to_string())))
    }

    fn without_text<E>(kind: Kind) -> Result<Content, E> {
        Ok(Content::Column(kind, Piece { start: 0, end: 0 }))
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Content;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Self::without_text(Kind::Boolean(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        self.number(number)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        self.number(number)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Content, E> {
        self.number(number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Column(Kind::Text, self.texts.keep(text)))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Self::without_text(Kind::Null)
    }

    /// Rows, or values. Lists of both do not come; an empty one has no rows.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        while let Some(item) = items.next_element_seed(Member { texts: self.texts })? {
            self.texts.count()?;
            match item {
                Content::Row(row) => rows.push(row),
                Content::Column(kind, value) => {
                    values.push(Cell { kind: &kind, text: self.texts.get(value) }.value());
                }
                Content::Rows(_) => {}
            }
        }
        let is_list = rows.is_empty() && !values.is_empty();
        if is_list { Self::without_text(Kind::List(values)) } else { Ok(Content::Rows(rows)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        // A row, or a number, of which only the first name tells; and numbers are many.
        let mut name = match members.next_key_seed(Name(self.texts))? {
            None => return Ok(Content::Row(Record::default())),
            Some(Named::Number) => {
                let Named::Member(number) = members.next_value_seed(Name(self.texts))? else {
                    return Err(A::Error::custom("a number is its digits"));
                };
                return Ok(Content::Column(Kind::Number, number));
            }
            Some(Named::Member(name)) => name,
        };
        let mut record = Record { texts: Texts::of(&self.texts.answer), ..Record::default() };
        record.texts.members = self.texts.members;
        let first = self.texts.get(name);
        if first == "@odata.etag" || first == "@odata.context" {
            // A row of a table, and most of them find room in this; what is expanded into one is
            // smaller. Not where there are more rows than a tool asks for: then they are no rows of
            // ours, and may have nothing in them.
            if self.texts.members < ROOMY {
                record.columns.reserve(32);
            }
        }
        // It was kept with the texts around it, where it was not known yet that this is a row.
        name = record.texts.keep(first);
        loop {
            match members.next_value_seed(Member { texts: &mut record.texts })? {
                // Of many columns that are asked for there is nothing in a row.
                Content::Column(Kind::Null, _) => {}
                Content::Column(kind, value) => record.columns.push(Column { name, value, kind }),
                Content::Row(row) => record.related.push((name, vec![row])),
                Content::Rows(rows) => record.related.push((name, rows)),
            }
            record.texts.count()?;
            match members.next_key_seed(Name(&mut record.texts))? {
                None => {
                    self.texts.members = record.texts.members;
                    return Ok(Content::Row(record));
                }
                Some(Named::Member(next)) => name = next,
                Some(Named::Number) => return Err(A::Error::custom("a number in a row's place")),
            }
        }
    }
}

/// How `serde_json` hands over a number that must lose no digit (its feature `arbitrary_precision`):
/// as a map with this member, and the digits as its text. Should it ever be named otherwise, the
/// test `money_is_exact` says so.
const EXACT_NUMBER: &str = "$serde_json::private::Number";

/// Keeps the name of a member with the row's texts.
struct Name<'a>(&'a mut Texts);

enum Named {
    Member(Piece),
    /// It is no row: it is a number, which follows.
    Number,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Named;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Named, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Named;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Named, E> {
        if name == EXACT_NUMBER {
            return Ok(Named::Number);
        }
        Ok(Named::Member(self.0.keep(name)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
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

    const TABLE: crate::Table =
        crate::Table { logical_name: "case", entity_set: "cases", key: "caseid" };

    fn rows(text: &str) -> Result<Page, NoPage> {
        Page::of_rows(Record::read(text)?)
    }

    fn row(text: &str) -> Result<Page, NoPage> {
        Page::read(text, &Query::row(TABLE, Uuid::nil()))
    }

    #[test]
    fn what_is_no_answer_is_not_read_as_nothing() {
        let id = Uuid::nil();
        let good = format!(r#"{{"value": [{{"caseid": "{id}"}}]}}"#);
        let of_rows = |text: &str| Page::read(text, &Query::rows(TABLE));
        assert_eq!(of_rows(&good).unwrap().records.len(), 1);
        assert_eq!(of_rows(r#"{"value": []}"#).unwrap().records.len(), 0);
        for text in [
            "{}",
            "null",
            r#"{"value": null}"#,
            r#"{"value": {}}"#,
            r#"{"error": {"code": ""}}"#,
            r#"{"value": [{}]}"#,
            r#"{"value": [{"caseid": null}]}"#,
            r#"{"value": [{"caseid": "CAS-1"}]}"#,
            r#"{"value": [{"caseid": 7}]}"#,
            r#"{"value": [7]}"#,
            "<html>",
            "",
        ] {
            assert!(of_rows(text).is_err(), "{text}");
        }
        assert!(row(&format!(r#"{{"caseid": "{id}"}}"#)).is_ok());
        for text in ["{}", r#"{"caseid": "7"}"#, r#"{"title": "a"}"#, good.as_str()] {
            assert!(row(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_of_nothing_take_no_room() {
        let text = format!(r#"{{"value": [{}{{}}]}}"#, r#"{"@odata.etag": ""},"#.repeat(200_000));
        let rows = rows(&text).unwrap();
        let room: usize = rows.records.iter().map(|row| row.columns.capacity()).sum();
        assert!(room < 6 * 200_000, "{room}");
    }

    #[test]
    fn an_answer_of_too_many_members_is_not_read() {
        let most = MOST_MEMBERS as usize;
        let fits = format!(r#"{{"value": [], "tags": [{}1]}}"#, "1,".repeat(most - 3));
        assert!(rows(&fits).is_ok());
        for piece in ["1,", "{},", r#"{"a":1},"#] {
            let text = format!(r#"{{"value": [], "tags": [{}1]}}"#, piece.repeat(most));
            assert!(rows(&text).is_err(), "{piece}");
        }
    }

    #[test]
    fn pages_are_rows_or_a_row() {
        let page = |text: &str| rows(text).unwrap();
        let many = r#"{"@odata.context": "c", "@odata.count": 7, "@odata.nextLink": "n",
            "value": [{"name": "a", "tags": ["x", "y"]}, {"name": "b", "tags": []}]}"#;
        let many = page(many);
        let names: Vec<_> = many.records.iter().map(|record| record.text("name")).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert_eq!(many.count, Some(7));
        assert_eq!(many.records[0].value("tags"), Some(json!(["x", "y"])));
        assert_eq!(many.records[0].column_names().collect::<Vec<_>>(), ["name", "tags"]);
        let none = page(r#"{"value": []}"#);
        assert_eq!(none.records.len(), 0);
        let id = Uuid::nil();
        let one = row(&format!(r#"{{"caseid": "{id}", "value": 3}}"#)).unwrap();
        assert_eq!(one.records[0].integer("value"), Some(3));
        for text in ["[]", "1", "\"a\"", "{", r#"{"value": [1"#] {
            assert!(rows(text).is_err(), "{text}");
        }
        assert!(rows(r#"{"value": []} {}"#).is_err());
    }

    proptest! {
        // Most texts are pieces of the answer; those with escapes, and numbers, are copies.
        #[test]
        fn what_comes_is_what_is_read(
            columns in prop::collection::btree_map(
                "[a-z]{1,8}|\\PC{0,8}",
                prop_oneof![
                    any::<bool>().prop_map(Value::from),
                    any::<i64>().prop_map(Value::from),
                    "\\PC{0,12}|[\"\\\\\n\u{7}a]{0,6}".prop_map(Value::from),
                ],
                0..12,
            ),
        ) {
            let one = json!(columns);
            let text = json!({"@odata.etag": "W/\"1\"", "row": one, "value": [one, one]});
            let page = rows(&text.to_string()).unwrap();
            prop_assert_eq!(page.records.len(), 2);
            for record in &page.records {
                let names: Vec<_> = record.column_names().collect();
                let read: BTreeMap<_, _> = columns
                    .keys()
                    .filter_map(|name| Some((name.clone(), record.value(name)?)))
                    .collect();
                prop_assert_eq!(&read, &columns);
                prop_assert!(names.iter().all(|name| columns.contains_key(*name)));
            }
        }
    }

    #[test]
    fn money_is_exact() {
        let text = r#"{"a": 922337203685477.5807, "b": 5000000.0000000000, "c": 1e3}"#;
        let record = Record::read(text).unwrap();
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
