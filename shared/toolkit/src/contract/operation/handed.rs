//! Reads the values of a body: the arguments of tools as models hand them over, and an administrator's
//! forms exactly.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer as _, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
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

/// The values of a body, or of a part of it. Where the schema says `object`, an array is refused: the
/// code that serde derives would take it, and go by the order of the fields.
#[derive(Clone, Copy)]
pub(super) struct Handed<'de> {
    value: &'de Value,
    /// Whether it also takes what the schema does not say, and what can only mean one thing.
    is_lenient: bool,
}

impl<'de> Handed<'de> {
    /// Arguments as a model hands them over. Beside what the schema says, there may be a word for nothing
    /// in an optional argument, a number for a text, the text `true` for true, and one item for a list of
    /// it.
    pub(super) fn loosely(value: &'de Value) -> Handed<'de> {
        Handed { value, is_lenient: true }
    }

    /// The values of a form, as its schema says.
    pub(super) fn exactly(value: &'de Value) -> Handed<'de> {
        Handed { value, is_lenient: false }
    }

    /// Another value under the same rule.
    fn with(self, value: &'de Value) -> Handed<'de> {
        Handed { value, ..self }
    }
}

impl<'de> Deserializer<'de> for Handed<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(members) => visitor.visit_map(Members::of(self, members)),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), of: self }),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &"an object")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is_none = self.value.is_null() || (self.is_lenient && is_nothing(self.value));
        if is_none { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.value.as_str().filter(|_| self.is_lenient).map(str::trim);
        match text {
            Some(text) if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            Some(text) if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Number(number) if self.is_lenient => visitor.visit_string(number.to_string()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(_) | Value::String(_) if self.is_lenient => {
                let items = std::slice::from_ref(self.value).iter();
                visitor.visit_seq(Items { items, of: self })
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
        match self.value {
            Value::Object(members) if members.len() == 1 => {
                visitor.visit_enum(Choice(Members::of(self, members)))
            }
            value => value.deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct map identifier ignored_any
    }
}

/// The items of a list.
struct Items<'de> {
    items: std::slice::Iter<'de, Value>,
    of: Handed<'de>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.items.next().map(|item| seed.deserialize(self.of.with(item))).transpose()
    }
}

/// The members of an object.
struct Members<'de> {
    members: serde_json::map::Iter<'de>,
    value: Handed<'de>,
}

impl<'de> Members<'de> {
    fn of(object: Handed<'de>, members: &'de Map<String, Value>) -> Members<'de> {
        Members { members: members.iter(), value: object.with(&Value::Null) }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = self.value.with(value);
        let name: StrDeserializer<'de, Error> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        // Serde asks for a value after its name.
        seed.deserialize(self.value)
    }
}

/// A choice that has something in it: an object with one member, named as the choice.
struct Choice<'de>(Members<'de>);

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Error;
    type Variant = Handed<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        mut self,
        seed: V,
    ) -> Result<(V::Value, Handed<'de>), Error> {
        match self.0.next_key_seed(seed)? {
            Some(choice) => Ok((choice, self.0.value)),
            None => Err(Error::invalid_length(0, &"a choice")),
        }
    }
}

impl<'de> VariantAccess<'de> for Handed<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(self.value)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
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
        _ if ["map", "struct", "object"].iter().any(|word| expected.contains(word)) => "an object",
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
        Arguments::deserialize(Handed::loosely(value)).map_err(|error| error.to_string())
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

    #[derive(Debug, PartialEq, Deserialize)]
    struct Form {
        name: Option<String>,
        parts: Option<Vec<Part>>,
        choice: Option<Choice>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Part {
        column: String,
        size: Option<f64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Choice {
        Nothing,
        One(Part),
        Two(i64, i64),
        Named { part: Part },
    }

    #[test]
    fn a_form_is_read_as_serde_reads_it() {
        for value in [
            json!({}),
            json!({"name": null, "parts": [], "choice": "Nothing"}),
            json!({"name": "None", "parts": [{"column": "a", "size": 2}, {"column": "b"}]}),
            json!({"choice": {"One": {"column": "a"}}}),
            json!({"choice": {"Two": [1, 2]}}),
            json!({"choice": {"Named": {"part": {"column": "a"}}}}),
        ] {
            let read = Form::deserialize(Handed::exactly(&value)).unwrap();
            assert_eq!(read, Form::deserialize(&value).unwrap(), "{value}");
        }
        for value in [
            json!(null),
            json!({"name": 1}),
            json!({"parts": {"column": "a"}}),
            json!({"parts": ""}),
            json!({"choice": {}}),
            json!({"choice": {"Nothing": 1}}),
            json!({"choice": {"Two": [1]}}),
            json!({"choice": {"Two": [1, 2], "One": {"column": "a"}}}),
        ] {
            assert!(Form::deserialize(&value).is_err(), "{value}");
            assert!(Form::deserialize(Handed::exactly(&value)).is_err(), "{value}");
        }
    }

    #[test]
    fn an_array_is_no_object() {
        for value in [
            json!([null, null, null]),
            json!(["x", null, null]),
            json!({"parts": [["a", 1]]}),
            json!({"choice": {"One": ["a", 1]}}),
            json!({"choice": {"Named": {"part": ["a", 1]}}}),
        ] {
            assert!(Form::deserialize(&value).is_ok(), "{value}");
            for handed in [Handed::exactly(&value), Handed::loosely(&value)] {
                let error = Form::deserialize(handed).unwrap_err().to_string();
                assert!(error.contains("invalid type: sequence, expected an object"), "{error}");
            }
        }
    }
}
