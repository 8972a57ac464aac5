use crm::labels::{Choice as _, LeadSource, LeadState, LeadStatus, Rating};
use crm::reference::LeadRef;
use crm::tables::LEAD;
use crm::text::{EmailAddress, Line};
use dataverse::{Record, Update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::{
    Answer, Change, Closed, Context, Edit, Effect, Reads, Target, Tool, ToolError, Transition,
    carry_out, operations,
};
use uuid::Uuid;

use crate::qualify::{self, Qualified};

/// Changes a lead; qualifies, disqualifies or reopens it.
pub(crate) struct UpdateLead;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or full name.
    lead: LeadRef,
    /// Qualified makes a contact, account and opportunity.
    status: Option<LeadStatus>,
    rating: Option<Rating>,
    source: Option<LeadSource>,
    topic: Option<Line<300>>,
    company: Option<Line<100>>,
    email: Option<EmailAddress>,
    phone: Option<Line<50>>,
    job_title: Option<Line<100>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Updated {
    id: Uuid,
    name: Option<String>,
    url: String,
    changes: Vec<Change>,
    /// Of a lead that this call qualified: what became of it.
    qualified: Option<Qualified>,
}

crm::records!(Updated: id, qualified);

/// What must be known of the lead before it is changed.
const COLUMNS: [&str; 14] = [
    "statecode",
    "statuscode",
    "leadqualitycode",
    "leadsourcecode",
    "subject",
    "fullname",
    "companyname",
    "emailaddress1",
    "telephone1",
    "jobtitle",
    "modifiedon",
    "_parentcontactid_value",
    "_parentaccountid_value",
    "_qualifyingopportunityid_value",
];

impl Tool for UpdateLead {
    const NAME: &'static str = "dynamics365_update_lead";
    const TITLE: &'static str = "Update lead";
    const DESCRIPTION: &'static str = "Change a lead's status, rating, source, topic or contact \
        details; qualify it, or disqualify it with one of the lost statuses.";
    const EFFECT: Effect = Effect::Closes;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadLead",
        "prvWriteLead",
        "prvCreateAccount",
        "prvAppendAccount",
        "prvAppendToLead",
        "prvAssignAccount",
        "prvCreateContact",
        "prvAppendContact",
        "prvAppendToAccount",
        "prvAssignContact",
        "prvCreateOpportunity",
        "prvAppendOpportunity",
        "prvAppendToContact",
        "prvAssignOpportunity",
    ];
    const EXAMPLE: &'static str =
        r#"{"lead": "bram@woodgrove.example", "status": "Contacted", "rating": "Hot"}"#;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        check(&arguments)?;
        let mut reads = Reads::new();
        let lead = reads.seek_with(&arguments.lead, |query| query.select(COLUMNS));
        let record = reads.send(context).await?.found(lead)?;

        let from = LeadStatus::of(&record, "statuscode");
        let status = arguments.status.filter(|status| from.as_deref() != Some(status.label()));
        let state = record.integer("statecode").and_then(LeadState::from_value);
        // What a qualified lead has become is there: it is no open lead again.
        let is_final = state == Some(LeadState::Qualified);
        let reopen_with = (!is_final).then_some(LeadStatus::New.label());
        let closed = || ToolError::already_closed("lead", from.clone(), reopen_with);
        if is_final && status.is_some() {
            return Err(closed());
        }

        let edit = edit(&record, &arguments, status)?;
        let target = edit.target();
        let (changes, details) = edit.finish();
        let is_open = state == Some(LeadState::Open);
        let mut hint = changes.is_empty().then(|| "The lead is as wanted already.".to_owned());
        let qualified = match status {
            Some(LeadStatus::Qualified) if is_open => {
                let lead = with_changes(&record, &arguments);
                let (qualified, reused) = qualify::qualify(context, &lead, target, details).await?;
                hint = reused;
                Some(qualified)
            }
            _ => {
                let transition = status.map(|status| transition(target, status));
                let operations =
                    operations(target, is_open, details, transition).map_err(|Closed| closed())?;
                carry_out(context, target, operations, status.map(LeadStatus::value)).await?;
                None
            }
        };
        Ok(Answer::new(Updated {
            id: target.id,
            name: record.text("fullname").map(str::to_owned),
            url: context.instance().record_page(LEAD.logical_name, target.id),
            changes,
            qualified,
        })
        .hint_if(hint))
    }
}

/// What can be said without asking Dataverse.
fn check(arguments: &Arguments) -> Result<(), ToolError> {
    let Arguments { lead: _, status, rating, source, topic, company, email, phone, job_title } =
        arguments;
    let is_given = status.is_some()
        || rating.is_some()
        || source.is_some()
        || topic.is_some()
        || company.is_some()
        || email.is_some()
        || phone.is_some()
        || job_title.is_some();
    if is_given {
        return Ok(());
    }
    Err(ToolError::needs_one_of("status, rating, source, topic, company, email, phone, job_title"))
}

fn edit<'a>(
    record: &'a Record,
    arguments: &Arguments,
    status: Option<LeadStatus>,
) -> Result<Edit<'a>, ToolError> {
    let mut edit = Edit::of(record, LEAD)?;
    edit.choose("rating", "leadqualitycode", arguments.rating);
    edit.choose("source", "leadsourcecode", arguments.source);
    edit.set("topic", "subject", arguments.topic.clone());
    edit.set("company", "companyname", arguments.company.clone());
    edit.set("email", "emailaddress1", arguments.email.clone());
    edit.set("phone", "telephone1", arguments.phone.clone());
    edit.set("job_title", "jobtitle", arguments.job_title.clone());
    if let Some(status) = status {
        let from = LeadStatus::of(record, "statuscode");
        edit.note("status", from.map(Value::from), status.label());
    }
    Ok(edit)
}

/// The lead as the call leaves it.
fn with_changes<'a>(record: &'a Record, arguments: &'a Arguments) -> qualify::Lead<'a> {
    let Arguments { company, email, topic, .. } = arguments;
    qualify::Lead {
        record,
        company: company.as_ref().map(Line::as_str).or_else(|| record.text("companyname")),
        email: email.as_ref().map(EmailAddress::as_str).or_else(|| record.text("emailaddress1")),
        topic: topic.as_ref().map(Line::as_str).or_else(|| record.text("subject")),
    }
}

/// Every way but that of qualifying, which is an action.
fn transition(lead: Target<'_>, status: LeadStatus) -> Transition {
    match status {
        LeadStatus::New | LeadStatus::Contacted => Transition::Open(status.value()),
        _ => Transition::close(
            Update::new(LEAD, lead.id, lead.etag)
                .set("statecode", LeadState::Disqualified.value())
                .set("statuscode", status.value()),
        ),
    }
}
