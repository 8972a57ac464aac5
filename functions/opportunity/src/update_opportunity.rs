use crm::labels::{Choice as _, OpportunityStatus, SalesStage};
use crm::money::{self, Amount, Probability};
use crm::opportunity;
use crm::reference::OpportunityRef;
use crm::tables::choices::STATUS;
use crm::tables::{LOSE_OPPORTUNITY, OPPORTUNITY, WIN_OPPORTUNITY};
use crm::text::{Paragraph, quoted};
use crm::time::Day;
use dataverse::{Action, Record, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolkit::{
    Answer, Change, Clear, Closed, Consequence, Context, Edit, Edits as _, Effect, Reads, Target,
    Tool, ToolError, Transition, Yes, carry_out, operations, with_stored_money,
};
use uuid::Uuid;

use crate::stage::pipeline_phase;
use crm::visible::{self, Access, Visible};

/// Changes an opportunity. It can win, lose or reopen the opportunity.
pub(crate) struct UpdateOpportunity;

toolkit::edits! {
    #[derive(Deserialize, JsonSchema, Visible)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Arguments {
        /// Id or name.
        #[verified]
        opportunity: OpportunityRef,
        #[staff]
        stage: Option<SalesStage> => by_stage ["salesstage", "stepname"],
        /// In its currency.
        #[staff]
        estimated_value: Option<Amount>
            => by_value ["estimatedvalue", "isrevenuesystemcalculated"] or empty,
        /// As 2026-12-01.
        #[verified]
        close_date: Option<Day> => set "estimatedclosedate" or empty,
        /// Percent.
        #[staff]
        probability: Option<Probability> => set "closeprobability" or empty,
        /// Won, Canceled and Out-Sold close it; an open status reopens it.
        #[verified]
        status: Option<OpportunityStatus> => apart "statuscode",
        /// Replaces the old one.
        #[staff]
        description: Option<Paragraph<2000>> => set "description" or empty,
        /// Fields to empty.
        #[verified]
        clear: Option<Clear<Arguments>> => clears [],
    }
}

/// The column of the estimated value.
const VALUE: &str = "estimatedvalue";

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Updated {
    #[verified]
    id: Uuid,
    #[verified]
    name: Option<String>,
    #[staff]
    url: String,
    #[verified]
    changes: Vec<Change>,
}

crm::records!(Updated: id);

impl Tool for UpdateOpportunity {
    const NAME: &'static str = "dynamics365_update_opportunity";
    const TITLE: &'static str = "Update opportunity";
    const DESCRIPTION: &'static str = "Change a deal's stage, value, close date, probability or \
        description; win, lose or reopen it. Confirm with the visitor first.";
    const ASK_FIRST: &'static str = "Confirm with the visitor first.";
    const FOR: Access = Access::Chosen(visible::Choice::UpdateOpportunity);
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
        arguments.check_wanted()?;
        let mut reads = Reads::new();
        let opportunity = reads.seek_with(&arguments.opportunity, |query| {
            query.select(Arguments::columns()).expand(money::currency())
        });
        let record = reads.send(context).await?.found(opportunity)?;

        let from = OpportunityStatus::of(&record, STATUS);
        let status = arguments.status.filter(|status| from.as_deref() != Some(status.label()));
        let mut edit = Edit::of(&record, OPPORTUNITY)?;
        arguments.edit(&mut edit);
        if arguments.clears_value() {
            keep_value(&mut edit);
        }
        if let Some(status) = status {
            edit.note("status", from.clone().map(Value::from), status.label());
        }
        let target = edit.target();
        let sets_value = arguments.estimated_value.is_some() || arguments.clears_value();
        let was_computed = sets_value && is_computed(&record);
        let (changes, details) = edit.finish();
        let transition =
            status.map(|status| transition(context, target, &record, status, &arguments));
        let is_open = opportunity::is_open(&record);
        let operations = operations(target, is_open, details, transition).map_err(|Closed| {
            let reopen_with = Some(OpportunityStatus::InProgress.label());
            ToolError::already_closed("opportunity", from, reopen_with)
        })?;
        let target = match status {
            // Winning writes the value as the actual revenue.
            Some(OpportunityStatus::Won) => target.drawn_from(&["estimatedvalue"]),
            _ => target,
        };
        let consequence = consequence(context, &record, status, &arguments, &changes);
        let answers = carry_out(
            context,
            target,
            operations,
            status.map(OpportunityStatus::value),
            Some(consequence),
        )
        .await?;
        let changes =
            with_stored_money(&record, answers.as_deref(), changes, ("estimated_value", VALUE));

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

/// What must be said yes to before a deal changes.
fn consequence(
    context: &Context,
    opportunity: &Record,
    status: Option<OpportunityStatus>,
    arguments: &Arguments,
    changes: &[Change],
) -> Consequence {
    let name = quoted(opportunity.text("name").unwrap_or_default());
    let revenue = arguments.revenue(opportunity);
    match status {
        Some(OpportunityStatus::Won) => {
            let sentence = format!("Win the opportunity {name}.");
            let consequence = Consequence::new(Yes::Button, sentence).changing(changes);
            if context.is_for_visitor() {
                consequence.of(revenue.unwrap_or_default())
            } else {
                consequence.making(json!({ "actual_value": revenue }))
            }
        }
        Some(status @ (OpportunityStatus::Canceled | OpportunityStatus::OutSold)) => {
            let sentence = format!("Lose the opportunity {name}: {}.", status.label());
            Consequence::new(Yes::Button, sentence).changing(changes)
        }
        _ => {
            let sentence = format!("Change the opportunity {name}.");
            Consequence::new(Yes::Message, sentence).changing(changes)
        }
    }
}

/// Sets the stage, which is in two columns.
fn by_stage(edit: &mut Edit<'_>, stage: Option<SalesStage>) {
    let from = opportunity::stage(edit.record());
    if let Some(stage) = stage.filter(|stage| from.as_deref() != Some(stage.label())) {
        edit.note("stage", from.map(Value::from), stage.label());
        edit.column("salesstage", stage.value());
        edit.column("stepname", pipeline_phase(stage));
    }
}

fn by_value(edit: &mut Edit<'_>, value: Option<Amount>) {
    if value.is_some() {
        keep_value(edit);
    }
    edit.money("estimated_value", VALUE, value);
}

/// Lets Dynamics no longer compute the value. Otherwise the given one is lost.
fn keep_value(edit: &mut Edit<'_>) {
    if is_computed(edit.record()) {
        edit.column("isrevenuesystemcalculated", false);
    }
}

impl Arguments {
    /// Whether the call empties the value.
    fn clears_value(&self) -> bool {
        self.clear.as_ref().is_some_and(|clear| clear.has("estimated_value"))
    }

    /// The value that the opportunity has after the changes.
    fn revenue(&self, opportunity: &Record) -> Option<Value> {
        let kept = || opportunity.value("estimatedvalue").filter(|_| !self.clears_value());
        self.estimated_value.map(Value::from).or_else(kept)
    }
}

/// Whether Dynamics computes the value from the product lines.
fn is_computed(opportunity: &Record) -> bool {
    opportunity.boolean("isrevenuesystemcalculated") == Some(true)
}

/// The change to a status. Winning and losing are actions: Dataverse refuses an update of the
/// state.
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
        OpportunityStatus::Won => (WIN_OPPORTUNITY, "Won in chat"),
        OpportunityStatus::Canceled | OpportunityStatus::OutSold => {
            (LOSE_OPPORTUNITY, "Lost in chat")
        }
    };
    let mut close = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.opportunityclose",
        "subject": subject,
        "actualend": context.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "opportunityid@odata.bind": bind(OPPORTUNITY, opportunity.id),
    });
    let revenue = arguments.revenue(record);
    if let Some(revenue) = revenue.filter(|_| status == OpportunityStatus::Won) {
        close["actualrevenue"] = revenue;
    }
    let action = Action::unbound(action)
        .parameter("OpportunityClose", close)
        .parameter("Status", status.value());
    Transition::close(action)
}
