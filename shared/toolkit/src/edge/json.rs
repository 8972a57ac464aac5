//! Writes answers as JSON, in one pass.
//!
//! Every answer passes through here, with all its texts from the CRM: names, subjects, labels, and
//! excerpts. Invisible characters are removed here ([`shown`]), so no tool can forget to do so. A
//! name may lose characters, but the id next to it still finds the record.

use std::borrow::Cow;
use std::io::{self, Write};

use crm::text::shown;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

/// The JSON of a value, without members that are null.
///
/// It builds no tree. Building a tree, removing its nulls and writing it took three times as long.
pub(crate) fn text(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::with_capacity(1024);
    value.serialize(&mut Serializer::with_formatter(&mut text, WithoutNulls::default()))?;
    Ok(text)
}

/// The same JSON as a [`Value`].
pub(crate) fn value(value: &impl Serialize) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    tidy(&mut value);
    Ok(value)
}

/// Removes members that are null, and invisible characters.
pub(crate) fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::String(text) => {
            if let Cow::Owned(shown) = shown(text) {
                *text = shown;
            }
        }
        _ => {}
    }
}

/// A formatter that keeps back the name of a member until it is clear that the value is not null.
#[derive(Default)]
struct WithoutNulls {
    /// The name, in quotation marks.
    name: Vec<u8>,
    /// Whether a name is being written.
    in_name: bool,
    /// Whether the name's value comes next.
    is_held_back: bool,
    /// For each open object: whether it already has a member.
    has_members: Vec<bool>,
}

impl WithoutNulls {
    /// Writes the name that was kept back, before its value.
    fn release<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if !std::mem::take(&mut self.is_held_back) {
            return Ok(());
        }
        if let Some(has_members) = self.has_members.last_mut()
            && std::mem::replace(has_members, true)
        {
            writer.write_all(b",")?;
        }
        writer.write_all(&self.name)?;
        writer.write_all(b":")
    }
}

/// Methods that write a scalar: the name of a member, or a value.
macro_rules! scalars {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method<W: ?Sized + Write>(&mut self, writer: &mut W, value: $type) -> io::Result<()> {
            if self.in_name {
                return CompactFormatter.$method(&mut self.name, value);
            }
            self.release(writer)?;
            CompactFormatter.$method(writer, value)
        })*
    };
}

/// Methods that write a part of a text, which is a name or a value.
macro_rules! parts_of_texts {
    ($($method:ident($($argument:ident: $type:ty)?)),* $(,)?) => {
        $(fn $method<W: ?Sized + Write>(
            &mut self,
            writer: &mut W,
            $($argument: $type)?
        ) -> io::Result<()> {
            if self.in_name {
                return CompactFormatter.$method(&mut self.name, $($argument)?);
            }
            CompactFormatter.$method(writer, $($argument)?)
        })*
    };
}

impl Formatter for WithoutNulls {
    scalars! {
        write_bool: bool,
        write_i8: i8,
        write_i16: i16,
        write_i32: i32,
        write_i64: i64,
        write_i128: i128,
        write_u8: u8,
        write_u16: u16,
        write_u32: u32,
        write_u64: u64,
        write_u128: u128,
        write_f32: f32,
        write_f64: f64,
        write_number_str: &str,
        write_raw_fragment: &str,
    }

    parts_of_texts! {
        end_string(),
    }

    /// Writes a part of a text without escapes.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.in_name {
            return CompactFormatter.write_string_fragment(&mut self.name, fragment);
        }
        let shown = shown(fragment);
        // Every character that breaks a line is now a line feed.
        for (position, line) in shown.split('\n').enumerate() {
            if position > 0 {
                CompactFormatter.write_char_escape(writer, CharEscape::LineFeed)?;
            }
            CompactFormatter.write_string_fragment(writer, line)?;
        }
        Ok(())
    }

    /// Writes a character that must be escaped. Control characters other than tabs and line breaks
    /// are left out.
    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        const VERTICAL_TAB: u8 = 0x0b;
        if self.in_name {
            return CompactFormatter.write_char_escape(&mut self.name, escape);
        }
        let escape = match escape {
            CharEscape::FormFeed | CharEscape::AsciiControl(VERTICAL_TAB) => CharEscape::LineFeed,
            CharEscape::Backspace | CharEscape::AsciiControl(_) => return Ok(()),
            escape => escape,
        };
        CompactFormatter.write_char_escape(writer, escape)
    }

    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if std::mem::take(&mut self.is_held_back) {
            return Ok(());
        }
        CompactFormatter.write_null(writer)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.in_name {
            return CompactFormatter.begin_string(&mut self.name);
        }
        self.release(writer)?;
        CompactFormatter.begin_string(writer)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.release(writer)?;
        CompactFormatter.begin_array(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.release(writer)?;
        self.has_members.push(false);
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.has_members.pop();
        CompactFormatter.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.name.clear();
        self.in_name = true;
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_name = false;
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_held_back = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Number, Value, json};

    use super::*;

    fn without_nulls(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|_, value| !value.is_null());
                object.values_mut().for_each(without_nulls);
            }
            Value::Array(items) => items.iter_mut().for_each(without_nulls),
            _ => {}
        }
    }

    fn written(value: &impl Serialize) -> String {
        String::from_utf8(text(value).unwrap()).unwrap()
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        #[derive(Serialize)]
        struct Row {
            id: u8,
            name: Option<&'static str>,
            amount: Option<Number>,
            tags: Vec<Option<bool>>,
            #[serde(flatten)]
            others: BTreeMap<u8, Option<Value>>,
        }
        let row = Row {
            id: 1,
            name: None,
            amount: Some("922337203685477.5807".parse().unwrap()),
            tags: vec![None, Some(true)],
            others: BTreeMap::from([(7, None), (8, Some(json!({"a\"b": null, "c": [{}]})))]),
        };
        let expected =
            r#"{"id":1,"amount":922337203685477.5807,"tags":[null,true],"8":{"c":[{}]}}"#;
        assert_eq!(written(&row), expected);
        assert_eq!(written(&json!({"a": null})), "{}");
        assert_eq!(written(&Value::Null), "null");
    }

    #[test]
    fn what_nobody_sees_of_a_text_is_left_out() {
        let name = "Ma\u{200b}ria\u{e0041} \u{202e}\"Q\"\u{0}\u{8}\u{2028}\u{c}می\u{200c}خواهم 👩\u{200d}💻\\";
        let seen = "Maria \"Q\"\n\nمی\u{200c}خواهم 👩\u{200d}💻\\";
        let text = written(&json!({ "name": name, "list": [name] }));
        assert_eq!(text, json!({ "name": seen, "list": [seen] }).to_string());
    }

    /// Removes the invisible characters from the texts of a tree.
    fn seen(value: &mut Value) {
        match value {
            Value::String(text) => *text = shown(text).into_owned(),
            Value::Array(items) => items.iter_mut().for_each(seen),
            Value::Object(members) => members.values_mut().for_each(seen),
            _ => {}
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,4}|[\"\\\\\n\t\u{1}]{1,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-c\"\\\\\n]{0,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_else_changes(tree in tree()) {
            let text = written(&tree);
            let mut expected = tree.clone();
            without_nulls(&mut expected);
            seen(&mut expected);
            prop_assert_eq!(&text, &expected.to_string());
            // The value has the same content.
            prop_assert_eq!(text, value(&tree).unwrap().to_string());
        }
    }
}
