//! Activities as the tools show them.

use dataverse::{Expand, Filter, Query, Record};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::labels::{ActivityState, Choice as _};
use crate::reference::{ContactRef, Reference as _};
use crate::tables::parties::{self, Part};
use crate::tables::{APPOINTMENT, EMAIL, PHONE_CALL, TASK, lookups};
use crate::text::{Excerpt, excerpt, mail};
use crate::time::When;
use crate::visible::Visible;

/// The limit for the text of one activity, and for all texts of a list together, in characters.
const EXCERPT: usize = 200;
const EXCERPTS: usize = 1000;

/// The least that is shown of a text, in characters. Less than this tells nothing.
const LEAST_EXCERPT: usize = 60;

crate::choice! {
    /// The activities that people talk about.
    pub enum ActivityType {
        Call = 0 "call",
        Email = 1 "email",
        Task = 2 "task",
        Meeting = 3 "meeting",
    }
}

impl ActivityType {
    /// The table with the activities of this type.
    pub fn table(self) -> dataverse::Table {
        match self {
            ActivityType::Call => PHONE_CALL,
            ActivityType::Email => EMAIL,
            ActivityType::Task => TASK,
            ActivityType::Meeting => APPOINTMENT,
        }
    }
}

crate::choice! {
    /// Who called or wrote.
    pub enum Direction {
        Outgoing = 1 "outgoing",
        Incoming = 0 "incoming",
    }
}

impl Direction {
    /// The direction of a call or an email, by its `directioncode`.
    pub fn of(record: &Record) -> Option<Direction> {
        let is_outgoing = record.boolean("directioncode")?;
        Some(if is_outgoing { Direction::Outgoing } else { Direction::Incoming })
    }

    /// The direction, read from who called or wrote. The table of all activities has no
    /// `directioncode`. If the sender is a user or a queue, the activity is outgoing, otherwise it
    /// is incoming.
    fn by_sender(record: &Record) -> Option<Direction> {
        let sender =
            record.one(parties::OF_ACTIVITY)?.lookup(parties::PARTY).and_then(|party| party.table);
        Some(match sender.as_deref() {
            Some("systemuser" | "queue") => Direction::Outgoing,
            _ => Direction::Incoming,
        })
    }
}

/// An activity of a timeline in a few words. No tool takes an activity, so it has no id: the
/// timeline is on the page of the record.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct ActivitySummary {
    /// `call`, `email`, `task`, `meeting`, or what else Dynamics 365 calls it.
    #[serde(rename = "type")]
    #[verified]
    pub kind: Option<String>,
    /// What it is about.
    #[verified]
    pub subject: Option<String>,
    /// Whether it is done.
    #[verified]
    pub status: Option<String>,
    /// When it took place, or is to: a time, or the day of a task or of a meeting that takes all day.
    #[verified]
    pub when: Option<When>,
    /// Of meetings: whether it takes all day.
    #[verified]
    pub all_day: Option<bool>,
    /// Of calls and emails.
    #[verified]
    pub direction: Option<Direction>,
    /// The beginning of its text.
    #[verified]
    pub text: Option<String>,
    /// Whether the text goes on.
    #[verified]
    pub truncated: Option<bool>,
}

impl ActivitySummary {
    const COLUMNS: [&'static str; 11] = [
        "activityid",
        "activitytypecode",
        "subject",
        "description",
        "statecode",
        "scheduledstart",
        "scheduledend",
        "actualstart",
        "actualend",
        "senton",
        "createdon",
    ];

    /// Reads all that is shown of an activity along, from the table of all activities.
    pub fn read_by(query: Query) -> Query {
        let of_meeting = Expand::new(AS_APPOINTMENT).select([ALL_DAY]);
        query.select(ActivitySummary::COLUMNS).expand(senders()).expand(of_meeting)
    }

    /// Reads a list from rows of [`ActivitySummary::read_by`]. The longer the list, the less text
    /// it shows of each activity. A visitor does not see what was written down about a call or a meeting:
    /// it is written for colleagues.
    pub fn list(records: &[Record], for_visitor: bool) -> Vec<ActivitySummary> {
        let limit = EXCERPT.min(EXCERPTS / records.len().max(1));
        let summaries = records.iter().map(|record| {
            let summary = ActivitySummary::of(record, limit);
            match record.text("activitytypecode") {
                Some("email") => summary,
                Some("appointment") if for_visitor => summary.without_text(),
                _ if for_visitor => ActivitySummary { subject: None, ..summary.without_text() },
                _ => summary,
            }
        });
        summaries.collect()
    }

    fn without_text(self) -> ActivitySummary {
        ActivitySummary { text: None, truncated: None, ..self }
    }

    fn of(record: &Record, limit: usize) -> ActivitySummary {
        let table = record.text("activitytypecode");
        let has_direction = matches!(table, Some("phonecall" | "email"));
        let subject = record.text("subject");
        let text = Excerpt::of(record, "description", |text| match table {
            Some("email") => mail(subject, text, limit),
            _ => excerpt(text, limit),
        });
        let text = text.filter(|text| limit >= LEAST_EXCERPT && !text.text.is_empty());
        ActivitySummary {
            kind: table.map(|table| type_label(table).to_owned()),
            subject: subject.map(str::to_owned),
            status: ActivityState::of(record, "statecode"),
            when: shown_when(record, table),
            all_day: is_all_day_meeting(record).then_some(true),
            direction: Direction::by_sender(record).filter(|_| has_direction),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text),
        }
    }
}

/// The navigation property from an activity to its row in the table of appointments, if it is one.
pub const AS_APPOINTMENT: &str = "activity_pointer_appointment";

/// The column of an appointment that says whether it takes all day.
pub const ALL_DAY: &str = "isalldayevent";

/// Whether an appointment takes all day. It must have been read with [`ALL_DAY`].
pub fn is_all_day(appointment: &Record) -> bool {
    appointment.boolean(ALL_DAY) == Some(true)
}

/// When an appointment begins and ends: days if it takes all day. It must have been read with
/// [`ALL_DAY`].
pub fn period(appointment: &Record) -> (Option<When>, Option<When>) {
    let times = (appointment.time("scheduledstart"), appointment.time("scheduledend"));
    match times {
        (Some(start), end) if is_all_day(appointment) => {
            let (first, last) = When::all_day(start, end);
            (Some(first), Some(last))
        }
        (start, end) => (start.map(When::from), end.map(When::from)),
    }
}

fn is_all_day_meeting(activity: &Record) -> bool {
    activity.many(AS_APPOINTMENT).first().is_some_and(is_all_day)
}

/// When an activity took place, or is to, as it is shown.
fn shown_when(activity: &Record, table: Option<&str>) -> Option<When> {
    if is_all_day_meeting(activity)
        && let Some(start) = activity.time("scheduledstart")
    {
        return Some(When::all_day(start, None).0);
    }
    let time = when(activity)?;
    let is_due = table == Some("task") && activity.time("scheduledend") == Some(time);
    Some(if is_due { When::due(time) } else { time.into() })
}

/// Expands the senders of an activity: who called or wrote.
fn senders() -> Expand {
    Expand::new(parties::OF_ACTIVITY)
        .select([parties::PARTY, parties::PART])
        .filter(Part::any_of(&[Part::Sender]))
}

/// The name that people use for activities of this table.
pub fn type_label(table: &str) -> &str {
    match table {
        "phonecall" => "call",
        "appointment" => "meeting",
        other => other,
    }
}

/// When an activity took place, or is planned to take place.
fn when(record: &Record) -> Option<Timestamp> {
    ["senton", "actualend", "actualstart", "scheduledstart", "scheduledend", "createdon"]
        .iter()
        .find_map(|column| record.time(column))
}

/// The parts of whoever sent a mail, or whom it was openly written to.
pub(crate) const WRITTEN_TO: &[Part] = &[Part::Sender, Part::Recipient, Part::Copy];

/// The parts of whoever is invited to a meeting.
pub(crate) const INVITED: &[Part] = &[Part::Required, Part::Optional, Part::Organizer];

/// Activities that are about the contact, and activities in which the contact takes part.
pub fn of_contact(contact: &ContactRef) -> Filter {
    Filter::any([
        contact.at(&[lookups::ACTIVITY_ABOUT_CONTACT]),
        Filter::some(parties::OF_ACTIVITY, contact.at(&[lookups::PARTY_CONTACT])),
    ])
}
