//! Writes of a value what may be seen of it, in one pass: what may not is never written.
//!
//! It does what [`Shape::cut`] does with a tree. Building the tree first took longer than all else that
//! is done for a visitor.

use std::fmt::Display;

use crm::visible::{Field, Shape, Sight};
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A value, as somebody may see it.
pub(crate) struct Cut<'a, T: ?Sized> {
    value: &'a T,
    seen: Seen<'a>,
}

/// What may be seen.
#[derive(Clone, Copy)]
struct Seen<'a> {
    shape: &'a Shape,
    sight: &'a Sight,
}

impl<'a, T: ?Sized> Cut<'a, T> {
    pub(crate) fn new(value: &'a T, shape: &'a Shape, sight: &'a Sight) -> Cut<'a, T> {
        Cut { value, seen: Seen { shape, sight } }
    }
}

impl<'a> Seen<'a> {
    fn of<T: ?Sized>(self, value: &'a T) -> Cut<'a, T> {
        Cut { value, seen: self }
    }

    /// The field of this name, if it may be seen.
    fn field(self, name: &str) -> Option<&'a Field> {
        self.shape.field(name).filter(|field| self.sight.includes(field.access))
    }

    fn inside(self, field: &'a Field) -> Seen<'a> {
        Seen { shape: &field.shape, ..self }
    }

    /// Writes a value that has a form which no answer has, in two passes.
    fn as_tree<S: Serializer>(self, mut value: Value, serializer: S) -> Result<S::Ok, S::Error> {
        self.shape.cut(&mut value, self.sight);
        value.serialize(serializer)
    }
}

impl<T: Serialize + ?Sized> Serialize for Cut<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What has no fields is written as it is.
        if self.seen.shape.is_empty() {
            return self.value.serialize(serializer);
        }
        self.value.serialize(Cutting { inner: serializer, seen: self.seen })
    }
}

/// Passes on what may be seen.
struct Cutting<'a, S> {
    inner: S,
    seen: Seen<'a>,
}

/// Methods that pass on a value without fields.
macro_rules! as_they_are {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument),*)
        })*
    };
}

impl<'a, S: Serializer> Serializer for Cutting<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Cutting<'a, S::SerializeSeq>;
    type SerializeTuple = Cutting<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Cutting<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = CuttingMap<'a, S::SerializeMap>;
    type SerializeStruct = CuttingStruct<'a, S::SerializeStruct>;
    type SerializeStructVariant = S::SerializeStructVariant;

    as_they_are! {
        serialize_bool(value: bool),
        serialize_i8(value: i8),
        serialize_i16(value: i16),
        serialize_i32(value: i32),
        serialize_i64(value: i64),
        serialize_i128(value: i128),
        serialize_u8(value: u8),
        serialize_u16(value: u16),
        serialize_u32(value: u32),
        serialize_u64(value: u64),
        serialize_u128(value: u128),
        serialize_f32(value: f32),
        serialize_f64(value: f64),
        serialize_char(value: char),
        serialize_str(value: &str),
        serialize_bytes(value: &[u8]),
        serialize_none(),
        serialize_unit(),
        serialize_unit_struct(name: &'static str),
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str),
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&self.seen.of(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &self.seen.of(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = serde_json::to_value(value).map_err(S::Error::custom)?;
        self.seen.as_tree(serde_json::json!({ (variant): value }), self.inner)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Cutting { inner: self.inner.serialize_seq(length)?, seen: self.seen })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Cutting { inner: self.inner.serialize_tuple(length)?, seen: self.seen })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let inner = self.inner.serialize_tuple_struct(name, length)?;
        Ok(Cutting { inner, seen: self.seen })
    }

    // No answer has these: whoever gives them one hears of it in a test.
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Err(S::Error::custom(format_args!("{name} has a variant of a form that cannot be cut")))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Err(S::Error::custom(format_args!("{name} has a variant of a form that cannot be cut")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        // How many members are left shows only as they come.
        let inner = self.inner.serialize_map(None)?;
        Ok(CuttingMap { inner, seen: self.seen, field: None })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        // The library's own way to write a number as it is.
        let seen = (!name.starts_with("$serde_json::")).then_some(self.seen);
        Ok(CuttingStruct { inner: self.inner.serialize_struct(name, length)?, seen })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Each item of a list is of the same shape.
macro_rules! lists {
    ($($of:ident: $method:ident),* $(,)?) => {
        $(impl<S: $of> $of for Cutting<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$method(&self.seen.of(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

lists! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
}

/// Passes on the fields that may be seen; all of them, where nothing says which.
struct CuttingStruct<'a, S> {
    inner: S,
    seen: Option<Seen<'a>>,
}

impl<S: SerializeStruct> SerializeStruct for CuttingStruct<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        let Some(seen) = self.seen else { return self.inner.serialize_field(name, value) };
        match seen.field(name) {
            Some(field) => self.inner.serialize_field(name, &seen.inside(field).of(value)),
            None => self.inner.skip_field(name),
        }
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
        self.inner.skip_field(name)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// Passes on the members that may be seen.
struct CuttingMap<'a, S> {
    inner: S,
    seen: Seen<'a>,
    /// The field of the key that was given last, if it may be seen.
    field: Option<&'a Field>,
}

impl<'a, S: SerializeMap> CuttingMap<'a, S> {
    fn field<K: Serialize + ?Sized>(&self, key: &K) -> Result<Option<&'a Field>, S::Error> {
        match serde_json::to_value(key).map_err(S::Error::custom)? {
            Value::String(name) => Ok(self.seen.field(&name)),
            // Other keys become texts, which no field is called.
            _ => Ok(None),
        }
    }
}

impl<S: SerializeMap> SerializeMap for CuttingMap<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.field = self.field(key)?;
        if self.field.is_some() { self.inner.serialize_key(key) } else { Ok(()) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        match self.field.take() {
            Some(field) => self.inner.serialize_value(&self.seen.inside(field).of(value)),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crm::visible::{Access, Choice};
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::*;

    const ACCESSES: [Access; 4] =
        [Access::Open, Access::Verified, Access::Chosen(Choice::DealDetails), Access::Staff];

    fn sights() -> [Sight; 3] {
        [
            Sight::Open,
            Sight::Verified(BTreeSet::new()),
            Sight::Verified([Choice::DealDetails].into()),
        ]
    }

    /// What a value in one pass and the same by its tree come to.
    fn both(value: &impl Serialize, shape: &Shape, sight: &Sight) -> (Value, Value) {
        let mut tree = serde_json::to_value(value).unwrap();
        shape.cut(&mut tree, sight);
        let at_once = Cut::new(value, shape, sight);
        let text = serde_json::to_string(&at_once).unwrap();
        assert_eq!(serde_json::to_value(&at_once).unwrap(), tree);
        (serde_json::from_str(&text).unwrap(), tree)
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        With(Inner),
    }

    #[derive(Clone, Serialize)]
    struct Inner {
        a: Option<i64>,
        #[serde(with = "rust_decimal::serde::arbitrary_precision")]
        b: Decimal,
        c: Vec<&'static str>,
    }

    #[derive(Serialize)]
    struct Whole {
        #[serde(flatten)]
        inner: Inner,
        list: Vec<Inner>,
        pair: (Inner, Inner),
        maybe: Option<Box<Inner>>,
        kinds: Vec<Kind>,
        map: BTreeMap<u8, Inner>,
        any: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        nothing: Option<u8>,
    }

    #[test]
    fn every_form_is_cut_as_its_tree_is() {
        let inner = Inner { a: Some(1), b: Decimal::new(250, 2), c: vec!["x", "y"] };
        let whole = Whole {
            inner: inner.clone(),
            list: vec![inner.clone(), Inner { a: None, ..inner.clone() }],
            pair: (inner.clone(), inner.clone()),
            maybe: Some(Box::new(inner.clone())),
            kinds: vec![Kind::Plain, Kind::With(inner.clone())],
            map: BTreeMap::from([(1, inner)]),
            any: json!({"a": {"b": [1, null]}}),
            nothing: None,
        };
        let mut of_inner = Shape::default();
        for (name, access) in ["a", "b", "c"].into_iter().zip(ACCESSES) {
            of_inner.add(name, access, Shape::default());
        }
        let mut shape = Shape::default();
        shape.flatten(Access::Open, of_inner.clone());
        for name in ["list", "pair", "maybe", "kinds", "map"] {
            shape.add(name, Access::Open, of_inner.clone());
        }
        shape.add("any", Access::Verified, Shape::default());
        let mut of_kinds = of_inner.clone();
        of_kinds.add("with", Access::Open, of_inner);
        for sight in sights() {
            let (at_once, tree) = both(&whole, &shape, &sight);
            assert_eq!(at_once, tree, "{sight:?}");
            let (at_once, tree) = both(&whole.kinds, &of_kinds, &sight);
            assert_eq!(at_once, tree, "{sight:?}");
        }
        let open = both(&whole, &shape, &Sight::Open).0;
        assert_eq!(open["list"], json!([{"a": 1}, {"a": null}]));
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let names = ["a", "b", "c", "d"];
        let leaf = Just(Shape::default());
        leaf.prop_recursive(3, 20, 4, move |inner| {
            prop::collection::vec((0..names.len(), 0..ACCESSES.len(), inner), 0..4).prop_map(
                move |fields| {
                    let mut shape = Shape::default();
                    for (name, access, inner) in fields {
                        if shape.field(names[name]).is_none() {
                            shape.add(names[name], ACCESSES[access], inner);
                        }
                    }
                    shape
                },
            )
        })
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from)];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-e]", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_tree_is_cut_in_the_same_way(value in tree(), shape in shape(), sight in 0..3_usize) {
            let (at_once, tree) = both(&value, &shape, &sights()[sight]);
            prop_assert_eq!(at_once, tree);
        }
    }
}
