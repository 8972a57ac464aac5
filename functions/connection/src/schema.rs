//! Schemas of values that serde writes as text.

use schemars::{Schema, SchemaGenerator, json_schema};

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
