use crm::activity::{self, ActivityType, Direction};
use crm::labels::{ActivityState, Choice as _};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::tables::USER;
use crm::text::{Line, Paragraph};
use crm::time::{Due, Minute, Moment};
use dataverse::{Create, Filter, Name, Query, Record, Table, Update};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use toolkit::{Answer, Context, Earlier, Effect, Made, Making, PerKind, Reads, Tool, ToolError};
use uuid::Uuid;

use crate::record::{self, Text};

/// Plans a call, a task or a meeting, or logs one that is done.
pub(crate) struct CreateActivity;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// What to make.
    #[serde(rename = "type")]
    kind: Kind,
    /// Its kind.
    record_type: RecordType,
    /// Id, name, email or case number.
    record: Text,
    /// One line.
    subject: Line<200>,
    /// What was said, or is to do.
    description: Option<Paragraph<2000>>,
    /// Of calls and tasks: day, or time with zone.
    due: Option<Due>,
    /// Of meetings, and when completed: time with zone.
    start: Option<Moment>,
    /// As start; a meeting takes 30 minutes by default.
    end: Option<Moment>,
    /// Of calls.
    direction: Option<Direction>,
    /// Log it as done.
    completed: Option<bool>,
}

crm::choice! {
    /// The activities that can be made.
    pub(crate) enum Kind {
        Call = 0 "call",
        Task = 1 "task",
        Meeting = 2 "meeting",
    }
}

impl Kind {
    fn table(self) -> Table {
        let kind = match self {
            Kind::Call => ActivityType::Call,
            Kind::Task => ActivityType::Task,
            Kind::Meeting => ActivityType::Meeting,
        };
        kind.table()
    }

    /// What the tool answers with. Only calls have a direction.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Call => &COLUMNS,
            Kind::Task | Kind::Meeting => &COLUMNS[1..],
        }
    }
}

const COLUMNS: [&str; 9] = [
    "directioncode",
    "activityid",
    "subject",
    "statecode",
    "scheduledstart",
    "scheduledend",
    "actualstart",
    "actualend",
    REGARDING,
];

const REGARDING: &str = "_regardingobjectid_value";

#[derive(Serialize, JsonSchema)]
pub(crate) struct Done {
    /// Whether this call made the activity; false where an earlier, equal call had.
    created: bool,
    activity: Activity,
    /// What the activity is about.
    regarding: Option<Regarding>,
}

crm::records!(Done: activity, regarding);

#[derive(Serialize, JsonSchema)]
pub(crate) struct Activity {
    id: Uuid,
    #[serde(rename = "type")]
    kind: Kind,
    subject: Option<String>,
    status: Option<String>,
    /// Of calls and tasks.
    due: Option<Minute>,
    start: Option<Minute>,
    end: Option<Minute>,
    /// Of calls.
    direction: Option<Direction>,
    /// Opens the activity in Dynamics 365.
    url: String,
}

crm::records!(Activity: id);

impl Tool for CreateActivity {
    const NAME: &'static str = "dynamics365_create_activity";
    const TITLE: &'static str = "Create activity";
    const DESCRIPTION: &'static str = "Plan a call, task or meeting about a record, such as a \
        colleague's follow-up, or log one that is done. Nobody is invited.";
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
        let kind = arguments.kind;
        let times = Times::of(&arguments)?;
        let direction = direction(&arguments)?;
        let record = record::parse(arguments.record_type, &arguments.record)?;
        let Before { same_call, regarding, caller } = read(context, kind, &record).await?;
        if let Some(earlier) = same_call {
            let is_meant =
                |row: &Record| regarding.as_ref().is_ok_and(|about| is_about(row, about));
            return made(context, kind, &earlier.given(is_meant)?, None);
        }
        let regarding = regarding?;

        let last = Status::last(kind, direction, arguments.completed == Some(true));
        let create = new_row(context, arguments, times, &regarding)?
            .set("directioncode", direction.map(|direction| direction == Direction::Outgoing));
        let create = with_parties(create, kind, direction, &regarding, caller);
        // A new row is open: Dataverse takes no other status but in a change of it.
        let change = move |id| {
            let change = last.map(|last| {
                Update::new(kind.table(), id, "*")
                    .set("statecode", last.state.value())
                    .set("statuscode", last.reason)
            });
            change.map(Into::into).into_iter().collect()
        };
        let state = last.map_or(ActivityState::Open, |last| last.state);
        let making = Making::new(create).with(change);
        let Made { record, created, .. } =
            making.carry_out(context, |row| is_about(row, &regarding)).await?;
        made(context, kind, &record, created.then_some(state))
    }
}

/// Whether an activity is about this record.
fn is_about(row: &Record, regarding: &Regarding) -> bool {
    row.id(REGARDING) == Some(regarding.id)
}

/// When it is due, starts and ends.
#[derive(Clone, Copy)]
struct Times {
    due: Option<Timestamp>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// How long a meeting takes where nobody says.
const MEETING: SignedDuration = SignedDuration::from_mins(30);

impl Times {
    fn of(arguments: &Arguments) -> Result<Times, ToolError> {
        let due = arguments.due.map(|due| due.0);
        let start = arguments.start.map(|start| start.0);
        let mut end = arguments.end.map(|end| end.0);
        if arguments.kind == Kind::Meeting {
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

/// The direction of a call: outgoing where nobody says, as in Dynamics 365.
fn direction(arguments: &Arguments) -> Result<Option<Direction>, ToolError> {
    match (arguments.kind, arguments.direction) {
        (Kind::Call, direction) => Ok(Some(direction.unwrap_or(Direction::Outgoing))),
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
    /// The one that it gets once it is made, if it does not stay open.
    fn last(kind: Kind, direction: Option<Direction>, completed: bool) -> Option<Status> {
        let status = |state, reason| Some(Status { state, reason });
        match (kind, completed) {
            // Received, or made.
            (Kind::Call, true) if direction == Some(Direction::Incoming) => {
                status(ActivityState::Completed, 4)
            }
            (Kind::Call, true) => status(ActivityState::Completed, 2),
            (Kind::Task, true) => status(ActivityState::Completed, 5),
            (Kind::Meeting, true) => status(ActivityState::Completed, 3),
            // Busy: as Dynamics 365 itself and Outlook make them.
            (Kind::Meeting, false) => status(ActivityState::Scheduled, 5),
            (Kind::Call | Kind::Task, false) => None,
        }
    }
}

/// What there is before anything is made.
struct Before {
    /// The activity that an earlier, equal call made.
    same_call: Option<Earlier>,
    /// The record that it is about.
    regarding: Result<Regarding, ToolError>,
    /// The application user, who calls or is called.
    caller: Option<Uuid>,
}

/// One trip for all of it.
async fn read(context: &Context, kind: Kind, record: &RecordRef) -> Result<Before, ToolError> {
    let mut reads = Reads::new();
    let same_call = reads.same_call(context, move |id| {
        Query::row(kind.table(), id).select(kind.columns().iter().copied())
    });
    let sought = reads.seek(record);
    let caller = (kind == Kind::Call).then(|| {
        reads.add(Query::rows(USER).select([USER.key]).filter(Filter::is_caller(USER.key)).top(1))
    });
    let mut answers = reads.send(context).await?;
    let same_call = answers.same_call(same_call)?;
    let regarding = answers.found(sought).and_then(|found| {
        Regarding::found(record.kind(), &found, context.instance())
            .ok_or_else(|| ToolError::internal("a record without an id"))
    });
    // Without it, a call has one party less.
    let caller = caller.and_then(|slot| answers.first(slot).ok().flatten());
    let caller = caller.and_then(|user| user.id(USER.key));
    Ok(Before { same_call, regarding, caller })
}

fn new_row(
    context: &Context,
    arguments: Arguments,
    Times { due, start, end }: Times,
    regarding: &Regarding,
) -> Result<Create, ToolError> {
    let (table, about) = (arguments.kind.table(), regarding.kind.table());
    let navigation =
        Name::parse(&format!("regardingobjectid_{}_{}", about.logical_name, table.logical_name))
            .map_err(ToolError::internal)?;
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let (scheduled_start, scheduled_end) = match arguments.kind {
        Kind::Meeting => (start, end),
        Kind::Call | Kind::Task => (None, due),
    };
    let (actual_start, actual_end) = match arguments.completed {
        Some(true) => (start, end),
        _ => (None, None),
    };
    Ok(Create::new(table, context.record_id())
        .bind(navigation, about, regarding.id)
        .set("subject", Some(arguments.subject))
        .set("description", arguments.description)
        .set("scheduledstart", time(scheduled_start))
        .set("scheduledend", time(scheduled_end))
        .set("actualstart", time(actual_start))
        .set("actualend", time(actual_end))
        .select(arguments.kind.columns().iter().copied()))
}

/// The parts that people have in an activity (`participationtypemask`).
const SENDER: i64 = 1;
const RECIPIENT: i64 = 2;
const REQUIRED_ATTENDEE: i64 = 5;

/// With those who take part: in a call the application user, for us, and the record; in a meeting
/// the record.
fn with_parties(
    create: Create,
    kind: Kind,
    direction: Option<Direction>,
    regarding: &Regarding,
    caller: Option<Uuid>,
) -> Create {
    let us = |part| caller.map(|user| activity::party(USER, user, part));
    let them = |part| party(regarding.kind, regarding.id, part);
    let (navigation, parties) = match (kind, direction) {
        (Kind::Task, _) => return create,
        (Kind::Meeting, _) => ("appointment_activity_parties", [None, them(REQUIRED_ATTENDEE)]),
        (Kind::Call, Some(Direction::Incoming)) => {
            ("phonecall_activity_parties", [us(RECIPIENT), them(SENDER)])
        }
        (Kind::Call, _) => ("phonecall_activity_parties", [us(SENDER), them(RECIPIENT)]),
    };
    let parties: Vec<_> = parties.into_iter().flatten().collect();
    if parties.is_empty() { create } else { create.with_related(navigation, parties) }
}

/// The record as a party. Nobody can talk to an opportunity or a case.
fn party(kind: RecordType, id: Uuid, part: i64) -> Option<Map<String, Value>> {
    match kind {
        RecordType::Contact | RecordType::Account | RecordType::Lead => {
            Some(activity::party(kind.table(), id, part))
        }
        RecordType::Opportunity | RecordType::Case => None,
    }
}

/// The answer, from the row. What a create answers does not know the state that follows: `state`
/// does.
fn made(
    context: &Context,
    kind: Kind,
    row: &Record,
    state: Option<ActivityState>,
) -> Result<Answer<Done>, ToolError> {
    let table = kind.table();
    let id = row.id(table.key).ok_or_else(|| ToolError::internal("an activity without an id"))?;
    let time = |column| row.time(column).map(Minute);
    let (due, start, end) = match kind {
        Kind::Meeting => (None, time("scheduledstart"), time("scheduledend")),
        Kind::Call | Kind::Task => (time("scheduledend"), time("actualstart"), time("actualend")),
    };
    let status = state.map(|state| state.label().to_owned());
    let activity = Activity {
        id,
        kind,
        subject: row.text("subject").map(str::to_owned),
        status: status.or_else(|| ActivityState::of(row, "statecode")),
        due,
        start,
        end,
        direction: Direction::of(row),
        url: context.instance().record_page(table.logical_name, id),
    };
    let regarding = Regarding::of(row, REGARDING, context.instance());
    let created = state.is_some();
    let before = (!created).then_some("This call had made the activity before.");
    Ok(Answer::new(Done { created, activity, regarding }).hint_if(before))
}
