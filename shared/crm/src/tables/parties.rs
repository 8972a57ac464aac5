//! The parties of an activity: people and records with a part in it. Each party is a row. The
//! lookup from the activity to the record that it is about is here, too.

use dataverse::{Filter, InvalidName, Name, Record, Table, bind};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::lookups;
use crate::labels::Choice as _;

/// The column that says which part a party has.
pub const PART: &str = "participationtypemask";

/// The column that says who the party is.
pub const PARTY: &str = lookups::PARTY_CONTACT.column;

/// The column with the record that an activity is about.
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
    /// Rows of parties that have one of these parts.
    pub fn any_of(parts: &[Part]) -> Filter {
        Filter::any(parts.iter().map(|part| Filter::equals(PART, part.value())))
    }

    /// The part that a row gives its party, if it is one of those in this enum.
    pub fn of_party(party: &Record) -> Option<Part> {
        Part::from_value(party.integer(PART)?)
    }

    /// The row of a party with this part, for a new activity.
    pub fn given_to(self, table: Table, id: Uuid) -> Map<String, Value> {
        Map::from_iter([
            (format!("partyid_{}@odata.bind", table.logical_name), bind(table, id).into()),
            (PART.to_owned(), self.value().into()),
        ])
    }
}

/// The navigation property that writes what an activity is about, by the tables of the two.
pub fn regarding(about: Table, activity: Table) -> Result<Name, InvalidName> {
    Name::parse(&format!("regardingobjectid_{}_{}", about.logical_name, activity.logical_name))
}
