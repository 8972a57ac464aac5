use crm::Linked;
use crm::case::{self, CaseSummary};
use crm::labels::{CaseState, CaseType, Choice as _};
use crm::note::Note;
use crm::reference::CaseRef;
use crm::tables::choices::is_in_state;
use crm::tables::{ACCOUNT, CONTACT};
use crm::text::{Excerpt, excerpt};
use crm::time::Minute;
use crm::visible::{Access, Visible};
use dataverse::{Expand, Order, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Reads, Tool, ToolError};

/// Reads a case with its latest notes.
pub(crate) struct GetCase;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id or case number.
    #[verified]
    case: CaseRef,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct CaseWithNotes {
    #[verified]
    case: Details,
    /// The latest first.
    #[staff]
    latest_notes: Vec<Note>,
}

crm::records!(CaseWithNotes: case, latest_notes);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "CaseDetails")]
pub(crate) struct Details {
    #[serde(flatten)]
    #[verified]
    summary: CaseSummary,
    #[serde(rename = "type")]
    #[verified]
    kind: Option<String>,
    #[verified]
    description: Option<String>,
    #[verified]
    truncated: Option<bool>,
    /// Whether somebody opened it who had not shown who they are.
    #[verified]
    sender_not_verified: Option<bool>,
    /// The customer, where that is a company.
    #[verified]
    account: Option<Linked>,
    /// The customer, or the person there.
    #[verified]
    contact: Option<Linked>,
    /// Who works on it.
    #[staff]
    owner: Option<Linked>,
    #[verified]
    created_on: Option<Minute>,
    #[verified]
    modified_on: Option<Minute>,
    /// Of a resolved case.
    #[verified]
    resolution: Option<Resolution>,
}

crm::records!(Details: summary, account, contact, owner);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "CaseResolution")]
pub(crate) struct Resolution {
    #[verified]
    text: Option<String>,
    #[verified]
    resolved_on: Option<Minute>,
}

/// The most characters of a note that are shown.
const NOTE_TEXT: usize = 500;

const COLUMNS: [&str; 5] =
    ["description", "casetypecode", "_primarycontactid_value", "_ownerid_value", "modifiedon"];

impl Tool for GetCase {
    const NAME: &'static str = "dynamics365_get_case";
    const TITLE: &'static str = "Get case";
    const DESCRIPTION: &'static str = "Read one support case in full: description, priority, \
        status, customer, owner, resolution and latest notes.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] =
        &["prvReadIncident", "prvReadNote", "prvReadActivity"];
    const EXAMPLE: &'static str = r#"{"case": "CAS-01004-L5K2J9"}"#;

    type Arguments = Arguments;
    type Result = CaseWithNotes;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<CaseWithNotes>, ToolError> {
        let Arguments { case } = arguments;
        let notes = Expand::new("Incident_Annotation")
            .select(Note::COLUMNS)
            .order_by(Order::descending("createdon"))
            .top(3);
        let resolution = Expand::new("Incident_IncidentResolutions")
            .select(["subject", "description", "actualend", "createdon"])
            .order_by(Order::descending("createdon"))
            .top(1);
        let mut reads = Reads::new();
        let record = reads.seek_with(&case, |query| {
            query.select(CaseSummary::COLUMNS).select(COLUMNS).expand(notes).expand(resolution)
        });
        let is_for_visitor = context.is_for_visitor();
        let own_user = (!is_for_visitor).then(|| reads.seek_own_user(context));
        let mut answers = reads.send(context).await?;
        let record = answers.found(record)?;
        let own_user = own_user.and_then(|user| answers.own_user(user));

        let details = details(&record, context)?;
        let notes = record.many("Incident_Annotation").iter();
        let latest_notes = notes.filter_map(|note| Note::of(note, NOTE_TEXT, own_user)).collect();
        Ok(Answer::new(CaseWithNotes { case: details, latest_notes })
            .escalate(case::escalation([&record])))
    }
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let summary = CaseSummary::of(record, context.now())
        .ok_or_else(|| ToolError::internal("a case without an id"))?
        .with_url(context.instance());
    let customer = |table| Linked::of_table(record, "_customerid_value", table);
    let description = Excerpt::of(record, "description", |text| excerpt(text, 2000));
    let is_resolved = is_in_state(record, CaseState::Resolved);
    let resolution = record.one("Incident_IncidentResolutions").filter(|_| is_resolved);
    Ok(Details {
        summary,
        kind: CaseType::of(record, "casetypecode"),
        truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
        sender_not_verified: description
            .as_ref()
            .is_some_and(|excerpt| excerpt.text.starts_with(case::SENDER_NOT_VERIFIED))
            .then_some(true),
        description: description.map(|excerpt| excerpt.text),
        account: customer(ACCOUNT),
        contact: Linked::of(record, "_primarycontactid_value").or_else(|| customer(CONTACT)),
        owner: Linked::of(record, "_ownerid_value"),
        created_on: record.time("createdon").map(Minute),
        modified_on: record.time("modifiedon").map(Minute),
        resolution: resolution.map(|resolution| Resolution {
            text: ["description", "subject"]
                .iter()
                .find_map(|column| Excerpt::of(resolution, column, |text| excerpt(text, 2000)))
                .map(|excerpt| excerpt.text),
            resolved_on: resolution
                .time("actualend")
                .or_else(|| resolution.time("createdon"))
                .map(Minute),
        }),
    })
}
