use crm::Linked;
use crm::activity::{ActivityType, Direction};
use crm::labels::{ActivityState, AppointmentStatus, CallStatus, Choice as _, TaskStatus};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::tables::choices::{STATE, STATUS};
use crm::tables::parties::{self, Part};
use crm::tables::{USER, collections};
use crm::text::{Line, Paragraph};
use crm::time::{Due, Moment, When};
use dataverse::{Create, Query, Record, Table, Update};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, Made, PerKind, ReadAnswers, Reads,
    Tool, ToolError,
};
use uuid::Uuid;

use crate::record::{self, Text};
use crm::visible::{self, Access, Visible};

/// Plans a call, a task or a meeting, or logs one that is done.
pub(crate) struct CreateActivity;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(rename = "type")]
    #[verified]
    kind: NewActivityType,
    #[verified]
    record_type: RecordType,
    /// Id, name, email or case number.
    #[verified]
    record: Text,
    /// One line.
    #[verified]
    subject: Line<200>,
    /// What was said, or is to do.
    #[verified]
    description: Option<Paragraph<2000>>,
    /// Of calls and tasks: day, or time with zone.
    #[verified]
    due: Option<Due>,
    /// Of meetings, and when completed: time with zone.
    #[verified]
    start: Option<Moment>,
    /// As start; a meeting takes 30 minutes by default.
    #[verified]
    end: Option<Moment>,
    /// Of calls.
    #[staff]
    direction: Option<Direction>,
    /// Log it as done.
    #[staff]
    completed: Option<bool>,
}

crm::choice! {
    /// The activities that can be made.
    pub(crate) enum NewActivityType {
        Call = 0 "call",
        Task = 1 "task",
        Meeting = 2 "meeting",
    }
}

impl NewActivityType {
    fn table(self) -> Table {
        let kind = match self {
            NewActivityType::Call => ActivityType::Call,
            NewActivityType::Task => ActivityType::Task,
            NewActivityType::Meeting => ActivityType::Meeting,
        };
        kind.table()
    }

    /// The columns that the create answers with. Only calls have a direction.
    fn columns(self) -> &'static [&'static str] {
        match self {
            NewActivityType::Call => &COLUMNS,
            NewActivityType::Task | NewActivityType::Meeting => &COLUMNS[1..],
        }
    }
}

const COLUMNS: [&str; 10] = [
    "directioncode",
    "activityid",
    "subject",
    "statecode",
    "scheduledstart",
    "scheduledend",
    "actualstart",
    "actualend",
    parties::REGARDING,
    OWNER,
];

/// The column of who has to do it.
const OWNER: &str = "_ownerid_value";

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Done {
    /// Whether this call made the activity; false where an earlier, equal call had.
    #[verified]
    created: bool,
    #[verified]
    activity: Activity,
    /// What the activity is about.
    #[verified]
    regarding: Option<Regarding>,
}

crm::records!(Done: activity, regarding);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "CreatedActivity")]
pub(crate) struct Activity {
    #[verified]
    id: Uuid,
    #[serde(rename = "type")]
    #[verified]
    kind: NewActivityType,
    #[verified]
    subject: Option<String>,
    #[verified]
    status: Option<String>,
    /// Of calls and tasks: a day, or a time.
    #[verified]
    due: Option<When>,
    #[verified]
    start: Option<When>,
    #[verified]
    end: Option<When>,
    /// Of calls.
    #[verified]
    direction: Option<Direction>,
    /// Who has to do it, or has done it.
    #[staff]
    owner: Option<Linked>,
    /// Opens the activity in Dynamics 365.
    #[staff]
    url: String,
}

crm::records!(Activity: id, owner);

impl Tool for CreateActivity {
    const NAME: &'static str = "dynamics365_create_activity";
    const TITLE: &'static str = "Create activity";
    const DESCRIPTION: &'static str = "Plan a call, task or meeting about a record, such as a \
        colleague's follow-up, or log one that is done. Nobody is invited.";
    const FOR: Access = Access::Chosen(visible::Choice::CreateActivity);
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadActivity",
        "prvCreateActivity",
        "prvAppendActivity",
        "prvAppendToActivity",
        "prvWriteActivity",
    ];
    const PER_KIND: &'static [PerKind] = record::APPEND_TO;
    const EXAMPLE: &'static str = r#"{"type": "task", "record_type": "contact", "record": "dario.velasco@northwind.example", "subject": "Send the kiosk data sheet", "due": "2026-12-01"}"#;

    type Arguments = Arguments;
    type Result = Done;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Done>, ToolError> {
        let times = Times::of(&arguments)?;
        let direction = direction(&arguments)?;
        let record = record::parse(arguments.record_type, &arguments.record)?;
        let status = Status::last(arguments.kind, direction, arguments.completed == Some(true));
        let wanted = NewActivity { times, direction, record, status, arguments };
        toolkit::create(context, &wanted).await
    }
}

/// The new activity, and the record that it will be about.
struct NewActivity {
    times: Times,
    /// Only calls have one.
    direction: Option<Direction>,
    record: RecordRef,
    /// The status that the activity gets right after it is created, unless it stays open.
    status: Option<Status>,
    arguments: Arguments,
}

impl Creates for NewActivity {
    type Answer = Done;
    type Known = ();
    type Meant = Parties;

    const MADE_BEFORE: &'static str = "This call had made the activity before.";

    fn row(&self, id: Uuid) -> Query {
        let kind = self.arguments.kind;
        Query::row(kind.table(), id).select(kind.columns().iter().copied())
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let record = reads.seek(&self.record);
        let user =
            (self.arguments.kind == NewActivityType::Call).then(|| reads.seek_own_user(context));
        Ok(Box::new(move |answers| {
            let regarding = answers.found(record).and_then(|record| {
                Regarding::found(self.record.kind(), &record, context.instance())
                    .ok_or_else(|| ToolError::internal("a record without an id"))
            });
            // Without the user, a call has one party less.
            let user = user.and_then(|user| answers.own_user(user));
            Ok(((), regarding.map(|regarding| Parties { regarding, user })))
        }))
    }

    fn is_meant(Parties { regarding, .. }: &Parties, activity: &Record) -> bool {
        activity.id(parties::REGARDING) == Some(regarding.id)
    }

    fn equal<'a>(&self, (): &'a (), _: &'a Parties) -> Equal<'a> {
        Equal::Apart
    }

    fn draft<'a>(
        &'a self,
        _: &Context,
        parties: &'a Parties,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        let Arguments { kind, subject, description, completed, .. } = &self.arguments;
        let (table, about) = (kind.table(), &parties.regarding);
        let navigation = parties::regarding(about.kind.table(), table);
        let navigation = navigation.map_err(ToolError::internal)?;
        let Times { due, start, end } = self.times;
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let (scheduled_start, scheduled_end) = match kind {
            NewActivityType::Meeting => (start, end),
            NewActivityType::Call | NewActivityType::Task => (None, due.and_then(Due::stored)),
        };
        let (actual_start, actual_end) = match completed {
            Some(true) => (start, end),
            _ => (None, None),
        };
        let create = create
            .bind(navigation, about.kind.table(), about.id)
            .set("subject", Some(subject.clone()))
            .set("description", description.clone())
            .set("scheduledstart", time(scheduled_start))
            .set("scheduledend", time(scheduled_end))
            .set("actualstart", time(actual_start))
            .set("actualend", time(actual_end))
            .set("directioncode", self.direction.map(|one| one == Direction::Outgoing));
        let create = parties.take_part(create, *kind, self.direction);
        // Dataverse creates every row open. Another status needs a change after that.
        Ok(Draft::with(create, move |id| {
            let change = self.status.map(|status| {
                Update::new(table, id, "*")
                    .set(STATE, status.state.value())
                    .set(STATUS, status.reason)
            });
            change.map(Into::into).into_iter().collect()
        }))
    }

    /// The answer to the create does not show the state that is set after it.
    fn consequence(&self, _: &Context, _: &Self::Meant) -> Option<Consequence> {
        None
    }

    fn answer(
        &self,
        context: &Context,
        (): &(),
        _: Option<&Parties>,
        Made { record, created, hint, .. }: Made,
    ) -> Result<Answer<Done>, ToolError> {
        let state = self.status.map_or(ActivityState::Open, |status| status.state);
        let activity = Activity::of(context, &self.arguments, &record, created.then_some(state))
            .ok_or_else(|| ToolError::internal("an activity without an id"))?;
        let regarding = Regarding::of(&record, parties::REGARDING, context.instance());
        Ok(Answer::new(Done { created, activity, regarding }).hint_if(hint))
    }
}

/// The times of an activity: when it is due, starts and ends.
#[derive(Clone, Copy)]
struct Times {
    due: Option<Due>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// The length of a meeting if the caller gives no end.
const MEETING: SignedDuration = SignedDuration::from_mins(30);

impl Times {
    fn of(arguments: &Arguments) -> Result<Times, ToolError> {
        let due = arguments.due;
        let start = arguments.start.map(|start| start.0);
        let mut end = arguments.end.map(|end| end.0);
        if arguments.kind == NewActivityType::Meeting {
            if due.is_some() {
                return Err(ToolError::invalid("due", "a meeting has a start and an end instead"));
            }
            let start = start.ok_or_else(|| ToolError::invalid("start", "a meeting needs one"))?;
            end = end.or_else(|| start.checked_add(MEETING).ok());
        } else if (start.is_some() || end.is_some()) && arguments.completed != Some(true) {
            return Err(ToolError::invalid(
                "start, end",
                "of a call or a task only when it is completed; give due instead",
            ));
        }
        if start.zip(end).is_some_and(|(start, end)| end < start) {
            return Err(ToolError::invalid("end", "must not be before start"));
        }
        Ok(Times { due, start, end })
    }
}

/// The direction of a call. By default it is outgoing, as in Dynamics 365.
fn direction(arguments: &Arguments) -> Result<Option<Direction>, ToolError> {
    match (arguments.kind, arguments.direction) {
        (NewActivityType::Call, direction) => Ok(Some(direction.unwrap_or(Direction::Outgoing))),
        (_, None) => Ok(None),
        (_, Some(_)) => Err(ToolError::invalid("direction", "only calls have one")),
    }
}

/// A state (`statecode`) with its reason (`statuscode`).
#[derive(Clone, Copy)]
struct Status {
    state: ActivityState,
    reason: i64,
}

impl Status {
    /// The status that a new activity gets right after it is created, unless it stays open.
    fn last(
        kind: NewActivityType,
        direction: Option<Direction>,
        completed: bool,
    ) -> Option<Status> {
        let completed_as = |reason: i64| Some(Status { state: ActivityState::Completed, reason });
        match (kind, completed) {
            (NewActivityType::Call, true) if direction == Some(Direction::Incoming) => {
                completed_as(CallStatus::Received.value())
            }
            (NewActivityType::Call, true) => completed_as(CallStatus::Made.value()),
            (NewActivityType::Task, true) => completed_as(TaskStatus::Completed.value()),
            (NewActivityType::Meeting, true) => completed_as(AppointmentStatus::Completed.value()),
            // Busy, as in meetings that are made in Dynamics 365 itself or in Outlook.
            (NewActivityType::Meeting, false) => Some(Status {
                state: ActivityState::Scheduled,
                reason: AppointmentStatus::Busy.value(),
            }),
            (NewActivityType::Call | NewActivityType::Task, false) => None,
        }
    }
}

/// The record that an activity is about, and its parties.
struct Parties {
    regarding: Regarding,
    /// The application user, who makes or gets the call.
    user: Option<Uuid>,
}

impl Parties {
    /// Adds the parties to a call: the application user (for our side) and the record.
    fn take_part(
        &self,
        create: Create,
        kind: NewActivityType,
        direction: Option<Direction>,
    ) -> Create {
        let us = |part: Part| self.user.map(|user| part.given_to(USER, user));
        let them = |part| party(self.regarding.kind, self.regarding.id, part);
        let (navigation, parties) = match (kind, direction) {
            // Whoever takes part in a meeting is invited by Outlook, and sees it as a visitor.
            (NewActivityType::Task | NewActivityType::Meeting, _) => return create,
            (NewActivityType::Call, Some(Direction::Incoming)) => {
                (collections::CALL_PARTIES, [us(Part::Recipient), them(Part::Sender)])
            }
            (NewActivityType::Call, _) => {
                (collections::CALL_PARTIES, [us(Part::Sender), them(Part::Recipient)])
            }
        };
        let parties: Vec<_> = parties.into_iter().flatten().collect();
        if parties.is_empty() { create } else { create.with_related(navigation, parties) }
    }
}

/// The record as a party. Opportunities and cases cannot be parties.
fn party(kind: RecordType, id: Uuid, part: Part) -> Option<Map<String, Value>> {
    match kind {
        RecordType::Contact | RecordType::Account | RecordType::Lead => {
            Some(part.given_to(kind.table(), id))
        }
        RecordType::Opportunity | RecordType::Case => None,
    }
}

impl Activity {
    /// Reads an activity from a row with the columns of its type. `state` is given if the row does
    /// not show the new state yet.
    fn of(
        context: &Context,
        arguments: &Arguments,
        row: &Record,
        state: Option<ActivityState>,
    ) -> Option<Activity> {
        let kind = arguments.kind;
        let table = kind.table();
        let id = row.id(table.key)?;
        let time = |column| row.time(column).map(When::from);
        // What was meant as a day is shown as one. Dataverse has stored a time.
        let due = row.time("scheduledend").map(|stored| match arguments.due {
            Some(day @ Due::Day(_)) if day.stored() == Some(stored) => When::due(stored),
            _ => stored.into(),
        });
        let (due, start, end) = match kind {
            NewActivityType::Meeting => (None, time("scheduledstart"), time("scheduledend")),
            NewActivityType::Call | NewActivityType::Task => {
                (due, time("actualstart"), time("actualend"))
            }
        };
        let status = state.map(|state| state.label().to_owned());
        Some(Activity {
            id,
            kind,
            subject: row.text("subject").map(str::to_owned),
            status: status.or_else(|| ActivityState::of(row, "statecode")),
            due,
            start,
            end,
            direction: (kind == NewActivityType::Call).then(|| Direction::of(row)).flatten(),
            owner: Linked::of(row, OWNER),
            url: context.instance().record_page(table.logical_name, id),
        })
    }
}
