//! The rows of an answer to a query.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::{Query, Record};

/// The rows that a query found.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The rows of this page.
    pub records: Vec<Record>,
    /// How many rows match in all, where the query counted them.
    pub count: Option<Count>,
    /// Whether there was no room for all rows that were joined to these.
    pub(crate) is_cut: bool,
}

/// How many rows match a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Their number, as far as Dataverse counts: to 5,000.
    pub rows: u64,
    /// Whether there are more.
    pub is_exceeded: bool,
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Page, D::Error> {
        Page::of_rows(Record::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Page {
    /// Reads the answer to a query, and refuses anything else. If something else were taken for
    /// "nothing found", a bot would make a second record of what exists.
    pub(crate) fn read(answer: &str, query: &Query) -> Result<Page, NoPage> {
        let answer = Record::read(answer)?;
        let mut page = if query.is_of_row() { Page::from(answer) } else { Page::of_rows(answer)? };
        let key = query.table().key;
        if page.records.iter().any(|record| record.id(key).is_none()) {
            return Err(NoPage::NoId(key));
        }
        let found = page.records.len();
        query.mark(&mut page.records);
        page.is_cut = query.is_cut(found, page.records.len());
        Ok(page)
    }

    /// Adds the rows of a collection that another part of the query found.
    pub(crate) fn join(&mut self, part: Page, key: &str) {
        self.is_cut |= part.is_cut;
        for row in part.records {
            let id = row.id(key);
            if let Some(own) = self.records.iter_mut().find(|own| own.id(key) == id) {
                own.add_related(row);
            }
        }
    }

    /// Takes the rows under `value`, which must be there.
    fn of_rows(mut answer: Record) -> Result<Page, NoPage> {
        let records = answer.take_many("value").ok_or(NoPage::NoRows)?;
        let rows = answer.integer("@odata.count").and_then(|count| count.try_into().ok());
        let limit = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";
        let is_exceeded = answer.boolean(limit) == Some(true);
        let count = rows.map(|rows| Count { rows, is_exceeded });
        Ok(Page { records, count, is_cut: false })
    }
}

/// Why an answer is not one to a query.
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

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
    fn pages_are_rows_or_a_row() {
        let page = |text: &str| rows(text).unwrap();
        let many = r#"{"@odata.context": "c", "@odata.count": 7, "@odata.nextLink": "n",
            "value": [{"name": "a", "tags": ["x", "y"]}, {"name": "b", "tags": []}]}"#;
        let many = page(many);
        let names: Vec<_> = many.records.iter().map(|record| record.text("name")).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert_eq!(many.count, Some(Count { rows: 7, is_exceeded: false }));
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
}
