use crm::Linked;
use crm::labels::{ActivityState, Choice as _};
use crm::reference::{ContactRef, Reference as _, UserRef};
use crm::tables::{APPOINTMENT, CONTACT, USER};
use crm::text::{Line, Paragraph};
use crm::time::{Minute, Moment};
use dataverse::{Comparison, Create, Expand, Filter, Order, Query, Record, Update};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use toolkit::{Answer, Context, Earlier, Effect, Making, Reads, Tool, ToolError};
use uuid::Uuid;

use crate::attendee::{AttendeeRef, Person, kind};

/// Puts a meeting with a contact into the calendar, unless it is there already.
pub(crate) struct ScheduleAppointment;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or full name.
    contact: ContactRef,
    /// One line.
    subject: Line<200>,
    /// Time with zone: 2026-12-01T10:00+01:00.
    start: Moment,
    /// Or duration_minutes.
    end: Option<Moment>,
    /// 5 to 1440; default 30.
    duration_minutes: Option<Minutes>,
    /// Other contacts or users: id or email; contacts by name, too.
    attendees: Option<Vec<AttendeeRef>>,
    /// Place or link.
    location: Option<Line<200>>,
    /// Agenda.
    description: Option<Paragraph<2000>>,
    /// Host, a user's id or email; needed to reach Outlook.
    organizer: Option<UserRef>,
}

/// How long a meeting takes.
#[derive(Clone, Copy)]
pub(crate) struct Minutes(i64);

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Minutes, D::Error> {
        match i64::deserialize(deserializer)? {
            minutes @ 5..=1440 => Ok(Minutes(minutes)),
            _ => Err(serde::de::Error::custom("must be a whole number from 5 to 1440")),
        }
    }
}

crm::plain_schema!(Minutes, "integer");

#[derive(Serialize, JsonSchema)]
pub(crate) struct Scheduled {
    /// Whether this call made the appointment; false where it was there already.
    created: bool,
    appointment: Appointment,
}

crm::records!(Scheduled: appointment);

#[derive(Serialize, JsonSchema)]
pub(crate) struct Appointment {
    id: Uuid,
    subject: Option<String>,
    status: Option<String>,
    start: Option<Minute>,
    end: Option<Minute>,
    location: Option<String>,
    organizer: Option<Linked>,
    attendees: Vec<Linked>,
    url: String,
}

crm::records!(Appointment: id, organizer, attendees);

const COLUMNS: [&str; 6] =
    ["activityid", "subject", "statecode", "scheduledstart", "scheduledend", "location"];

/// What tells whether a user's calendar is synchronized with Outlook. Whether appointments are,
/// too, is a setting of the mailbox that few may read.
const MAILBOX: [&str; 4] = [
    "isdisabled",
    "emailrouteraccessapproval",
    "incomingemaildeliverymethod",
    "outgoingemaildeliverymethod",
];

const PARTIES: &str = "appointment_activity_parties";

/// The parts that people have in an appointment (`participationtypemask`).
const REQUIRED: i64 = 5;
const OPTIONAL: i64 = 6;
const ORGANIZER: i64 = 7;
const OWNER: i64 = 9;

/// The status reason of an appointment that is scheduled: Busy.
const BUSY: i64 = 5;

/// How many people may be invited besides the contact.
const ATTENDEES: usize = 50;

/// The longest that an organization allows where it has not been told otherwise.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 24);

/// "Now" has often passed when it arrives.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// How many other appointments at that time are named.
const CLASHES: u32 = 2;

impl Tool for ScheduleAppointment {
    const NAME: &'static str = "dynamics365_schedule_appointment";
    const TITLE: &'static str = "Schedule appointment";
    const DESCRIPTION: &'static str = "Put a meeting with a contact into the calendar. Agree on \
        time, zone and host with the visitor first.";
    const EFFECT: Effect = Effect::Adds;
    // The attendees may be invited.
    const REACHES_OUT: bool = true;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadActivity",
        "prvReadContact",
        "prvCreateActivity",
        "prvAppendActivity",
        "prvAppendToContact",
        "prvAppendToActivity",
        "prvWriteActivity",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "subject": "Renewal: open points", "start": "2026-12-03T10:00+00:00", "duration_minutes": 30, "organizer": "rowan.sandstrom@contosodemo.example"}"#;

    type Arguments = Arguments;
    type Result = Scheduled;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Scheduled>, ToolError> {
        let period = Period::of(&arguments)?;
        let Before { same_call, free } = Before::read(context, &arguments, period).await?;
        let there = |appointment: &Record, hint: &str| {
            let appointment = Appointment::of(appointment, context)?;
            Ok(Answer::new(Scheduled { created: false, appointment }).hint(hint))
        };
        if let Some(earlier) = same_call {
            let is_meant = |appointment: &Record| match &free {
                Ok(Free { people, .. }) => is_with(appointment, people.contact),
                Err(_) => false,
            };
            return there(&earlier.given(is_meant)?, MADE_BEFORE);
        }
        let Free { people, same_meeting } = free?;
        if let Some(appointment) = same_meeting {
            return there(
                &appointment,
                "The contact has this appointment already. To move it, change it in Dynamics 365.",
            );
        }
        period.check_future(context.now())?;

        let subject = arguments.subject.as_str().to_owned();
        let create = people
            .invite(Create::new(APPOINTMENT, context.record_id()))
            .set("subject", Some(arguments.subject))
            .set("scheduledstart", Some(period.start.to_string()))
            .set("scheduledend", Some(period.end.to_string()))
            .set("location", arguments.location)
            .set("description", arguments.description)
            .select(COLUMNS)
            .select([REGARDING])
            .expand(parties());
        // A new appointment is open and free: scheduled and busy it becomes by a change.
        let schedule = |id| {
            let schedule = Update::new(APPOINTMENT, id, "*")
                .set("statecode", ActivityState::Scheduled.value())
                .set("statuscode", BUSY);
            vec![schedule.into()]
        };
        let (whose, when) = (people.contact.to_string(), period.start.to_string());
        let making = Making::new(create).with(schedule).once_for(
            context,
            &[&whose, &when, &subject],
            is_ahead,
        );
        let made = making.carry_out(context, |row| is_with(row, people.contact)).await?;
        if !made.created {
            return there(&made.record, MADE_BEFORE);
        }
        if made.was_read {
            // It may be what another call wrote: then what is known of this call's people says
            // nothing about it.
            let appointment = Appointment::of(&made.record, context)?;
            let answer = Answer::new(Scheduled { created: true, appointment });
            return Ok(match made.hint(MADE_BEFORE) {
                Some(hint) => answer.hint(hint),
                None => answer.with_hints(people.hints),
            });
        }
        let appointment = Appointment {
            status: Some(ActivityState::Scheduled.label().to_owned()),
            organizer: people.organizer.as_ref().map(Person::linked),
            attendees: by_name(people.attendees.iter().map(Person::linked).collect()),
            ..Appointment::of(&made.record, context)?
        };
        Ok(Answer::new(Scheduled { created: true, appointment }).with_hints(people.hints))
    }
}

const MADE_BEFORE: &str = "This call, or one at the same moment, had made the appointment before.";

const REGARDING: &str = "_regardingobjectid_value";

/// Whether it is an appointment with this contact.
fn is_with(appointment: &Record, contact: Uuid) -> bool {
    appointment.id(REGARDING) == Some(contact)
}

/// From when to when.
#[derive(Clone, Copy)]
struct Period {
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    fn of(arguments: &Arguments) -> Result<Period, ToolError> {
        let Moment(start) = arguments.start;
        let end = match (arguments.end, arguments.duration_minutes) {
            (Some(_), Some(_)) => {
                return Err(ToolError::invalid("end, duration_minutes", "give only one of them"));
            }
            (Some(Moment(end)), None) => Some(end),
            (None, minutes) => {
                let Minutes(minutes) = minutes.unwrap_or(Minutes(30));
                start.checked_add(SignedDuration::from_mins(minutes)).ok()
            }
        };
        let minute = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Trunc);
        let in_minutes = |time: Timestamp| time.round(minute).ok();
        let (Some(start), Some(end)) = (in_minutes(start), end.and_then(in_minutes)) else {
            return Err(ToolError::invalid("start", "is beyond the calendar"));
        };
        if end <= start {
            return Err(ToolError::invalid("end", "must be after the start"));
        }
        if end.duration_since(start) > LONGEST {
            let problem = "must be at most 10 days after the start: schedule several appointments";
            return Err(ToolError::invalid("end", problem));
        }
        Ok(Period { start, end })
    }

    fn check_future(self, now: Timestamp) -> Result<(), ToolError> {
        if now.duration_since(self.start) <= LATE {
            return Ok(());
        }
        let problem = format!("is in the past: it is {} now", Minute(now));
        Err(ToolError::invalid("start", problem).next_step(
            "Ask for a time to come, and check the year; log a meeting that has taken place with \
             dynamics365_create_activity.",
        ))
    }
}

/// What there is before anything is created.
struct Before {
    /// The appointment that an earlier, equal call made.
    same_call: Option<Earlier>,
    free: Result<Free, ToolError>,
}

/// Who is to meet, and the appointment that they have already.
struct Free {
    people: People,
    same_meeting: Option<Record>,
}

/// Who takes part, and what is to be said about them.
struct People {
    contact: Uuid,
    organizer: Option<Person>,
    attendees: Vec<Person>,
    hints: Vec<String>,
}

impl Before {
    /// One trip for all of it.
    async fn read(
        context: &Context,
        arguments: &Arguments,
        period: Period,
    ) -> Result<Before, ToolError> {
        let invited = arguments.attendees.as_deref().unwrap_or_default();
        if invited.len() > ATTENDEES {
            let problem = format!("at most {ATTENDEES} people can be invited");
            return Err(ToolError::invalid("attendees", problem));
        }
        let mut reads = Reads::new();
        let same_call = reads.same_call(context, |id| with_parties(Query::row(APPOINTMENT, id)));
        let same_meeting = reads.add(same_meeting(arguments, period));
        let contact = reads.seek(&arguments.contact);
        let busy_contact = reads.about(&contact, move |contact| {
            let party = contact.at(&[("_partyid_value", "partyid_contact")]);
            busy(party, &[REQUIRED, ORGANIZER], period)
        });
        let organizer = arguments.organizer.as_ref().map(|organizer| {
            let user = reads.seek_with(organizer, |query| query.select(MAILBOX));
            let busy = reads.about(&user, move |organizer| {
                let party = organizer.at(&[("_partyid_value", "partyid_systemuser")]);
                busy(party, &[REQUIRED, ORGANIZER, OWNER], period)
            });
            (user, busy)
        });
        let attendees: Vec<_> = invited.iter().map(|person| person.seek(&mut reads)).collect();

        let mut answers = reads.send(context).await?;
        let same_call = answers.same_call(same_call)?;
        let free = || {
            let contact = Person::contact(&answers.found(contact)?)?;
            let mut hints = Vec::new();
            let organizer = match organizer {
                Some((organizer, busy)) => {
                    let user = answers.found(organizer).map_err(|error| error.at("organizer"))?;
                    hints.extend(clash("organizer", &answers.page(busy)?.records));
                    Some(user)
                }
                None => None,
            };
            hints.extend(clash("contact", &answers.page(busy_contact)?.records));
            hints.push(outlook(organizer.as_ref()).to_owned());
            let mut people = People {
                contact: contact.id,
                organizer: organizer.as_ref().map(host).transpose()?,
                attendees: vec![contact],
                hints,
            };
            for (position, attendee) in attendees.into_iter().enumerate() {
                let found = attendee.found(&mut answers);
                people.add(found.map_err(|error| error.at(&format!("attendees[{position}]")))?);
            }
            Ok(Free { people, same_meeting: answers.first(same_meeting)? })
        };
        Ok(Before { same_call, free: free() })
    }
}

/// The user who hosts.
fn host(user: &Record) -> Result<Person, ToolError> {
    if user.boolean("isdisabled") == Some(true) {
        return Err(ToolError::invalid("organizer", "this user is disabled in Dynamics 365"));
    }
    Person::user(user)
}

fn with_parties(query: Query) -> Query {
    query.select(COLUMNS).select([REGARDING]).expand(parties())
}

/// Who takes part.
fn parties() -> Expand {
    Expand::new(PARTIES).select(["_partyid_value", "participationtypemask", "addressused"]).filter(
        Filter::any(
            [REQUIRED, OPTIONAL, ORGANIZER]
                .map(|part| Filter::equals("participationtypemask", part)),
        ),
    )
}

/// The states of an appointment that has been neither held nor canceled.
const AHEAD: [ActivityState; 2] = [ActivityState::Open, ActivityState::Scheduled];

fn ahead() -> Query {
    Query::rows(APPOINTMENT)
        .filter(Filter::any(AHEAD.map(|state| Filter::equals("statecode", state.value()))))
}

fn is_ahead(appointment: &Record) -> bool {
    let state = appointment.integer("statecode");
    AHEAD.iter().any(|ahead| state == Some(ahead.value()))
}

/// The contact's appointment at that time with that subject.
fn same_meeting(arguments: &Arguments, period: Period) -> Query {
    let contact = &arguments.contact;
    with_parties(ahead())
        .filter(
            contact.at(&[("_regardingobjectid_value", "regardingobjectid_contact_appointment")]),
        )
        .filter(Filter::equals("scheduledstart", period.start))
        .filter(Filter::equals("subject", arguments.subject.as_str()))
        .top(1)
}

/// Appointments of somebody that overlap the period. What ends when it begins does not.
fn busy(party: Filter, parts: &[i64], period: Period) -> Query {
    let parts = parts.iter().map(|part| Filter::equals("participationtypemask", *part));
    ahead()
        .select(["scheduledstart", "scheduledend"])
        .filter(Filter::compare("scheduledstart", Comparison::Less, period.end))
        .filter(Filter::compare("scheduledend", Comparison::Greater, period.start))
        .filter(Filter::some(PARTIES, party.and(Filter::any(parts))))
        .order_by(Order::ascending("scheduledstart"))
        .top(CLASHES)
}

/// Says that somebody has another appointment at that time, and from when to when. What it is about
/// is for those who meet, not for a visitor.
fn clash(who: &str, appointments: &[Record]) -> Option<String> {
    let others: Vec<_> = appointments
        .iter()
        .filter_map(|other| {
            let (start, end) = (other.time("scheduledstart")?, other.time("scheduledend")?);
            Some(format!("from {} to {}", Minute(start), Minute(end)))
        })
        .collect();
    let others = others.join(", and ");
    (!others.is_empty()).then(|| {
        format!(
            "It clashes with another appointment of the {who}: {others}. Say so, and offer another \
             time."
        )
    })
}

/// Says whether the appointment reaches Outlook: by server-side synchronization of its organizer's
/// mailbox, and in no other way.
fn outlook(organizer: Option<&Record>) -> &'static str {
    /// Server-Side Synchronization, of either delivery method.
    const SYNCHRONIZED: i64 = 2;
    const APPROVED: i64 = 1;
    let Some(user) = organizer else {
        return "It has no organizer, so it stays in Dynamics 365: the application user has no \
                mailbox, nothing reaches Outlook and nobody is invited. Tell the visitor; somebody \
                can set the organizer in Dynamics 365. Next time, give a user as the organizer.";
    };
    let is_approved = user.integer("emailrouteraccessapproval") == Some(APPROVED);
    let is_synchronized = ["incomingemaildeliverymethod", "outgoingemaildeliverymethod"]
        .iter()
        .any(|column| user.integer(column) == Some(SYNCHRONIZED));
    if is_approved && is_synchronized {
        "It reaches the organizer's Outlook, which invites the attendees, with the next server-side \
         synchronization."
    } else {
        "The organizer has no approved mailbox with server-side synchronization, so it stays in \
         Dynamics 365: nothing reaches Outlook and nobody is invited. Tell the visitor; an \
         administrator can approve the mailbox, or somebody with one can be made the organizer."
    }
}

impl People {
    /// Everybody takes part once.
    fn add(&mut self, person: Person) {
        let is_there = |known: &Person| known.id == person.id;
        if !self.organizer.iter().any(is_there) && !self.attendees.iter().any(is_there) {
            self.attendees.push(person);
        }
    }

    fn invite(&self, create: Create) -> Create {
        let organizer = self.organizer.iter().map(|person| person.party(ORGANIZER));
        let attendees = self.attendees.iter().map(|person| person.party(REQUIRED));
        let create = create
            .bind("regardingobjectid_contact_appointment", CONTACT, self.contact)
            .with_related(PARTIES, organizer.chain(attendees).collect());
        match &self.organizer {
            // The calendar that is synchronized is the owner's.
            Some(user) => create.bind("ownerid_appointment", USER, user.id),
            None => create,
        }
    }
}

/// Dataverse keeps no order of those who take part.
fn by_name(mut people: Vec<Linked>) -> Vec<Linked> {
    people.sort_by(|one, other| one.name.cmp(&other.name));
    people
}

impl Appointment {
    fn of(record: &Record, context: &Context) -> Result<Appointment, ToolError> {
        let id = record
            .id(APPOINTMENT.key)
            .ok_or_else(|| ToolError::internal("an appointment without an id"))?;
        let people = |parts: &[i64]| -> Vec<Linked> {
            let parties = record.many(PARTIES).iter();
            parties
                .filter(|party| {
                    party.integer("participationtypemask").is_some_and(|part| parts.contains(&part))
                })
                .filter_map(|party| Linked::with_kind(party, "_partyid_value"))
                .map(|linked| Linked {
                    kind: linked.kind.as_deref().map(kind).map(str::to_owned),
                    ..linked
                })
                .collect()
        };
        Ok(Appointment {
            id,
            subject: record.text("subject").map(str::to_owned),
            status: ActivityState::of(record, "statecode"),
            start: record.time("scheduledstart").map(Minute),
            end: record.time("scheduledend").map(Minute),
            location: record.text("location").map(str::to_owned),
            organizer: people(&[ORGANIZER]).pop(),
            attendees: by_name(people(&[REQUIRED, OPTIONAL])),
            url: context.instance().record_page(APPOINTMENT.logical_name, id),
        })
    }
}
