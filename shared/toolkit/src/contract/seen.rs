//! A result as one caller may see it.

use std::borrow::Cow;

use crm::visible::{Sight, Visible, shape_of};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::contract::cut::Cut;

/// The result of a tool. What the caller may not see is not written.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<R> {
    result: R,
    sight: Sight,
}

impl<R> Seen<R> {
    /// A result for a caller who may see this much.
    pub(crate) fn new(result: R, sight: Sight) -> Seen<R> {
        Seen { result, sight }
    }
}

impl<R: Serialize + Visible + 'static> Serialize for Seen<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.sight == Sight::Staff {
            return self.result.serialize(serializer);
        }
        Cut::new(&self.result, shape_of::<R>(), &self.sight).serialize(serializer)
    }
}

impl<R: JsonSchema> JsonSchema for Seen<R> {
    fn inline_schema() -> bool {
        R::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        R::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        R::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        R::json_schema(generator)
    }
}
