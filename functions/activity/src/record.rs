//! The record of a note or an activity. Two arguments together name it.

use crm::record::{RecordRef, RecordType};
use crm::reference::Named;
use toolkit::{PerKind, ToolError};

/// A name, an id or another word for a record. Its form depends on the type of the record.
pub(crate) type Text = Named;

/// Reads the record from the arguments `record_type` and `record`.
pub(crate) fn parse(kind: RecordType, record: &Text) -> Result<RecordRef, ToolError> {
    record.record(kind).map_err(|problem| ToolError::invalid("record", problem))
}

/// The privileges that are needed to read a record of each type.
pub(crate) const READ: &[PerKind] = &[
    PerKind { kind: RecordType::Contact, privileges: &["prvReadContact"] },
    PerKind { kind: RecordType::Account, privileges: &["prvReadAccount"] },
    PerKind { kind: RecordType::Lead, privileges: &["prvReadLead"] },
    PerKind { kind: RecordType::Opportunity, privileges: &["prvReadOpportunity"] },
    PerKind { kind: RecordType::Case, privileges: &["prvReadIncident"] },
];

/// The privileges that are needed to add a note or an activity to a record of each type.
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
