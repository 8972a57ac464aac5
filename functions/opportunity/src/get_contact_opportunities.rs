use std::collections::BTreeMap;

use crm::contact::ContactSummary;
use crm::money::{self, Money};
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::Whose;
use crm::tables::OPPORTUNITY;
use dataverse::{Filter, Order, Query, Record};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_in_state};

use crate::state_filter::OpportunityFilter;
use crm::visible::{Access, Visible};

/// Lists the opportunities of a contact.
pub(crate) struct GetContactOpportunities;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Whose,
    /// Default all.
    #[verified]
    status: Option<OpportunityFilter>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct ContactOpportunities {
    #[verified]
    contact: Option<ContactSummary>,
    /// Open ones first, then the latest.
    #[verified]
    opportunities: Vec<OpportunitySummary>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// Opens one of the opportunities: put its id in place of {id}.
    #[staff]
    opportunity_url: Option<String>,
    /// What all open ones may bring, by currency.
    #[staff]
    open_value: Vec<Money>,
    /// Whether there are more open ones than were added up.
    #[staff]
    more_open: Option<bool>,
}

crm::records!(ContactOpportunities: contact, opportunities);

/// The most open opportunities that are added up.
const ADDED_UP: usize = 1000;

impl Tool for GetContactOpportunities {
    const NAME: &'static str = "dynamics365_get_contact_opportunities";
    const TITLE: &'static str = "Get contact's opportunities";
    const DESCRIPTION: &'static str = "List all deals of one contact, open and closed, with what \
        the open ones are worth: the history of deals.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvReadOpportunity"];
    const EXAMPLE: &'static str = r#"{"contact": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = ContactOpportunities;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<ContactOpportunities>, ToolError> {
        let Arguments { contact, status, limit } = arguments;
        let whose = context.of_whom(contact.0.is_some(), false);
        let contact = context.whose(contact)?;
        let limit = limit.unwrap_or_default();
        let status = status.unwrap_or(OpportunityFilter::All);
        let of_contact = opportunity::of_contact(&contact);
        let wanted = Filter::all([Some(of_contact.clone()), status.filter()].into_iter().flatten());
        let mut reads = Reads::new();
        let person = reads.seek_with(&contact, |query| query.select(ContactSummary::COLUMNS));
        let opportunities = reads.add(
            Query::rows(OPPORTUNITY)
                .select(OpportunitySummary::COLUMNS)
                .filter(wanted)
                .expand(money::currency())
                .order_by(Order::ascending("statecode"))
                .order_by(Order::descending("createdon"))
                .top(limit.rows_to_ask_for()),
        );
        // All open opportunities, also those that are not shown.
        let open = reads.add(
            Query::rows(OPPORTUNITY)
                .select(["estimatedvalue"])
                .filter(of_contact.and(opportunity::open()))
                .expand(money::currency())
                .top(ADDED_UP as u32 + 1),
        );
        let mut answers = reads.send(context).await?;
        let person = answers.found_of(person)?;
        let mut open = answers.page(open)?.records;
        let more_open = (open.len() > ADDED_UP).then_some(true);
        open.truncate(ADDED_UP);
        let open_value = totals(&open);
        let (opportunities, more) = limit.shown(&answers.page(opportunities)?, |record| {
            OpportunitySummary::of(record, context.now())
        });

        let none = opportunities.is_empty();
        let none =
            none.then(|| none_in_state(status, OpportunityFilter::All, "opportunities", [whose]));
        let opportunity_url = context.list_url(OPPORTUNITY, &opportunities);
        let contact = person.as_ref().and_then(ContactSummary::of);
        let contact = contact.map(|one| one.with_url(context.instance()));
        let found = ContactOpportunities {
            contact,
            opportunities,
            more,
            opportunity_url,
            open_value,
            more_open,
        };
        Ok(Answer::new(found).hint_if(none))
    }
}

/// The sum for each currency, because euros cannot be added to dollars.
fn totals(open: &[Record]) -> Vec<Money> {
    let mut totals: BTreeMap<Option<String>, Decimal> = BTreeMap::new();
    for Money { amount, currency } in
        open.iter().filter_map(|record| Money::of(record, "estimatedvalue"))
    {
        let total = totals.entry(currency).or_default();
        *total = total.saturating_add(amount);
    }
    totals.into_iter().map(|(currency, amount)| Money { amount, currency }).collect()
}
