//! Activities as the tools show them.

use dataverse::{Comparison, Expand, Filter, Literal, Order, Query, Record};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::labels::{ActivityState, Choice as _};
use crate::reference::{ContactRef, Reference as _};
use crate::tables::choices::{STATE, in_state};
use crate::tables::collections::{ACTIVITY_PARTIES, AS_APPOINTMENT};
use crate::tables::parties::{self, Part};
use crate::tables::{ACTIVITY, APPOINTMENT, EMAIL, PHONE_CALL, TASK, lookups};
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

    /// Rows of the table of all activities that are of this type.
    pub fn rows(self) -> Filter {
        // The object type codes of the four tables, which no organization changes.
        let number = match self {
            ActivityType::Call => 4210,
            ActivityType::Email => 4202,
            ActivityType::Task => 4212,
            ActivityType::Meeting => 4201,
        };
        Filter::equals("activitytypecode", Literal::Type(self.table().logical_name, number))
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
            record.one(ACTIVITY_PARTIES)?.lookup(parties::PARTY).and_then(|party| party.table);
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
    /// Whether it is open though it was due before now.
    #[staff]
    pub overdue: Option<bool>,
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
    const COLUMNS: [&'static str; 10] = [
        "activityid",
        "activitytypecode",
        "subject",
        "description",
        "statecode",
        "scheduledstart",
        "scheduledend",
        "actualend",
        "senton",
        "createdon",
    ];

    /// Reads all that is shown of an activity along, from the table of all activities.
    pub fn read_by(query: Query) -> Query {
        let of_meeting = Expand::new(AS_APPOINTMENT).select([ALL_DAY]).mostly_one();
        query.select(ActivitySummary::COLUMNS).expand(senders()).expand(of_meeting)
    }

    /// Reads a list from rows of [`ActivitySummary::read_by`]. The longer the list, the less text
    /// it shows of each activity. A visitor does not see what was written down about a call or a meeting:
    /// it is written for colleagues.
    pub fn list(records: &[Record], now: Timestamp, for_visitor: bool) -> Vec<ActivitySummary> {
        let limit = EXCERPT.min(EXCERPTS / records.len().max(1));
        let summaries = records.iter().map(|record| {
            let summary = ActivitySummary::of(record, now, limit);
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

    fn of(record: &Record, now: Timestamp, limit: usize) -> ActivitySummary {
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
            overdue: is_overdue(record, table, now).then_some(true),
            all_day: is_all_day_meeting(record).then_some(true),
            direction: Direction::by_sender(record).filter(|_| has_direction),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text),
        }
    }
}

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
    Some(match when(activity)? {
        ("scheduledend", due) if is_due_by_day(table) => When::due(due),
        // What begins before it ends is known by when it begins.
        ("scheduledend", end) => activity.time("scheduledstart").unwrap_or(end).into(),
        (_, time) => time.into(),
    })
}

/// Whether activities of this table are due on a day or at a time.
fn is_due_by_day(table: Option<&str>) -> bool {
    matches!(table, Some("task" | "phonecall"))
}

/// Whether somebody should have done it by now. A meeting takes place, or does not.
fn is_overdue(activity: &Record, table: Option<&str>, now: Timestamp) -> bool {
    let is_open =
        ActivityState::of(activity, STATE).as_deref() == Some(ActivityState::Open.label());
    let today = TimeZone::UTC.to_datetime(now).date();
    let is_due = match when(activity) {
        // What is due on a day may be done on all of it.
        Some(("scheduledend", due)) => match When::due(due) {
            When::Day(day) if is_due_by_day(table) => day < today,
            _ => due < now,
        },
        _ => false,
    };
    is_open && is_due && table != Some(APPOINTMENT.logical_name)
}

/// Expands the senders of an activity: who called or wrote.
fn senders() -> Expand {
    Expand::new(ACTIVITY_PARTIES)
        .select([parties::PARTY, parties::PART])
        .filter(Part::any_of(&[Part::Sender]))
        .mostly_one()
}

/// The name that people use for activities of this table.
pub fn type_label(table: &str) -> &str {
    match table {
        "phonecall" => "call",
        "appointment" => "meeting",
        other => other,
    }
}

/// The columns that say when an activity took place or is to: the first of them that has a value. No
/// column has it for all activities: only mails have `senton`, a meeting of yesterday was planned in
/// summer, a mail of 2019 was tracked today, and `sortdate` is empty unless the organization fills it
/// (Microsoft's reference of the activity table).
const TIMES: [&str; 4] = ["senton", "actualend", "scheduledend", "createdon"];

/// When an activity took place, or is to, and the column that says so.
fn when(record: &Record) -> Option<(&'static str, Timestamp)> {
    TIMES.into_iter().find_map(|column| Some((column, record.time(column)?)))
}

/// The most activities that lie ahead in a timeline.
const UPCOMING: u32 = 3;

/// The queries that find the latest of these activities, and those that lie ahead. Neither OData nor
/// FetchXML can sort by the first column that has a value, so there is a query for each of [`TIMES`].
pub struct Timeline {
    /// The queries, which each find the latest by one column.
    pub past: [Query; TIMES.len()],
    /// The query for what lies ahead, the next first.
    pub ahead: Query,
}

impl Timeline {
    /// The queries for this many rows.
    pub fn of(wanted: &Filter, now: Timestamp, rows: u32) -> Timeline {
        let ahead = Filter::all([
            in_state(ActivityState::Open).or(in_state(ActivityState::Scheduled)),
            Filter::compare("scheduledend", Comparison::Greater, now),
        ]);
        let query = |filter: Filter, order: Order, rows: u32| {
            ActivitySummary::read_by(Query::rows(ACTIVITY))
                .filter(wanted.clone())
                .filter(filter)
                .order_by(order)
                .top(rows)
        };
        let before = |column: usize| TIMES.iter().take(column).map(|it| Filter::is_null(*it));
        let past = std::array::from_fn(|column| {
            let time = TIMES[column];
            let is_past = match time {
                "scheduledend" => vec![
                    !Filter::is_null(time),
                    Filter::compare(time, Comparison::LessOrEqual, now)
                        .or(in_state(ActivityState::Completed))
                        .or(in_state(ActivityState::Canceled)),
                ],
                // Every row has it.
                "createdon" => vec![],
                time => vec![!Filter::is_null(time)],
            };
            let filter = Filter::all(before(column).chain(is_past));
            query(filter, Order::descending(time), rows)
        });
        let ahead = query(
            Filter::all(before(2).chain([ahead])),
            Order::ascending("scheduledend"),
            UPCOMING,
        );
        Timeline { past, ahead }
    }

    /// Puts what the queries for the past found in order, the latest first.
    pub fn sort(found: &mut [Record]) {
        found.sort_by_key(|activity| std::cmp::Reverse(when(activity).map(|(_, time)| time)));
    }
}

/// The parts of whoever sent a mail, or whom it was openly written to.
pub(crate) const WRITTEN_TO: &[Part] = &[Part::Sender, Part::Recipient, Part::Copy];

/// The parts of whoever is invited to a meeting.
pub(crate) const INVITED: &[Part] = &[Part::Required, Part::Optional, Part::Organizer];

/// Activities that are about the contact, and activities in which the contact takes part. What an
/// activity is about is one of its parties (`participationtypemask` 8).
pub fn of_contact(contact: &ContactRef) -> Filter {
    Filter::some(ACTIVITY_PARTIES, contact.at(&[lookups::PARTY_CONTACT]))
}
