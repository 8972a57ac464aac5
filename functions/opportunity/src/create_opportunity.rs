use crm::labels::{Choice as _, SalesStage};
use crm::money::{self, Amount, Probability};
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::{AccountRef, ContactRef};
use crm::tables::{ACCOUNT, CONTACT, OPPORTUNITY};
use crm::text::{Line, Paragraph};
use crm::time::Day;
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Earlier, Effect, Making, Reads, Tool, ToolError};
use uuid::Uuid;

use crate::stage::pipeline_phase;

/// Opens an opportunity for a contact, unless it is open already.
pub(crate) struct CreateOpportunity;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or full name.
    contact: ContactRef,
    /// What it is about, in one line.
    name: Line<300>,
    /// Id, name or web domain; default the contact's own.
    account: Option<AccountRef>,
    /// In the organization's currency.
    estimated_value: Option<Amount>,
    /// As 2026-12-01.
    close_date: Option<Day>,
    /// Percent.
    probability: Option<Probability>,
    stage: Option<SalesStage>,
    /// Need, budget, timeline, who decides.
    description: Option<Paragraph<2000>>,
    /// Even if the same is open.
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened {
    /// Whether this call made the opportunity; false where it was there already.
    created: bool,
    opportunity: OpportunitySummary,
}

crm::records!(Opened: opportunity);

const MADE_BEFORE: &str = "This call, or one at the same moment, had made the opportunity before.";

/// The columns that tell whose opportunity it is.
const CUSTOMER: [&str; 2] = ["_parentcontactid_value", "_customerid_value"];

impl Tool for CreateOpportunity {
    const NAME: &'static str = "dynamics365_create_opportunity";
    const TITLE: &'static str = "Create opportunity";
    const DESCRIPTION: &'static str = "Open a deal for a contact. If the contact has an open one \
        with that name, it is returned instead. Confirm with the visitor first.";
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadContact",
        "prvReadOpportunity",
        "prvCreateOpportunity",
        "prvAppendOpportunity",
        "prvAppendToContact",
        "prvAppendToAccount",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "name": "Kiosks for three branches", "estimated_value": 5670, "close_date": "2027-02-26", "probability": 30}"#;

    type Arguments = Arguments;
    type Result = Opened;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Opened>, ToolError> {
        let (mut before, customer) = Before::read(context, &arguments).await?;
        if let Some(earlier) = before.same_call.take() {
            let is_meant =
                |found: &Record| customer.as_ref().is_ok_and(|customer| customer.is_of(found));
            let opportunity = earlier.given(is_meant)?;
            return before.answer(context, &opportunity, false, Some(MADE_BEFORE));
        }
        let customer = customer?;
        let allow_duplicate = arguments.allow_duplicate.unwrap_or(false);
        if let Some(opportunity) = before.same_name.as_ref().filter(|_| !allow_duplicate) {
            let hint = "The contact has an open opportunity with this name: go on with that one. \
                        Call with allow_duplicate only if a second one is really meant.";
            return before.answer(context, opportunity, false, Some(hint));
        }

        let name = arguments.name.as_str().to_owned();
        let create = customer.create(context, arguments).allow_duplicate(allow_duplicate);
        let mut making = Making::new(create);
        if !allow_duplicate {
            let whose = customer.contact.to_string();
            making = making.once_for(context, &[&whose, &name], opportunity::is_open);
        }
        let made = making.carry_out(context, |found| customer.is_of(found)).await?;
        let hint = made.hint(MADE_BEFORE);
        before.answer(context, &made.record, made.created, hint)
    }
}

/// Whose opportunity it is.
struct Customer {
    contact: Uuid,
    account: Option<Uuid>,
}

impl Customer {
    /// The contact, and the account that was given, else the one that the contact belongs to.
    fn of(contact: &Record, account: Option<&Record>) -> Result<Customer, ToolError> {
        let employer = contact.lookup("_parentcustomerid_value").filter(|company| {
            // A contact may belong to another contact, too.
            company.table.as_deref() == Some(ACCOUNT.logical_name)
        });
        let without_id = || ToolError::internal("a contact without an id");
        Ok(Customer {
            contact: contact.id(CONTACT.key).ok_or_else(without_id)?,
            account: match account {
                Some(account) => account.id(ACCOUNT.key),
                None => employer.map(|company| company.id),
            },
        })
    }

    /// Whether it is an opportunity of this customer.
    fn is_of(&self, opportunity: &Record) -> bool {
        CUSTOMER.iter().any(|column| opportunity.id(column) == Some(self.contact))
    }

    fn create(&self, context: &Context, arguments: Arguments) -> Create {
        let has_value = arguments.estimated_value.is_some();
        let create = Create::new(OPPORTUNITY, context.record_id())
            .set("name", Some(arguments.name))
            .set("description", arguments.description)
            .set("estimatedvalue", arguments.estimated_value)
            // Else Dynamics computes the value from the product lines, of which there are none.
            .set("isrevenuesystemcalculated", has_value.then_some(false))
            .set("estimatedclosedate", arguments.close_date)
            .set("closeprobability", arguments.probability)
            .set("salesstage", arguments.stage.map(SalesStage::value))
            .set("stepname", arguments.stage.map(pipeline_phase))
            .bind("parentcontactid", CONTACT, self.contact)
            .select(OpportunitySummary::COLUMNS)
            .select(CUSTOMER)
            .expand(money::currency());
        match self.account {
            Some(account) => create.bind("parentaccountid", ACCOUNT, account).bind(
                "customerid_account",
                ACCOUNT,
                account,
            ),
            None => create.bind("customerid_contact", CONTACT, self.contact),
        }
    }
}

/// What there is before anything is created.
struct Before {
    /// The opportunity that an earlier, equal call made.
    same_call: Option<Earlier>,
    /// An open opportunity of the contact with this name.
    same_name: Option<Record>,
    /// Open opportunities of the contact: enough to know whether there is another one.
    open: Vec<Record>,
}

impl Before {
    /// One trip for all of it. Whose opportunity it is to be stands apart: what an equal call made
    /// is there, whatever has become of its customer since.
    async fn read(
        context: &Context,
        arguments: &Arguments,
    ) -> Result<(Before, Result<Customer, ToolError>), ToolError> {
        let Arguments { contact, account, name, .. } = arguments;
        let open = || {
            Query::rows(OPPORTUNITY)
                .filter(opportunity::of_contact(contact))
                .filter(opportunity::open())
        };
        let mut reads = Reads::new();
        let same_call = reads.same_call(context, |id| {
            Query::row(OPPORTUNITY, id)
                .select(OpportunitySummary::COLUMNS)
                .select(CUSTOMER)
                .expand(money::currency())
        });
        let same_name = reads.add(
            open()
                .select(OpportunitySummary::COLUMNS)
                .expand(money::currency())
                .filter(Filter::equals("name", name.as_str()))
                .order_by(Order::descending("createdon"))
                .top(1),
        );
        let two = reads.add(open().select([OPPORTUNITY.key]).top(2));
        let contact = reads.seek_with(contact, |query| query.select(["_parentcustomerid_value"]));
        let account = account.as_ref().map(|account| reads.seek(account));

        let mut answers = reads.send(context).await?;
        let before = Before {
            same_call: answers.same_call(same_call)?,
            same_name: answers.first(same_name)?,
            open: answers.page(two)?.records,
        };
        let customer = answers.found(contact).and_then(|contact| {
            let account = answers.found_if(account)?;
            Customer::of(&contact, account.as_ref())
        });
        Ok((before, customer))
    }

    fn answer(
        &self,
        context: &Context,
        opportunity: &Record,
        created: bool,
        hint: Option<&str>,
    ) -> Result<Answer<Opened>, ToolError> {
        let opportunity = OpportunitySummary::of(opportunity)
            .ok_or_else(|| ToolError::internal("an opportunity without an id"))?
            .with_url(context.instance());
        let is_other = |other: &Record| other.id(OPPORTUNITY.key) != Some(opportunity.id);
        // Without their names: what somebody wrote must not read as a hint of ours.
        let others = self.open.iter().any(is_other).then_some(
            "The contact has other open opportunities: dynamics365_get_contact_opportunities lists \
             them.",
        );
        Ok(Answer::new(Opened { created, opportunity }).hint_if(hint).hint_if(others))
    }
}
