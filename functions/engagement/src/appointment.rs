//! Appointments as the tools show them, and the people who take part.

use crm::labels::{ActivityState, Choice as _};
use crm::tables::choices::{in_state, is_in_state};
use crm::tables::parties::{self, Part};
use crm::tables::{APPOINTMENT, collections, lookups};
use crm::time::When;
use crm::{Linked, activity};
use dataverse::{Create, Expand, Filter, Query, Record};
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::{Context, ToolError};
use uuid::Uuid;

use crate::attendee::{Person, kind};
use crm::visible::Visible;

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Appointment {
    #[verified]
    id: Uuid,
    #[verified]
    subject: Option<String>,
    #[verified]
    status: Option<String>,
    #[verified]
    start: Option<When>,
    /// Where it takes all day: the last day.
    #[verified]
    end: Option<When>,
    /// Whether it takes all day, and has days and no times.
    #[verified]
    all_day: Option<bool>,
    #[verified]
    location: Option<String>,
    #[verified]
    organizer: Option<Linked>,
    #[verified]
    attendees: Vec<Linked>,
    #[staff]
    url: String,
}

crm::records!(Appointment: id, organizer, attendees);

const COLUMNS: [&str; 7] = [
    "activityid",
    "subject",
    "statecode",
    "scheduledstart",
    "scheduledend",
    activity::ALL_DAY,
    "location",
];

/// Adds to a query all that is shown of an appointment, and the contact that it is about.
pub(crate) fn with_people(query: Query) -> Query {
    query.select(COLUMNS).select([parties::REGARDING]).expand(people())
}

/// Whether the appointment is about this contact.
pub(crate) fn is_with(appointment: &Record, contact: Uuid) -> bool {
    appointment.id(parties::REGARDING) == Some(contact)
}

/// Expands the people who take part.
fn people() -> Expand {
    Expand::new(collections::APPOINTMENT_PARTIES)
        .select([parties::PARTY, parties::PART])
        .filter(Part::any_of(&[Part::Required, Part::Optional, Part::Organizer]))
}

/// The states of an appointment that was neither held nor canceled.
const AHEAD: [ActivityState; 2] = [ActivityState::Open, ActivityState::Scheduled];

/// A query for appointments in one of these states.
pub(crate) fn ahead() -> Query {
    Query::rows(APPOINTMENT).filter(Filter::any(AHEAD.map(in_state)))
}

/// Whether an appointment is in one of these states. It must have been read with its state.
pub(crate) fn is_ahead(appointment: &Record) -> bool {
    AHEAD.iter().any(|ahead| is_in_state(appointment, *ahead))
}

/// The people of a new appointment.
pub(crate) struct People {
    pub(crate) contact: Uuid,
    pub(crate) organizer: Option<Person>,
    pub(crate) attendees: Vec<Person>,
}

impl People {
    /// Adds a person, unless the person already takes part.
    pub(crate) fn add(&mut self, person: Person) {
        let is_there = |known: &Person| known.id == person.id;
        if !self.organizer.iter().any(is_there) && !self.attendees.iter().any(is_there) {
            self.attendees.push(person);
        }
    }

    /// What they are called: the host, and whoever is invited.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.organizer.iter().chain(&self.attendees).filter_map(Person::name)
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.organizer.iter().chain(&self.attendees).map(|person| person.id)
    }

    /// Adds all people to the new appointment.
    pub(crate) fn invite(&self, create: Create) -> Create {
        let organizer = self.organizer.iter().map(|person| person.party(Part::Organizer));
        let attendees = self.attendees.iter().map(|person| person.party(Part::Required));
        let create = create
            .point(lookups::APPOINTMENT_ABOUT_CONTACT, self.contact)
            .with_related(collections::APPOINTMENT_PARTIES, organizer.chain(attendees).collect());
        match &self.organizer {
            Some(user) => create.point(lookups::APPOINTMENT_OWNER, user.id),
            None => create,
        }
    }
}

/// Sorts people by name, because Dataverse does not keep their order.
fn by_name(mut people: Vec<Linked>) -> Vec<Linked> {
    people.sort_by(|one, other| one.name.cmp(&other.name));
    people
}

impl Appointment {
    /// Reads an appointment from a row of [`with_people`].
    pub(crate) fn of(record: &Record, context: &Context) -> Result<Appointment, ToolError> {
        let id = record
            .id(APPOINTMENT.key)
            .ok_or_else(|| ToolError::internal("an appointment without an id"))?;
        let people = |parts: &[Part]| -> Vec<Linked> {
            let parties = record.many(collections::APPOINTMENT_PARTIES).iter();
            parties
                .filter(|party| Part::of_party(party).is_some_and(|part| parts.contains(&part)))
                .filter_map(|party| Linked::with_kind(party, parties::PARTY))
                .map(|linked| Linked {
                    kind: linked.kind.as_deref().map(kind).map(str::to_owned),
                    ..linked
                })
                .collect()
        };
        let (start, end) = activity::period(record);
        Ok(Appointment {
            id,
            subject: record.text("subject").map(str::to_owned),
            status: ActivityState::of(record, "statecode"),
            start,
            end,
            all_day: activity::is_all_day(record).then_some(true),
            location: record.text("location").map(str::to_owned),
            organizer: people(&[Part::Organizer]).pop(),
            attendees: by_name(people(&[Part::Required, Part::Optional])),
            url: context.instance().record_page(APPOINTMENT.logical_name, id),
        })
    }

    /// The new appointment as it will be after the writes that follow its creation: with these
    /// people, and scheduled.
    pub(crate) fn scheduled_with(self, people: &People) -> Appointment {
        Appointment {
            status: Some(ActivityState::Scheduled.label().to_owned()),
            organizer: people.organizer.as_ref().map(Person::linked),
            attendees: by_name(people.attendees.iter().map(Person::linked).collect()),
            ..self
        }
    }
}
