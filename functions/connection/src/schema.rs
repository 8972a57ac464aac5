//! Schemas of values that serde writes as text.

use schemars::{Schema, SchemaGenerator, json_schema};
use state::{EntryKind, FieldType};
use strum::VariantNames as _;

/// The id of a connection.
pub(crate) fn connection_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": auth::ConnectionId::PATTERN})
}

/// A point in time.
pub(crate) fn moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// A point in time, or null.
pub(crate) fn maybe_moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "format": "date-time"})
}

/// A day, or null.
pub(crate) fn maybe_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "format": "date"})
}

/// What a column holds.
pub(crate) fn field_type(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": FieldType::VARIANTS})
}

/// What an entry of the activity log is about.
pub(crate) fn kind(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": EntryKind::VARIANTS})
}

/// `ok`, or the code of an error.
pub(crate) fn outcome(_: &mut SchemaGenerator) -> Schema {
    let codes = toolkit::ErrorCode::ALL.iter().map(|code| code.as_str());
    let outcomes: Vec<_> = std::iter::once("ok").chain(codes).collect();
    json_schema!({"type": "string", "enum": outcomes})
}

/// A problem, with the same schema as where the whole answer is one.
pub(crate) fn problem(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"$ref": "#/components/schemas/Problem"})
}

/// Any value, because a column may hold anything.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}
