//! The record that a note or an activity hangs on: two arguments, one meaning.

use crm::record::{RecordRef, RecordType};
use crm::text::Line;
use toolkit::ToolError;

/// What people call a record, or its id. How it reads depends on the kind of record.
pub(crate) type Text = Line<300>;

/// The record that the arguments `record_type` and `record` name.
pub(crate) fn parse(kind: RecordType, record: &Text) -> Result<RecordRef, ToolError> {
    RecordRef::parse(kind, record.as_str()).map_err(|problem| ToolError::invalid("record", problem))
}
