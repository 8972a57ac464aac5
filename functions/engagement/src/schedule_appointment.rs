use crm::labels::{ActivityState, AppointmentStatus, Choice as _};
use crm::reference::{ContactRef, Reference as _, UserRef, Whose};
use crm::tables::choices::{STATE, STATUS};
use crm::tables::parties::Part;
use crm::tables::{APPOINTMENT, lookups};
use crm::text::{self, Line, Paragraph, quoted};
use crm::time::Moment;
use dataverse::{Create, Filter, Query, Record, Update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, ErrorCode, Made, NewContact,
    ReadAnswers, Reads, Tool, ToolError, WriteState, Yes,
};
use uuid::Uuid;

use crate::appointment::{Appointment, People, ahead, is_ahead, is_with, with_people};
use crate::attendee::{AttendeeRef, Person};
use crate::mailbox::{MAILBOX, outlook};
use crate::period::{Minutes, Period, busy, clash};
use crm::visible::{self, Access, Visible};

/// Puts a meeting with a contact into the calendar, unless it is already there.
pub(crate) struct ScheduleAppointment;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Where nobody is found.
    #[staff]
    new_contact: Option<NewContact>,
    /// One line.
    #[verified]
    subject: Line<200>,
    /// Time with zone: 2026-12-01T10:00+01:00.
    #[verified]
    start: Moment,
    /// Or duration_minutes.
    #[verified]
    end: Option<Moment>,
    /// 5 to 1440; default 30.
    #[verified]
    duration_minutes: Option<Minutes>,
    /// Other contacts or users: id or email; contacts by name, too.
    #[staff]
    attendees: Option<Vec<AttendeeRef>>,
    /// Place or link.
    #[verified]
    location: Option<Line<200>>,
    /// Agenda.
    #[verified]
    description: Option<Paragraph<2000>>,
    /// Host, a user's id or email; needed to reach Outlook.
    #[staff]
    organizer: Option<UserRef>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Scheduled {
    /// Whether this call made the appointment; false where it was there already.
    #[verified]
    created: bool,
    #[verified]
    appointment: Appointment,
}

crm::records!(Scheduled: appointment);

/// The most people who can be invited besides the contact.
const ATTENDEES: usize = 50;

impl Tool for ScheduleAppointment {
    const NAME: &'static str = "dynamics365_schedule_appointment";
    const TITLE: &'static str = "Schedule appointment";
    const DESCRIPTION: &'static str = "Put a meeting with a contact into the calendar. Agree on \
        time, zone and host with the visitor first.";
    const FOR: Access = Access::Chosen(visible::Choice::Appointments);
    const EFFECT: Effect = Effect::Adds;
    // The attendees may get an invitation.
    const REACHES_OUT: bool = true;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadActivity",
        "prvReadContact",
        "prvCreateActivity",
        "prvAppendActivity",
        "prvAppendToContact",
        "prvAppendToActivity",
        "prvWriteActivity",
        "prvCreateContact",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "subject": "Renewal: open points", "start": "2026-12-03T10:00+00:00", "duration_minutes": 30, "organizer": "rowan.sandstrom@contosodemo.example"}"#;

    type Arguments = Arguments;
    type Result = Scheduled;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Scheduled>, ToolError> {
        let Arguments { start, end, duration_minutes, .. } = arguments;
        let period = Period::of(start, end, duration_minutes)?;
        if arguments.attendees.as_ref().is_some_and(|people| people.len() > ATTENDEES) {
            let problem = format!("at most {ATTENDEES} people can be invited");
            return Err(ToolError::invalid("attendees", problem));
        }
        if context.is_for_visitor() {
            period.check_for_visitor(context.now())?;
        }
        if let Some(new_contact) = &arguments.new_contact {
            new_contact.check()?;
        }
        let contact = match &arguments.contact {
            None if arguments.new_contact.is_some() && !context.is_for_visitor() => {
                arguments.new_contact.as_ref().and_then(NewContact::reference)
            }
            contact => Some(context.whose(Whose(contact.clone()))?),
        };
        let organizer = match context.visitors() {
            Some(visitors) => Some(host_for_visitors(visitors.organizer)?),
            None => arguments.organizer.clone(),
        };
        toolkit::create(context, &NewAppointment { period, contact, organizer, arguments }).await
    }
}

/// Who hosts the appointments that visitors schedule.
fn host_for_visitors(organizer: Option<Uuid>) -> Result<UserRef, ToolError> {
    organizer.map(UserRef::from).ok_or_else(|| {
        ToolError::new(ErrorCode::Forbidden, "visitors cannot schedule appointments here")
            .next_step("Offer that somebody calls back, and write it into a case or a note.")
            .admin_action(
                "To let visitors schedule appointments, name the user who hosts them: organizer in PUT \
                 /v1/connections/{id}/visitors.",
            )
            .write(WriteState::NotHappened)
    })
}

/// The new appointment.
struct NewAppointment {
    period: Period,
    /// Nobody can be looked for who has nothing but a phone number.
    contact: Option<ContactRef>,
    organizer: Option<UserRef>,
    arguments: Arguments,
}

/// The people who meet, the hints for the answer, and their existing appointment.
struct Meeting {
    people: People,
    /// The contact to make before the appointment.
    new_contact: Option<Create>,
    hints: Vec<String>,
    there: Option<Record>,
}

impl Creates for NewAppointment {
    type Answer = Scheduled;
    type Known = ();
    type Meant = Meeting;

    const MADE_BEFORE: &'static str =
        "This call, or one at the same moment, had made the appointment before.";
    // A calendar is soon full.
    const MOST_OF_A_CHAT: Option<u64> = Some(2);

    fn row(&self, id: Uuid) -> Query {
        with_people(Query::row(APPOINTMENT, id))
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let is_for_visitor = context.is_for_visitor();
        let (arguments, period) = (&self.arguments, self.period);
        let there = self.same_meeting().map(|query| reads.add(query));
        let new_contact = arguments.new_contact.as_ref();
        let person = reads.seek_person(context, self.contact.as_ref(), new_contact, |query| query);
        let busy_contact = self.contact.as_ref().map(|contact| {
            let party = contact.at(&[lookups::PARTY_CONTACT]);
            reads.add(busy(party, &[Part::Required, Part::Organizer], period))
        });
        // A visitor learns of the host's calendar only whether the host is free.
        let organizer = self.organizer.as_ref().map(|organizer| {
            let user = reads.seek_unseen(organizer, |query| query.select(MAILBOX));
            let party = organizer.at(&[lookups::PARTY_USER]);
            let parts = [Part::Required, Part::Organizer, Part::Owner];
            let busy = reads.add_unseen(busy(party, &parts, period));
            (user, busy)
        });
        let invited = arguments.attendees.iter().flatten();
        let attendees: Vec<_> = invited.map(|person| person.seek(reads)).collect();
        Ok(Box::new(move |answers| {
            let meeting = || {
                let found = answers.person(person)?;
                let contact = match found.record() {
                    Some(contact) => Person::contact(contact)?,
                    None => Person::new_contact(&found, new_contact)?,
                };
                let mut hints = Vec::new();
                let there = there.map(|there| answers.first(there)).transpose()?.flatten();
                let organizer = match organizer {
                    Some((organizer, busy)) => {
                        let user = answers.found(organizer);
                        let user = user.map_err(|error| error.at("organizer"))?;
                        let busy = answers.page(busy)?.records;
                        if is_for_visitor && !busy.is_empty() && there.is_none() {
                            return Err(ToolError::invalid("start", "is not free")
                                .next_step("Say so, and offer another time."));
                        }
                        hints.extend(clash("organizer", &busy));
                        Some(user)
                    }
                    None => None,
                };
                if let Some(busy) = busy_contact {
                    hints.extend(clash("contact", &answers.page(busy)?.records));
                }
                if !is_for_visitor {
                    hints.push(outlook(organizer.as_ref()).to_owned());
                }
                let mut people = People {
                    contact: contact.id,
                    organizer: organizer.as_ref().map(host).transpose()?,
                    attendees: vec![contact],
                };
                for (position, attendee) in attendees.into_iter().enumerate() {
                    let person = attendee.found(answers);
                    let at = |error: ToolError| error.at(&format!("attendees[{position}]"));
                    people.add(person.map_err(at)?);
                }
                let new_contact = found.create().cloned();
                Ok(Meeting { people, new_contact, hints, there })
            };
            Ok(((), meeting()))
        }))
    }

    fn is_meant(meeting: &Meeting, appointment: &Record) -> bool {
        is_with(appointment, meeting.people.contact)
    }

    fn equal<'a>(&self, (): &'a (), meeting: &'a Meeting) -> Equal<'a> {
        Equal::Shared {
            there: meeting.there.as_ref(),
            hint: "The contact has this appointment already. To move it, change it in Dynamics 365.",
            parts: vec![
                meeting.people.contact.to_string(),
                self.period.start.to_string(),
                self.arguments.subject.as_str().to_owned(),
            ],
            serves: is_ahead,
        }
    }

    fn draft<'a>(
        &'a self,
        context: &Context,
        Meeting { people, new_contact, .. }: &'a Meeting,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        self.period.check_future(context.now())?;
        let Arguments { subject, location, description, .. } = &self.arguments;
        let create = people
            .invite(create)
            .set("subject", Some(subject.clone()))
            .set("scheduledstart", Some(self.period.start.to_string()))
            .set("scheduledend", Some(self.period.end.to_string()))
            .set("location", location.clone())
            .set("description", description.clone());
        // A new appointment is open and free. An update makes it scheduled and busy.
        Ok(Draft::with(create, |id| {
            let schedule = Update::new(APPOINTMENT, id, "*")
                .set(STATE, ActivityState::Scheduled.value())
                .set(STATUS, AppointmentStatus::Busy.value());
            vec![schedule.into()]
        })
        .after(new_contact.as_ref()))
    }

    fn consequence(&self, _: &Context, meeting: &Meeting) -> Option<Consequence> {
        let Arguments { subject, location, description, .. } = &self.arguments;
        let with: Vec<_> = meeting.people.names().collect();
        let record = json!({
            "subject": subject, "start": self.period.start, "end": self.period.end,
            "location": location, "description": description, "with": with,
            "new_contact": meeting.new_contact.is_some().then_some(&self.arguments.new_contact),
        });
        let sentence = format!("Schedule {} at {}.", quoted(subject.as_str()), self.period.start);
        let ids: Vec<_> = meeting.people.ids().map(|id| id.to_string()).collect();
        Some(Consequence::new(Yes::Message, sentence).making(record).of(ids))
    }

    fn answer(
        &self,
        context: &Context,
        (): &(),
        meeting: Option<&Meeting>,
        Made { record, created, was_read, hint }: Made,
    ) -> Result<Answer<Scheduled>, ToolError> {
        let appointment = Appointment::of(&record, context)?;
        let answer = |appointment| Answer::new(Scheduled { created, appointment });
        Ok(match (hint, meeting) {
            // The row may be from another call. Then the data about the people of this call does
            // not apply to it.
            (Some(hint), _) => answer(appointment).hint(hint),
            (None, Some(Meeting { people, hints, .. })) => {
                let is_new = created && !was_read;
                let appointment =
                    if is_new { appointment.scheduled_with(people) } else { appointment };
                answer(appointment).with_hints(hints.clone())
            }
            (None, None) => answer(appointment),
        })
    }
}

impl NewAppointment {
    /// A query for the contact's appointment at this time with this subject; `None` if nobody can have
    /// any.
    fn same_meeting(&self) -> Option<Query> {
        let (contact, subject) = (self.contact.as_ref()?, &self.arguments.subject);
        let query = with_people(ahead())
            .filter(contact.at(&[lookups::APPOINTMENT_ABOUT_CONTACT]))
            .filter(Filter::equals("scheduledstart", self.period.start))
            .filter(text::equals("subject", subject.as_str()));
        Some(query.top(1))
    }
}

/// The user who hosts the appointment.
fn host(user: &Record) -> Result<Person, ToolError> {
    if user.boolean("isdisabled") == Some(true) {
        return Err(ToolError::invalid("organizer", "this user is disabled in Dynamics 365"));
    }
    Person::user(user)
}
