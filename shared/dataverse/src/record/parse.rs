//! Reads rows from JSON.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Record;
use super::values::{Cell, Column, Meaning, Piece, ROOMY, Texts};

impl Record {
    /// Reads a row from the text of an answer.
    pub(crate) fn read(answer: &str) -> Result<Record, serde_json::Error> {
        let answer: Arc<str> = answer.into();
        let mut deserializer = serde_json::Deserializer::from_str(&answer);
        let record = row(&mut deserializer, Texts::of(&answer))?;
        deserializer.end()?;
        Ok(record)
    }
}

// Rows are read in one pass, without allocating each name and text. They come by the hundred, and
// to build a tree of JSON first took more time than all that is done with it.
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
    /// A column, whose text is kept with those of the row.
    Column(Meaning, Piece),
    Row(Record),
    Rows(Vec<Record>),
}

/// Reads a member of the row that has these texts.
struct Member<'a> {
    texts: &'a mut Texts,
}

impl Member<'_> {
    fn number<E>(self, number: impl fmt::Display) -> Result<Content, E> {
        Ok(Content::Column(Meaning::Number, self.texts.keep(&number.to_string())))
    }

    fn without_text<E>(kind: Meaning) -> Result<Content, E> {
        Ok(Content::Column(kind, Piece::default()))
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
        Self::without_text(Meaning::Boolean(flag))
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
        Ok(Content::Column(Meaning::Text, self.texts.keep(text)))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Self::without_text(Meaning::Null)
    }

    /// Reads a list of rows, or of values; no list has both. An empty list is one of rows.
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
        if is_list { Self::without_text(Meaning::List(values)) } else { Ok(Content::Rows(rows)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        // It is a row or a number, which only the first name tells.
        let mut name = match members.next_key_seed(Name(self.texts))? {
            None => return Ok(Content::Row(Record::default())),
            Some(Named::Number) => {
                let Named::Member(number) = members.next_value_seed(Name(self.texts))? else {
                    return Err(A::Error::custom("a number is its digits"));
                };
                return Ok(Content::Column(Meaning::Number, number));
            }
            Some(Named::Member(name)) => name,
        };
        let mut record = Record { texts: Texts::of(&self.texts.answer), ..Record::default() };
        record.texts.members = self.texts.members;
        let first = self.texts.get(name);
        if first == "@odata.etag" || first == "@odata.context" {
            // It is a row of a table, and most of those have room in this. Expanded rows are
            // smaller.
            if self.texts.members < ROOMY {
                record.columns.reserve(32);
            }
        }
        // The name was kept with the texts of the row around, because only now this is known to be
        // a row.
        name = record.texts.keep(first);
        loop {
            match members.next_value_seed(Member { texts: &mut record.texts })? {
                // Many columns of a row are empty.
                Content::Column(Meaning::Null, _) => {}
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

/// The name by which `serde_json`, with its feature `arbitrary_precision`, hands over a number: as
/// a map with this member, whose text has the digits. If the name ever changes, the test
/// `money_is_exact` fails.
const EXACT_NUMBER: &str = "$serde_json::private::Number";

/// Keeps the name of a member with the row's texts.
struct Name<'a>(&'a mut Texts);

enum Named {
    Member(Piece),
    /// This is not a row: a number follows.
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
    use serde_json::{Value, json};

    use super::super::values::MOST_MEMBERS;
    use super::*;

    fn rows(text: &str) -> Result<Vec<Record>, serde_json::Error> {
        Ok(Record::read(text)?.take_many("value").unwrap())
    }

    #[test]
    fn rows_of_nothing_take_no_room() {
        let text = format!(r#"{{"value": [{}{{}}]}}"#, r#"{"@odata.etag": ""},"#.repeat(200_000));
        let rows = rows(&text).unwrap();
        let room: usize = rows.iter().map(|row| row.columns.capacity()).sum();
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

    proptest! {
        // Most texts are pieces of the answer. Texts with escapes, and numbers, are copies.
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
            let rows = rows(&text.to_string()).unwrap();
            prop_assert_eq!(rows.len(), 2);
            for record in &rows {
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
}
