//! The people and records that have a part in an activity: rows of their own, and the lookup from
//! the activity to what it is about.

use dataverse::{Filter, InvalidName, Name, Record, Table, bind};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::lookups;
use crate::labels::Choice as _;

/// The column with somebody's part.
pub const PART: &str = "participationtypemask";

/// The column with who it is.
pub const PARTY: &str = lookups::PARTY_CONTACT.column;

/// From an activity of any type to those who have a part in it.
pub const OF_ACTIVITY: &str = "activitypointer_activity_parties";

/// From an appointment to those who have a part in it.
pub const OF_APPOINTMENT: &str = "appointment_activity_parties";

/// From a call to those who have a part in it.
pub const OF_CALL: &str = "phonecall_activity_parties";

/// From an email to those who have a part in it.
pub const OF_EMAIL: &str = "email_activity_parties";

/// The column with what an activity is about.
pub const REGARDING: &str = lookups::ACTIVITY_ABOUT_CONTACT.column;

crate::choice! {
    /// The parts that somebody can have in an activity (`participationtypemask`).
    pub enum Part {
        Sender = 1 "Sender",
        Recipient = 2 "To Recipient",
        Copy = 3 "CC Recipient",
        Required = 5 "Required attendee",
        Optional = 6 "Optional attendee",
        Organizer = 7 "Organizer",
        Owner = 9 "Owner",
    }
}

impl Part {
    /// Rows of people who have one of these parts.
    pub fn any_of(parts: &[Part]) -> Filter {
        Filter::any(parts.iter().map(|part| Filter::equals(PART, part.value())))
    }

    /// The part that a row gives somebody, if it is one of those that matter here.
    pub fn of_party(party: &Record) -> Option<Part> {
        Part::from_value(party.integer(PART)?)
    }

    /// The row that gives somebody this part in a new activity.
    pub fn given_to(self, table: Table, id: Uuid) -> Map<String, Value> {
        Map::from_iter([
            (format!("partyid_{}@odata.bind", table.logical_name), bind(table, id).into()),
            (PART.to_owned(), self.value().into()),
        ])
    }
}

/// From an activity of one table to what it is about, a row of another: to write it.
pub fn regarding(about: Table, activity: Table) -> Result<Name, InvalidName> {
    Name::parse(&format!("regardingobjectid_{}_{}", about.logical_name, activity.logical_name))
}
