use crm::labels::{Choice as _, OpportunityState, OpportunityStatus, SalesStage};
use crm::money::{Amount, Probability};
use crm::opportunity;
use crm::reference::OpportunityRef;
use crm::tables::OPPORTUNITY;
use crm::text::Paragraph;
use crm::time::Day;
use dataverse::{Action, Record, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolkit::{
    Answer, Change, Closed, Context, Edit, Effect, Reads, Target, Tool, ToolError, Transition,
    carry_out, operations,
};
use uuid::Uuid;

use crate::stage::pipeline_phase;

/// Changes an opportunity; wins, loses or reopens it.
pub(crate) struct UpdateOpportunity;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id or name.
    opportunity: OpportunityRef,
    stage: Option<SalesStage>,
    /// In its currency.
    estimated_value: Option<Amount>,
    /// As 2026-12-01.
    close_date: Option<Day>,
    /// Percent.
    probability: Option<Probability>,
    /// Won, Canceled and Out-Sold close it; an open status reopens it.
    status: Option<OpportunityStatus>,
    /// Replaces the old one.
    description: Option<Paragraph<2000>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Updated {
    id: Uuid,
    name: Option<String>,
    url: String,
    changes: Vec<Change>,
}

crm::records!(Updated: id);

/// What must be known of the opportunity before it is changed.
const COLUMNS: [&str; 10] = [
    "statecode",
    "statuscode",
    "salesstage",
    "stepname",
    "estimatedvalue",
    "estimatedclosedate",
    "closeprobability",
    "description",
    "isrevenuesystemcalculated",
    "modifiedon",
];

impl Tool for UpdateOpportunity {
    const NAME: &'static str = "dynamics365_update_opportunity";
    const TITLE: &'static str = "Update opportunity";
    const DESCRIPTION: &'static str = "Change a deal's stage, value, close date, probability or \
        description; win, lose or reopen it. Confirm with the visitor first.";
    const EFFECT: Effect = Effect::Closes;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadOpportunity",
        "prvWriteOpportunity",
        "prvCreateActivity",
        "prvAppendActivity",
        "prvAppendToOpportunity",
    ];
    const EXAMPLE: &'static str = r#"{"opportunity": "Northwind – support desk licences", "stage": "Propose", "probability": 75}"#;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        check(&arguments)?;
        let mut reads = Reads::new();
        let opportunity = reads.seek_with(&arguments.opportunity, |query| query.select(COLUMNS));
        let record = reads.send(context).await?.found(opportunity)?;

        let from = OpportunityStatus::of(&record, "statuscode");
        let status = arguments.status.filter(|status| from.as_deref() != Some(status.label()));
        let edit = edit(&record, &arguments, status)?;
        let target = edit.target();
        let was_computed = arguments.estimated_value.is_some()
            && record.boolean("isrevenuesystemcalculated") == Some(true);
        let (changes, details) = edit.finish();
        let transition =
            status.map(|status| transition(context, target, &record, status, &arguments));
        let is_open = record.integer("statecode") == Some(OpportunityState::Open.value());
        let operations = operations(target, is_open, details, transition).map_err(|Closed| {
            let reopen_with = Some(OpportunityStatus::InProgress.label());
            ToolError::already_closed("opportunity", from, reopen_with)
        })?;
        let target = match status {
            // The revenue of one that is won is its value.
            Some(OpportunityStatus::Won) => target.drawn_from(&["estimatedvalue"]),
            _ => target,
        };
        carry_out(context, target, operations, status.map(OpportunityStatus::value)).await?;

        let nothing = (changes.is_empty() && !was_computed)
            .then_some("The opportunity is as wanted already.");
        let computed = was_computed.then_some(
            "Dynamics computed the value from the product lines so far; from now on it is the one \
             that was given.",
        );
        Ok(Answer::new(Updated {
            id: target.id,
            name: record.text("name").map(str::to_owned),
            url: context.instance().record_page(OPPORTUNITY.logical_name, target.id),
            changes,
        })
        .hint_if(nothing)
        .hint_if(computed))
    }
}

/// What can be said without asking Dataverse.
fn check(arguments: &Arguments) -> Result<(), ToolError> {
    let Arguments {
        opportunity: _,
        stage,
        estimated_value,
        close_date,
        probability,
        status,
        description,
    } = arguments;
    let is_given = stage.is_some()
        || estimated_value.is_some()
        || close_date.is_some()
        || probability.is_some()
        || status.is_some()
        || description.is_some();
    if is_given {
        return Ok(());
    }
    Err(ToolError::needs_one_of(
        "stage, estimated_value, close_date, probability, status, description",
    ))
}

fn edit<'a>(
    record: &'a Record,
    arguments: &Arguments,
    status: Option<OpportunityStatus>,
) -> Result<Edit<'a>, ToolError> {
    let mut edit = Edit::of(record, OPPORTUNITY)?;
    let from = opportunity::stage(record);
    if let Some(stage) = arguments.stage.filter(|stage| from.as_deref() != Some(stage.label())) {
        edit.note("stage", from.map(Value::from), stage.label());
        edit.column("salesstage", stage.value());
        edit.column("stepname", pipeline_phase(stage));
    }
    if arguments.estimated_value.is_some()
        && record.boolean("isrevenuesystemcalculated") == Some(true)
    {
        // Else Dynamics goes on computing it, and the given value is lost.
        edit.column("isrevenuesystemcalculated", false);
    }
    edit.set("estimated_value", "estimatedvalue", arguments.estimated_value);
    edit.set("close_date", "estimatedclosedate", arguments.close_date);
    edit.set("probability", "closeprobability", arguments.probability);
    edit.set("description", "description", arguments.description.clone());
    if let Some(status) = status {
        let from = OpportunityStatus::of(record, "statuscode");
        edit.note("status", from.map(Value::from), status.label());
    }
    Ok(edit)
}

/// Winning and losing are actions: Dataverse refuses to set the state.
fn transition(
    context: &Context,
    opportunity: Target<'_>,
    record: &Record,
    status: OpportunityStatus,
    arguments: &Arguments,
) -> Transition {
    let (action, subject) = match status {
        OpportunityStatus::InProgress | OpportunityStatus::OnHold => {
            return Transition::Open(status.value());
        }
        OpportunityStatus::Won => ("WinOpportunity", "Won in chat"),
        OpportunityStatus::Canceled | OpportunityStatus::OutSold => {
            ("LoseOpportunity", "Lost in chat")
        }
    };
    let mut close = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.opportunityclose",
        "subject": subject,
        "actualend": context.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "opportunityid@odata.bind": bind(OPPORTUNITY, opportunity.id),
    });
    let known = || record.value("estimatedvalue");
    let revenue = arguments.estimated_value.map(Value::from).or_else(known);
    if let Some(revenue) = revenue.filter(|_| status == OpportunityStatus::Won) {
        close["actualrevenue"] = revenue;
    }
    let action = Action::unbound(action)
        .parameter("OpportunityClose", close)
        .parameter("Status", status.value());
    Transition::close(action)
}
