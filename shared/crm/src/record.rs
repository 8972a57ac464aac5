//! A record of any of the five types that can have notes and activities.

use dataverse::{Expand, Filter, InstanceUrl, Link, Page, Query, Record, Table};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::labels::Choice as _;
use crate::reference::{
    AccountRef, CaseRef, ContactRef, LeadRef, Merged, OpportunityRef, Reference, ReferenceError,
    Sought, Unresolved, can_be_merged,
};
use crate::visible::Visible;

crate::choice! {
    /// The kinds of records that notes and activities hang on.
    pub enum RecordType {
        Contact = 0 "contact",
        Account = 1 "account",
        Lead = 2 "lead",
        Opportunity = 3 "opportunity",
        Case = 4 "case" | "incident",
    }
}

/// A record of one of the five types, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordRef {
    /// A contact.
    Contact(ContactRef),
    /// An account.
    Account(AccountRef),
    /// A lead.
    Lead(LeadRef),
    /// An opportunity.
    Opportunity(OpportunityRef),
    /// A case.
    Case(CaseRef),
}

/// Runs the same code for a reference of any of the five types.
macro_rules! each {
    ($self:expr, $reference:ident => $body:expr) => {
        match $self {
            RecordRef::Contact($reference) => $body,
            RecordRef::Account($reference) => $body,
            RecordRef::Lead($reference) => $body,
            RecordRef::Opportunity($reference) => $body,
            RecordRef::Case($reference) => $body,
        }
    };
}

impl RecordRef {
    /// Reads the text that a caller gave for a record of this type.
    pub fn parse(kind: RecordType, text: &str) -> Result<RecordRef, ReferenceError> {
        Ok(match kind {
            RecordType::Contact => RecordRef::Contact(ContactRef::parse(text)?),
            RecordType::Account => RecordRef::Account(AccountRef::parse(text)?),
            RecordType::Lead => RecordRef::Lead(LeadRef::parse(text)?),
            RecordType::Opportunity => RecordRef::Opportunity(OpportunityRef::parse(text)?),
            RecordType::Case => RecordRef::Case(CaseRef::parse(text)?),
        })
    }

    /// The record of this type and id.
    pub fn of_id(kind: RecordType, id: Uuid) -> RecordRef {
        match kind {
            RecordType::Contact => RecordRef::Contact(id.into()),
            RecordType::Account => RecordRef::Account(id.into()),
            RecordType::Lead => RecordRef::Lead(id.into()),
            RecordType::Opportunity => RecordRef::Opportunity(id.into()),
            RecordType::Case => RecordRef::Case(id.into()),
        }
    }

    /// Reads along, through a lookup at the record, whether it was merged into another one; `None` if
    /// such records cannot be.
    pub fn master(&self, link: Link) -> Option<Expand> {
        can_be_merged(link.to).then(|| Expand::new(link).select([Merged::COLUMN]))
    }

    /// Whether the record was merged into another one. The row must have been read with
    /// [`RecordRef::master`].
    pub fn is_merged(&self, row: &Record, link: Link) -> bool {
        can_be_merged(link.to)
            && row.one(link.navigation).is_some_and(|it| it.id(Merged::COLUMN).is_some())
    }

    /// The id, if the caller gave one.
    pub fn id(&self) -> Option<Uuid> {
        each!(self, reference => reference.id())
    }

    /// The type of the record.
    pub fn kind(&self) -> RecordType {
        match self {
            RecordRef::Contact(_) => RecordType::Contact,
            RecordRef::Account(_) => RecordType::Account,
            RecordRef::Lead(_) => RecordType::Lead,
            RecordRef::Opportunity(_) => RecordType::Opportunity,
            RecordRef::Case(_) => RecordType::Case,
        }
    }

    /// Rows of another table that point at the record. If the id is known, they are found by the
    /// column of this lookup, otherwise through its navigation property.
    pub fn at(&self, link: Link) -> Filter {
        each!(self, reference => reference.at(&[link]))
    }
}

impl Sought for RecordRef {
    fn merged(&self, record: &Record) -> Option<Merged> {
        each!(self, reference => reference.merged(record))
    }

    fn query(&self) -> Query {
        each!(self, reference => Sought::query(reference))
    }

    fn siblings(&self) -> Option<Query> {
        each!(self, reference => Sought::siblings(reference))
    }

    fn found(
        &self,
        records: Page,
        siblings: Page,
        instance: &InstanceUrl,
    ) -> Result<Record, Unresolved> {
        each!(self, reference => reference.found(records, siblings, instance))
    }
}

impl RecordType {
    /// The type of the rows of this table, if it is one of the five.
    pub fn of_table(logical_name: &str) -> Option<RecordType> {
        let mut kinds = RecordType::ALL.iter().map(|(kind, ..)| *kind);
        kinds.find(|kind| kind.table().logical_name == logical_name)
    }

    /// The table of the records of this type.
    pub fn table(self) -> Table {
        match self {
            RecordType::Contact => ContactRef::TABLE,
            RecordType::Account => AccountRef::TABLE,
            RecordType::Lead => LeadRef::TABLE,
            RecordType::Opportunity => OpportunityRef::TABLE,
            RecordType::Case => CaseRef::TABLE,
        }
    }

    /// The column with the name of a record of this type.
    pub fn name_column(self) -> &'static str {
        match self {
            RecordType::Contact => ContactRef::NAME_COLUMN,
            RecordType::Account => AccountRef::NAME_COLUMN,
            RecordType::Lead => LeadRef::NAME_COLUMN,
            RecordType::Opportunity => OpportunityRef::NAME_COLUMN,
            RecordType::Case => CaseRef::NAME_COLUMN,
        }
    }
}

/// The record that a note or an activity hangs on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct Regarding {
    /// What kind of record it is.
    #[serde(rename = "type")]
    #[verified]
    pub kind: RecordType,
    /// The id of the record.
    #[verified]
    pub id: Uuid,
    /// Its name.
    #[verified]
    pub name: Option<String>,
    /// Opens it in Dynamics 365.
    #[staff]
    pub url: String,
}

crate::records!(Regarding: id);

impl Regarding {
    /// Describes a record of this type.
    pub fn new(
        kind: RecordType,
        id: Uuid,
        name: Option<&str>,
        instance: &InstanceUrl,
    ) -> Regarding {
        let url = instance.record_page(kind.table().logical_name, id);
        Regarding { kind, id, name: name.map(str::to_owned), url }
    }

    /// The record in a lookup column of a note or an activity, if it is of one of the five types.
    pub fn of(record: &Record, column: &str, instance: &InstanceUrl) -> Option<Regarding> {
        let lookup = record.lookup(column)?;
        let kind = RecordType::of_table(lookup.table.as_deref()?)?;
        Some(Regarding::new(kind, lookup.id, lookup.name.as_deref(), instance))
    }

    /// The record in this row, which was found for a reference.
    pub fn found(kind: RecordType, record: &Record, instance: &InstanceUrl) -> Option<Regarding> {
        let id = record.id(kind.table().key)?;
        Some(Regarding::new(kind, id, record.text(kind.name_column()), instance))
    }
}
