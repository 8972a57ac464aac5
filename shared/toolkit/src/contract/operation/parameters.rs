//! Reads the parameters in the path and the query of a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crm::figure::Figure;
use schemars::JsonSchema;
use serde::de::value::MapDeserializer;
use serde::de::{IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, de, forward_to_deserialize_any};
use serde_json::Value;

use super::handed::wrong_type;
use crate::ToolError;
use crate::contract::schema::input_schema;

/// The parameters of an operation: a struct whose fields are read from texts. The doc comments of
/// its fields become their descriptions.
pub trait Parameters: Sized + Send {
    /// The schema: an object with one property per parameter.
    fn schema() -> Value;

    /// Reads the parameters from their texts, by name.
    fn read(given: BTreeMap<String, String>) -> Result<Self, ToolError>;
}

impl<T: for<'de> Deserialize<'de> + JsonSchema + Send> Parameters for T {
    fn schema() -> Value {
        input_schema::<T>()
    }

    fn read(given: BTreeMap<String, String>) -> Result<T, ToolError> {
        let given = given.into_iter().map(|(name, text)| (name, Given(text)));
        let given = MapDeserializer::<_, de::value::Error>::new(given);
        serde_path_to_error::deserialize(given).map_err(|error| {
            let problem = error.inner().to_string();
            let missing = problem.strip_prefix("missing field `");
            match missing.and_then(|rest| rest.split('`').next()) {
                Some(name) => ToolError::invalid(name, "must be given"),
                None => {
                    let problem = wrong_type(&problem).unwrap_or(problem);
                    ToolError::invalid(&error.path().to_string(), problem)
                }
            }
        })
    }
}

/// The names of the parameters.
pub fn names_of<P: Parameters>() -> Vec<String> {
    let schema = P::schema();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|all| all.keys().cloned()).collect()
}

/// None.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct NoParameters {}

/// The text of a parameter. An optional field reads it like a required one.
struct Given(String);

impl<'de> IntoDeserializer<'de> for Given {
    type Deserializer = Given;

    fn into_deserializer(self) -> Given {
        self
    }
}

impl<'de> Deserializer<'de> for Given {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The number of entries of a page: a whole number from 1 to `MOST`, by default `USUAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const USUAL: usize, const MOST: usize>(usize);

impl<const USUAL: usize, const MOST: usize> Within<USUAL, MOST> {
    /// The number.
    pub fn get(self) -> usize {
        self.0
    }
}

impl<const USUAL: usize, const MOST: usize> Default for Within<USUAL, MOST> {
    fn default() -> Self {
        Within(USUAL)
    }
}

impl<const USUAL: usize, const MOST: usize> FromStr for Within<USUAL, MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = Figure::from(text).whole().and_then(|number| usize::try_from(number).ok());
        let number = number.ok_or_else(|| "must be a whole number".to_owned())?;
        if (1..=MOST).contains(&number) {
            Ok(Within(number))
        } else {
            Err(format!("must be from 1 to {MOST}"))
        }
    }
}

crate::text_parameter!(
    Within<const USUAL: usize, const MOST: usize>,
    {"type": "integer", "minimum": 1, "maximum": MOST}
);

/// Reads a value from its text.
pub fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
    D: Deserializer<'de>,
{
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

/// Lets a type that has `FromStr` be a parameter, with the given schema. The type may be generic:
/// `Name<T: Bound>` or `Name<const N: usize>`.
#[macro_export]
macro_rules! text_parameter {
    (@make $name:ident, $type:ty, [$($generics:tt)*], $schema:tt) => {
        impl<'de, $($generics)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::operation::from_text(deserializer)
            }
        }

        impl<$($generics)*> schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
    ($name:ident, $schema:tt) => {
        $crate::text_parameter!(@make $name, $name, [], $schema);
    };
    ($name:ident<$(const $constant:ident: $of:ty),+>, $schema:tt) => {
        $crate::text_parameter!(
            @make $name, $name<$($constant),+>, [$(const $constant: $of),+], $schema
        );
    };
    ($name:ident<$($type:ident: $bound:path),+>, $schema:tt) => {
        $crate::text_parameter!(@make $name, $name<$($type),+>, [$($type: $bound),+], $schema);
    };
}
