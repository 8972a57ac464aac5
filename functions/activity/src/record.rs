//! The record that a note or an activity hangs on: two arguments, one meaning.

use crm::record::{RecordRef, RecordType};
use crm::text::Line;
use toolkit::{PerKind, ToolError};

/// What people call a record, or its id. How it reads depends on the kind of record.
pub(crate) type Text = Line<300>;

/// The record that the arguments `record_type` and `record` name.
pub(crate) fn parse(kind: RecordType, record: &Text) -> Result<RecordRef, ToolError> {
    RecordRef::parse(kind, record.as_str()).map_err(|problem| ToolError::invalid("record", problem))
}

/// What it takes to read a record of each kind.
pub(crate) const READ: &[PerKind] = &[
    PerKind { kind: RecordType::Contact, privileges: &["prvReadContact"] },
    PerKind { kind: RecordType::Account, privileges: &["prvReadAccount"] },
    PerKind { kind: RecordType::Lead, privileges: &["prvReadLead"] },
    PerKind { kind: RecordType::Opportunity, privileges: &["prvReadOpportunity"] },
    PerKind { kind: RecordType::Case, privileges: &["prvReadIncident"] },
];

/// What it takes to hang something on a record of each kind.
pub(crate) const APPEND_TO: &[PerKind] = &[
    PerKind { kind: RecordType::Contact, privileges: &["prvReadContact", "prvAppendToContact"] },
    PerKind { kind: RecordType::Account, privileges: &["prvReadAccount", "prvAppendToAccount"] },
    PerKind { kind: RecordType::Lead, privileges: &["prvReadLead", "prvAppendToLead"] },
    PerKind {
        kind: RecordType::Opportunity,
        privileges: &["prvReadOpportunity", "prvAppendToOpportunity"],
    },
    PerKind { kind: RecordType::Case, privileges: &["prvReadIncident", "prvAppendToIncident"] },
];
