//! The people who take part in an appointment: contacts and users.

use std::borrow::Cow;

use crm::Linked;
use crm::reference::{ContactRef, Reference as _, ReferenceError, UserRef};
use crm::tables::parties::Part;
use crm::tables::{CONTACT, USER};
use dataverse::{Record, Table};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use toolkit::{Answers, ErrorCode, NewContact, Reads, Seeking, ToolError};
use uuid::Uuid;

/// A contact by id, email address or name, or a user by id or email address. If an address belongs
/// to both, it means the user, because people of the organization are often contacts, too.
pub(crate) struct AttendeeRef {
    contact: ContactRef,
    user: UserRef,
}

impl AttendeeRef {
    fn parse(text: &str) -> Result<AttendeeRef, ReferenceError> {
        // The address of a contact's page is none of a user's.
        let nobody = Uuid::nil;
        let (contact, user) = match (ContactRef::parse(text), UserRef::parse(text)) {
            (Ok(contact), Err(ReferenceError::OtherTable)) => (contact, nobody().into()),
            (Err(ReferenceError::OtherTable), Ok(user)) => (nobody().into(), user),
            (contact, user) => (contact?, user?),
        };
        Ok(AttendeeRef { contact, user })
    }

    /// Adds the queries for both the user and the contact.
    pub(crate) fn seek<'a>(&'a self, reads: &mut Reads<'a>) -> SeekingAttendee<'a> {
        SeekingAttendee {
            user: reads.seek(&self.user),
            contact: reads.seek(&self.contact),
            next_step: self.contact.next_step(),
        }
    }
}

impl<'de> Deserialize<'de> for AttendeeRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        AttendeeRef::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for AttendeeRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AttendeeRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The places of the user and the contact in the answers.
pub(crate) struct SeekingAttendee<'a> {
    user: Seeking<'a, UserRef>,
    contact: Seeking<'a, ContactRef>,
    /// What to do where there is neither.
    next_step: &'static str,
}

impl SeekingAttendee<'_> {
    pub(crate) fn found(self, answers: &mut Answers<'_>) -> Result<Person, ToolError> {
        let nobody = |error: &ToolError| error.code() == ErrorCode::NotFound;
        match answers.found(self.user) {
            Ok(user) => return Person::user(&user),
            Err(error) if nobody(&error) => {}
            Err(error) => return Err(error),
        }
        match answers.found(self.contact) {
            Ok(contact) => Person::contact(&contact),
            Err(error) if nobody(&error) => {
                let error = ToolError::new(ErrorCode::NotFound, "there is no such contact or user");
                Err(error.next_step(self.next_step))
            }
            Err(error) => Err(error),
        }
    }
}

/// A person who takes part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    table: Table,
    pub(crate) id: Uuid,
    name: Option<String>,
}

impl Person {
    pub(crate) fn contact(record: &Record) -> Result<Person, ToolError> {
        Person::of(record, CONTACT)
    }

    pub(crate) fn user(record: &Record) -> Result<Person, ToolError> {
        Person::of(record, USER)
    }

    fn of(record: &Record, table: Table) -> Result<Person, ToolError> {
        let id = record.id(table.key).ok_or_else(|| ToolError::internal("nobody has no id"))?;
        Ok(Person { table, id, name: record.text("fullname").map(str::to_owned) })
    }

    /// A contact that is made together with the appointment.
    pub(crate) fn new_contact(
        found: &toolkit::Person,
        new: Option<&NewContact>,
    ) -> Result<Person, ToolError> {
        let id = found.id().ok_or_else(|| ToolError::internal("nobody has no id"))?;
        Ok(Person { table: CONTACT, id, name: new.map(NewContact::full_name) })
    }

    /// What the person is called.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The row that makes the person a party of an activity.
    pub(crate) fn party(&self, part: Part) -> Map<String, Value> {
        part.given_to(self.table, self.id)
    }

    pub(crate) fn linked(&self) -> Linked {
        let kind = Some(kind(self.table.logical_name).to_owned());
        Linked { id: self.id, name: self.name.clone(), kind }
    }
}

/// The word that people use for rows of this table.
pub(crate) fn kind(table: &str) -> &str {
    if table == USER.logical_name { "user" } else { table }
}
