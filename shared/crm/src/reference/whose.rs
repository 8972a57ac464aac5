//! The contact that a call is about.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::ContactRef;

/// The contact that a call is about. Staff name one. A visitor is meant where none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose(pub Option<ContactRef>);

impl Whose {
    /// The keyword in the schema of an argument that only staff must give.
    pub const KEYWORD: &'static str = "x-visitor-by-default";
}

impl<'de> Deserialize<'de> for Whose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whose, D::Error> {
        Option::deserialize(deserializer).map(Whose)
    }
}

impl JsonSchema for Whose {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Whose".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-visitor-by-default": true })
    }
}

crate::without_fields!(Whose);
