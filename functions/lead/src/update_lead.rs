use crm::labels::{Choice as _, LeadSource, LeadState, LeadStatus, Rating};
use crm::reference::{LeadRef, OpenLead};
use crm::tables::LEAD;
use crm::tables::choices::{STATE, STATUS};
use crm::text::{EmailAddress, Line, Paragraph, Phone, quoted};
use dataverse::{Record, Update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolkit::{
    Answer, Change, Clear, Closed, Consequence, Context, Edit, Edits as _, Effect, Reads, Target,
    Tool, ToolError, Transition, Yes, carry_out, operations,
};
use uuid::Uuid;

use crate::qualify::{self, Qualified};
use crm::visible::{Access, Visible};

/// Changes a lead. It can qualify, disqualify or reopen the lead.
pub(crate) struct UpdateLead;

toolkit::edits! {
    #[derive(Deserialize, JsonSchema, Visible)]
    #[serde(deny_unknown_fields)]
    #[staff]
    pub(crate) struct Arguments {
        /// Id, email or name.
        lead: LeadRef,
        /// Qualified makes a contact, account and opportunity.
        status: Option<LeadStatus> => apart "statuscode",
        rating: Option<Rating> => choose "leadqualitycode",
        source: Option<LeadSource> => choose "leadsourcecode",
        topic: Option<Line<300>> => set "subject",
        company: Option<Line<100>> => set "companyname" or empty,
        email: Option<EmailAddress> => set "emailaddress1" or empty,
        phone: Option<Phone<50>> => set "telephone1" or empty,
        job_title: Option<Line<100>> => set "jobtitle" or empty,
        /// Budget, time, who decides. Replaces the old one.
        description: Option<Paragraph<2000>> => set "description" or empty,
        /// Fields to empty.
        clear: Option<Clear<Arguments>> => clears [],
    }
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct Updated {
    id: Uuid,
    name: Option<String>,
    url: String,
    changes: Vec<Change>,
    /// Of a lead that this call qualified: what became of it.
    qualified: Option<Qualified>,
}

crm::records!(Updated: id, qualified);

impl Tool for UpdateLead {
    const NAME: &'static str = "dynamics365_update_lead";
    const TITLE: &'static str = "Update lead";
    const DESCRIPTION: &'static str = "Change a lead's status, rating, source, topic or contact \
        details; qualify it, or disqualify it with one of the lost statuses.";
    const FOR: Access = Access::Staff;
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
        arguments.check_wanted()?;
        let wanted = OpenLead(&arguments.lead);
        let mut reads = Reads::new();
        let lead = reads.seek_with(&wanted, |query| {
            query.select(Arguments::columns()).select(qualify::COLUMNS)
        });
        let record = reads.send(context).await?.found(lead)?;

        let from = LeadStatus::of(&record, STATUS);
        let status = arguments.status.filter(|status| from.as_deref() != Some(status.label()));
        let state = record.integer(STATE).and_then(LeadState::from_value);
        // A qualified lead has become other records. It cannot be opened again.
        let is_final = state == Some(LeadState::Qualified);
        let reopen_with = (!is_final).then_some(LeadStatus::New.label());
        let closed = || ToolError::already_closed("lead", from.clone(), reopen_with);
        if is_final && status.is_some() {
            return Err(closed());
        }

        let mut edit = Edit::of(&record, LEAD)?;
        arguments.edit(&mut edit);
        if let Some(status) = status {
            edit.note("status", from.clone().map(Value::from), status.label());
        }
        let target = edit.target();
        let (changes, details) = edit.finish();
        let is_open = state == Some(LeadState::Open);
        let mut hint = changes.is_empty().then(|| "The lead is as wanted already.".to_owned());
        let qualified =
            match status {
                Some(LeadStatus::Qualified) if is_open => {
                    let lead = with_changes(&record, &arguments);
                    let consequence = closing(&record, LeadStatus::Qualified, &changes)
                        .of(json!([lead.company, lead.email, lead.topic]));
                    let (qualified, reused) =
                        qualify::qualify(context, &lead, target, details, consequence).await?;
                    hint = reused;
                    Some(qualified)
                }
                _ => {
                    let transition = status.map(|status| transition(target, status));
                    let operations = operations(target, is_open, details, transition)
                        .map_err(|Closed| closed())?;
                    let closes = status.filter(|status| {
                        !matches!(status, LeadStatus::New | LeadStatus::Contacted)
                    });
                    let consequence = closes
                        .map(|status| closing(&record, status, &changes))
                        .or_else(|| changed_person(&record, &changes));
                    let status = status.map(LeadStatus::value);
                    carry_out(context, target, operations, status, consequence).await?;
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

/// What must be said yes to before a lead is qualified or disqualified.
fn closing(lead: &Record, status: LeadStatus, changes: &[Change]) -> Consequence {
    let name = quoted(lead.text("fullname").unwrap_or_default());
    let sentence = match status {
        LeadStatus::Qualified => {
            format!(
                "Qualify the lead {name}: it becomes an opportunity, with a contact and an account that \
                 are made or were there."
            )
        }
        _ => format!("Disqualify the lead {name}: {}.", status.label()),
    };
    Consequence::new(Yes::Button, sentence).changing(changes)
}

/// What must be said yes to before it changes how a person is reached.
fn changed_person(lead: &Record, changes: &[Change]) -> Option<Consequence> {
    let is_identity = |change: &Change| matches!(change.field, "email" | "phone");
    changes.iter().any(is_identity).then(|| {
        let name = quoted(lead.text("fullname").unwrap_or_default());
        let sentence = format!("Change the lead {name}.");
        Consequence::new(Yes::Button, sentence).changing(changes)
    })
}

/// The lead with the changes of this call.
fn with_changes<'a>(record: &'a Record, arguments: &'a Arguments) -> qualify::Lead<'a> {
    let Arguments { company, email, topic, clear, .. } = arguments;
    let kept = |field: &str, column: &str| {
        let is_cleared = clear.as_ref().is_some_and(|clear| clear.has(field));
        record.text(column).filter(|_| !is_cleared)
    };
    qualify::Lead {
        record,
        company: company.as_ref().map(Line::as_str).or_else(|| kept("company", "companyname")),
        email: email.as_ref().map(EmailAddress::as_str).or_else(|| kept("email", "emailaddress1")),
        topic: topic.as_ref().map(Line::as_str).or_else(|| record.text("subject")),
    }
}

/// The change to any status except qualified, which needs an action.
fn transition(lead: Target<'_>, status: LeadStatus) -> Transition {
    match status {
        LeadStatus::New | LeadStatus::Contacted => Transition::Open(status.value()),
        _ => Transition::close(
            Update::new(LEAD, lead.id, lead.etag)
                .set(STATE, LeadState::Disqualified.value())
                .set(STATUS, status.value()),
        ),
    }
}
