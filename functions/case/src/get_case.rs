use crm::Linked;
use crm::case::{self, CaseSummary};
use crm::labels::{CaseState, CaseType, Choice as _};
use crm::reference::{CaseRef, Reference as _};
use crm::text::excerpt;
use dataverse::{Expand, Order, Record};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Access, Answer, Context, Tool, ToolError};
use uuid::Uuid;

/// Reads a case with its latest notes.
pub(crate) struct GetCase;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The case: id or case number.
    case: CaseRef,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    case: Details,
    /// The latest first.
    latest_notes: Vec<Note>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    #[serde(flatten)]
    summary: CaseSummary,
    #[serde(rename = "type")]
    kind: Option<String>,
    description: Option<String>,
    truncated: Option<bool>,
    /// Where the customer is an account: the person there.
    contact: Option<Linked>,
    /// Who works on it.
    owner: Option<Linked>,
    #[schemars(with = "Option<String>")]
    modified_on: Option<Timestamp>,
    /// Of a resolved case.
    resolution: Option<Resolution>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Resolution {
    text: Option<String>,
    #[schemars(with = "Option<String>")]
    resolved_on: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Note {
    id: Uuid,
    subject: Option<String>,
    text: Option<String>,
    truncated: Option<bool>,
    author: Option<String>,
    #[schemars(with = "Option<String>")]
    created_on: Option<Timestamp>,
}

const COLUMNS: [&str; 5] =
    ["description", "casetypecode", "_primarycontactid_value", "_ownerid_value", "modifiedon"];

impl Tool for GetCase {
    const NAME: &'static str = "dynamics365_get_case";
    const TITLE: &'static str = "Get case";
    const DESCRIPTION: &'static str = "Read one support case in full: description, priority, \
        status, customer, owner, resolution and latest notes. Use it when the visitor names a case.";
    const ACCESS: Access = Access::Read;

    type Arguments = Arguments;
    type Result = Found;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Found>, ToolError> {
        let Arguments { case } = arguments;
        let query = case
            .query()
            .select(CaseSummary::COLUMNS)
            .select(COLUMNS)
            .expand(
                Expand::new("Incident_Annotation")
                    .select([
                        "annotationid",
                        "subject",
                        "notetext",
                        "createdon",
                        "_createdby_value",
                    ])
                    .order_by(Order::descending("createdon"))
                    .top(3),
            )
            .expand(
                Expand::new("Incident_IncidentResolutions")
                    .select(["subject", "description", "actualend", "createdon"])
                    .order_by(Order::descending("createdon"))
                    .top(1),
            );
        let page = context.dataverse().list(&query).await?;
        let record = case.one(page, context.instance())?;

        let details = details(&record, context)?;
        let latest_notes = record.many("Incident_Annotation").iter().filter_map(note).collect();
        Ok(Answer::new(Found { case: details, latest_notes }).escalate(case::escalation([&record])))
    }
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let instance = context.instance();
    let summary = CaseSummary::of(record, instance, context.now())
        .ok_or_else(|| ToolError::internal("a case without an id"))?;
    let description = record.text("description").map(|text| excerpt(text, 2000));
    let is_resolved = record.integer("statecode") == Some(CaseState::Resolved.value());
    let resolution = record.one("Incident_IncidentResolutions").filter(|_| is_resolved);
    Ok(Details {
        summary,
        kind: CaseType::of(record, "casetypecode"),
        truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
        description: description.map(|excerpt| excerpt.text),
        contact: Linked::of(record, "_primarycontactid_value", instance),
        owner: Linked::of(record, "_ownerid_value", instance),
        modified_on: record.time("modifiedon"),
        resolution: resolution.map(|resolution| Resolution {
            text: resolution
                .text("description")
                .or_else(|| resolution.text("subject"))
                .map(|text| excerpt(text, 2000).text),
            resolved_on: resolution.time("actualend").or_else(|| resolution.time("createdon")),
        }),
    })
}

fn note(record: &Record) -> Option<Note> {
    let text = record.text("notetext").map(|text| excerpt(text, 500));
    Some(Note {
        id: record.id("annotationid")?,
        subject: record.text("subject").map(str::to_owned),
        truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
        text: text.map(|excerpt| excerpt.text),
        author: record.label("_createdby_value").map(str::to_owned),
        created_on: record.time("createdon"),
    })
}
