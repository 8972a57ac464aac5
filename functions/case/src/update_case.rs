use crm::case;
use crm::labels::{CasePriority, CaseState, CaseStatus, Choice as _};
use crm::reference::{CaseRef, Merged, Owner, OwnerRef};
use crm::tables::choices::{STATE, STATUS};
use crm::tables::{CASE, CLOSE_CASE, lookups};
use crm::text::{Paragraph, excerpt, quoted};
use crm::visible::{Access, Visible};
use dataverse::{Action, Link, Record, Update, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolkit::{
    Answer, Change, Closed, Consequence, Context, Edit, Edits as _, Effect, Reads, RowChange,
    Target, Tool, ToolError, Transition, Yes, carry_out, operations,
};
use uuid::Uuid;

/// Changes the status, the priority or the owner of a case. It can resolve, cancel or reopen the
/// case.
pub(crate) struct UpdateCase;

toolkit::edits! {
    #[derive(Deserialize, JsonSchema, Visible)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Arguments {
        /// Id or case number.
        #[verified]
        case: CaseRef,
        /// An open status reopens a closed case.
        #[verified]
        status: Option<NewCaseStatus> => apart "statuscode",
        #[staff]
        priority: Option<CasePriority> => choose "prioritycode",
        /// Added to the description.
        #[verified]
        details: Option<Paragraph<1000>> => apart "description",
        /// How it was solved; with Problem Solved or Information Provided.
        #[verified]
        resolution: Option<Paragraph<2000>>,
        /// Id or email of a user, or id of a team.
        #[staff]
        owner: Option<OwnerRef> => apart "_ownerid_value",
    }
}

crm::choice! {
    /// The statuses that a case can be given.
    pub(crate) enum NewCaseStatus {
        InProgress = 1 "In Progress",
        OnHold = 2 "On Hold",
        WaitingForDetails = 3 "Waiting for Details",
        Researching = 4 "Researching",
        ProblemSolved = 5 "Problem Solved",
        InformationProvided = 1000 "Information Provided",
        Canceled = 6 "Canceled",
    }
}

impl NewCaseStatus {
    fn state(self) -> CaseState {
        match self {
            NewCaseStatus::ProblemSolved | NewCaseStatus::InformationProvided => {
                CaseState::Resolved
            }
            NewCaseStatus::Canceled => CaseState::Canceled,
            _ => CaseState::Active,
        }
    }
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Updated {
    #[verified]
    id: Uuid,
    #[verified]
    number: Option<String>,
    #[verified]
    subject: Option<String>,
    #[staff]
    url: String,
    #[verified]
    changes: Vec<Change>,
}

crm::records!(Updated: id);

impl Tool for UpdateCase {
    const NAME: &'static str = "dynamics365_update_case";
    const TITLE: &'static str = "Update case";
    const DESCRIPTION: &'static str = "Change a case's status, priority or owner; add details; resolve it with \
        the resolution, cancel it, or reopen it. Confirm before closing.";
    const ASK_FIRST: &'static str = "Confirm before closing.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Closes;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadIncident",
        "prvWriteIncident",
        "prvCreateActivity",
        "prvAppendActivity",
        "prvAppendToIncident",
        "prvAssignIncident",
    ];
    const EXAMPLE: &'static str =
        r#"{"case": "CAS-01001-Q7W2E9", "status": "Waiting for Details", "priority": "Normal"}"#;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        check(&arguments)?;
        if context.is_for_visitor() {
            check_for_visitor(arguments.status)?;
        }
        let (record, owner) = read(context, &arguments).await?;
        if context.is_for_visitor() && record.id(Merged::COLUMN).is_some() {
            return Err(ToolError::invalid(
                "case",
                "was merged into another one, and stays as it is",
            )
            .next_step("Offer a person."));
        }
        let Plan { target, changes, status, operations } =
            plan(&record, &arguments, owner.as_ref())?;

        let late = status.is_none() && arguments.resolution.is_some();
        let hint = if late {
            Some("The case had that status already: the resolution that it was closed with stays.")
        } else {
            changes.is_empty().then_some("The case is as wanted already.")
        };
        let consequence = status.filter(|status| status.state() != CaseState::Active);
        let consequence = consequence.map(|status| closing(&record, status, &changes));
        carry_out(context, target, operations, status.map(NewCaseStatus::value), consequence)
            .await?;
        Ok(Answer::new(Updated {
            id: target.id,
            number: record.text("ticketnumber").map(str::to_owned),
            subject: record.text("title").map(str::to_owned),
            url: context.instance().record_page(CASE.logical_name, target.id),
            changes,
        })
        .hint_if(hint))
    }
}

/// The most characters of a case's description.
const DESCRIPTION: usize = 2000;

/// What must be said yes to before a case is closed.
fn closing(case: &Record, status: NewCaseStatus, changes: &[Change]) -> Consequence {
    let number = case.text("ticketnumber").unwrap_or_default();
    let subject = quoted(case.text("title").unwrap_or_default());
    let sentence = format!("Close the case {number}, {subject}, as {}.", status.label());
    Consequence::new(Yes::Button, sentence).changing(changes)
}

/// Checks the arguments as far as that needs no data from Dataverse.
fn check(arguments: &Arguments) -> Result<(), ToolError> {
    let Arguments { status, resolution, .. } = arguments;
    let resolves = status.is_some_and(|status| status.state() == CaseState::Resolved);
    if resolution.is_some() && !resolves {
        return Err(ToolError::invalid(
            "resolution",
            "goes with the status Problem Solved or Information Provided",
        ));
    }
    arguments.check_wanted()
}

/// Refuses a status by which colleagues work.
fn check_for_visitor(status: Option<NewCaseStatus>) -> Result<(), ToolError> {
    use NewCaseStatus::{Canceled, InProgress, InformationProvided, ProblemSolved};
    match status {
        None | Some(InProgress | ProblemSolved | InformationProvided | Canceled) => Ok(()),
        Some(status) => Err(ToolError::invalid(
            "status",
            format!(
                "{} is for colleagues: a visitor can reopen a case or close it",
                status.label()
            ),
        )),
    }
}

/// Reads the case and the new owner, in one trip.
async fn read(
    context: &Context,
    arguments: &Arguments,
) -> Result<(Record, Option<Owner>), ToolError> {
    let mut reads = Reads::new();
    let case = reads.seek_with(&arguments.case, |query| {
        query.select(Arguments::columns()).select(["title", "ticketnumber"])
    });
    let owner = arguments.owner.as_ref().map(|owner| {
        let [users, teams] = owner.queries();
        (owner, reads.add(users), reads.add(teams))
    });
    let mut answers = reads.send(context).await?;
    let record = answers.found(case)?;
    let owner = match owner {
        Some((owner, users, teams)) => {
            let users = answers.page(users)?;
            // Not every application user may read teams. Without teams, only users are found.
            let teams = answers.result(teams).unwrap_or_default();
            Some(owner.one(users, teams, context.instance())?)
        }
        None => None,
    };
    Ok((record, owner))
}

/// The work that the call will do, and the changes that it makes.
struct Plan<'a> {
    target: Target<'a>,
    changes: Vec<Change>,
    /// The new status, unless the case already has it.
    status: Option<NewCaseStatus>,
    operations: Vec<RowChange>,
}

fn plan<'a>(
    record: &'a Record,
    arguments: &Arguments,
    owner: Option<&Owner>,
) -> Result<Plan<'a>, ToolError> {
    let mut edit = Edit::of(record, CASE)?;
    arguments.edit(&mut edit);
    if let Some(Owner { table, id, name }) = owner {
        let link = Link { to: *table, ..lookups::CASE_OWNER };
        edit.point("owner", link, (*id, name.as_deref()));
    }
    if let Some(details) = &arguments.details {
        add_details(record, &mut edit, details.as_str())?;
    }
    let from = CaseStatus::of(record, STATUS);
    let status = arguments.status.filter(|status| from.as_deref() != Some(status.label()));
    if let Some(status) = status {
        edit.note("status", from.clone().map(Value::from), status.label());
        if let Some(resolution) = &arguments.resolution {
            edit.note("resolution", None, resolution.as_str());
        }
    }
    let target = edit.target();
    let (changes, details) = edit.finish();
    let transition = status.map(|status| transition(target, status, arguments.resolution.as_ref()));
    let is_open = case::is_open(record);
    let operations = operations(target, is_open, details, transition).map_err(|Closed| {
        ToolError::already_closed("case", from, Some(CaseStatus::InProgress.label()))
    })?;
    Ok(Plan { target, changes, status, operations })
}

/// Adds to the description, once. What is there is not shown: it may be internal.
fn add_details(record: &Record, edit: &mut Edit<'_>, details: &str) -> Result<(), ToolError> {
    let before = record.text("description").unwrap_or_default();
    if before.contains(details) {
        return Ok(());
    }
    let after =
        if before.is_empty() { details.to_owned() } else { format!("{before}\n\n{details}") };
    if after.chars().count() > DESCRIPTION {
        return Err(ToolError::invalid("details", "have no more room in the description")
            .next_step("Write them into a note on the case with dynamics365_create_note."));
    }
    edit.note("details", None, excerpt(details, 200).text);
    edit.column("description", after);
    Ok(())
}

fn transition(
    case: Target<'_>,
    status: NewCaseStatus,
    resolution: Option<&Paragraph<2000>>,
) -> Transition {
    match status.state() {
        CaseState::Active => Transition::Open(status.value()),
        CaseState::Resolved => Transition::close(resolve(case.id, status, resolution)),
        CaseState::Canceled => Transition::close(
            Update::new(CASE, case.id, case.etag)
                .set(STATE, CaseState::Canceled.value())
                .set(STATUS, status.value()),
        ),
    }
}

/// The action that resolves a case. Dataverse refuses an update that sets this state.
fn resolve(case: Uuid, status: NewCaseStatus, resolution: Option<&Paragraph<2000>>) -> Action {
    let text = resolution.map_or("Resolved in chat", Paragraph::as_str);
    // The subject is one line of at most 200 characters.
    let subject: String = text.lines().next().unwrap_or_default().chars().take(100).collect();
    Action::unbound(CLOSE_CASE)
        .parameter(
            "IncidentResolution",
            json!({
                "@odata.type": "Microsoft.Dynamics.CRM.incidentresolution",
                "subject": subject,
                "description": text,
                "incidentid@odata.bind": bind(CASE, case),
            }),
        )
        .parameter("Status", status.value())
}
