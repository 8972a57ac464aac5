//! Reads arguments as models hand them over.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// The words with which models and platforms say that an argument is not given.
const NOTHING: [&str; 8] = ["", "null", "NULL", "None", "none", "N/A", "n/a", "undefined"];

/// Whether a value says that an optional argument is not given.
pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => NOTHING.contains(&text.trim()),
        _ => false,
    }
}

/// Arguments, or a part of them, as a model hands them over. Beside what the schema says, it takes what
/// can only mean one thing: a word for nothing in an optional argument, a number for a text, the text
/// `true` for true, and one item for a list of it.
pub(super) struct Handed<'de>(pub(super) &'de Value);

impl<'de> Deserializer<'de> for Handed<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of(members)),
            Value::Array(items) => visitor.visit_seq(Items(items.iter())),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if is_nothing(self.0) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.0.as_str().map(str::trim);
        match text {
            Some(text) if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            Some(text) if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Number(number) => visitor.visit_string(number.to_string()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(_) | Value::String(_) => {
                visitor.visit_seq(Items(std::slice::from_ref(self.0).iter()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Handed(item))).transpose()
    }
}

/// The members of an object.
struct Members<'de> {
    members: serde_json::map::Iter<'de>,
    value: Option<&'de Value>,
}

impl<'de> Members<'de> {
    fn of(members: &'de Map<String, Value>) -> Members<'de> {
        Members { members: members.iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StrDeserializer<'de, Error> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        // Serde asks for a value only after its name.
        seed.deserialize(Handed(self.value.take().unwrap_or(&Value::Null)))
    }
}

/// What serde says of a value of the wrong type, in words that a model and a person understand. `None`
/// if that is not what it says.
pub(super) fn wrong_type(problem: &str) -> Option<String> {
    let is_of_type = ["invalid type: ", "invalid value: ", "invalid length "];
    if !is_of_type.iter().any(|beginning| problem.starts_with(beginning)) {
        return None;
    }
    // What was given is quoted before it, and may have these words, too.
    let (_, expected) = problem.rsplit_once(", expected ")?;
    Some(format!("must be {}", wanted(expected)))
}

/// The word for a type that serde names by its name in Rust.
fn wanted(expected: &str) -> &'static str {
    let is_whole = ["i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "usize"];
    let first = expected.split_whitespace().next().unwrap_or_default();
    if is_whole.contains(&first) {
        return "a whole number";
    }
    match expected {
        _ if matches!(first, "f32" | "f64") || expected.contains("number") => "a number",
        _ if expected.contains("string") => "a text",
        _ if expected.contains("boolean") => "true or false",
        _ if expected.contains("sequence") || expected.contains("array") => "a list",
        _ if expected.contains("map") || expected.contains("struct") => "an object",
        _ => "of another type",
    }
}

/// The values that a choice has, from a message of serde that one is none of them.
pub(super) fn variants(problem: &str) -> Option<String> {
    let rest = problem.strip_prefix("unknown variant `")?;
    let (_, expected) = rest.rsplit_once("`, expected ")?;
    let names: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
    Some(names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Arguments {
        name: String,
        note: Option<String>,
        done: Option<bool>,
        lines: Option<Vec<Line>>,
        names: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Line {
        count: u32,
        text: Option<String>,
    }

    fn read(value: &Value) -> Result<Arguments, String> {
        Arguments::deserialize(Handed(value)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_said_in_several_ways() {
        for nothing in ["", " ", "null", "None", "N/A"] {
            let given =
                json!({"name": nothing, "note": nothing, "lines": nothing, "done": nothing});
            // What must be given is taken as it is.
            let expected = Arguments { name: nothing.to_owned(), ..Arguments::default() };
            assert_eq!(read(&given), Ok(expected));
        }
        let given = json!({"note": "Null", "lines": [{"count": 1, "text": "null"}]});
        let read = read(&given).unwrap();
        assert_eq!(read.note.as_deref(), Some("Null"));
        assert_eq!(read.lines.unwrap()[0].text, None);
    }

    #[test]
    fn what_can_only_mean_one_thing_is_taken() {
        let given = json!({
            "name": 1003, "note": 5.50, "done": "True", "names": "one",
            "lines": {"count": 1, "text": 7},
        });
        let expected = Arguments {
            name: "1003".to_owned(),
            note: Some("5.5".to_owned()),
            done: Some(true),
            lines: Some(vec![Line { count: 1, text: Some("7".to_owned()) }]),
            names: vec!["one".to_owned()],
        };
        assert_eq!(read(&given), Ok(expected));
        for wrong in [json!({"name": {}}), json!({"done": 1}), json!({"names": 5}), json!([])] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_type_of_rust_is_named() {
        for (given, expected) in [
            (json!({"name": {}}), "must be a text"),
            (json!({"done": 1}), "must be true or false"),
            (json!({"names": 5}), "must be a list"),
            (json!({"lines": [5]}), "must be an object"),
            (json!({"lines": [{"count": "x, expected y"}]}), "must be a whole number"),
            (json!({"lines": [{"count": -1}]}), "must be a whole number"),
        ] {
            let problem = read(&given).unwrap_err();
            assert_eq!(wrong_type(&problem).as_deref(), Some(expected), "{problem}");
        }
        assert_eq!(wrong_type("must be a date"), None);
    }
}
