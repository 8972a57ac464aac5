use crm::money;
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::{AccountRef, ContactRef};
use crm::tables::OPPORTUNITY;
use crm::text::{Line, contains, search_words};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_in_state};

use crate::state_filter::OpportunityFilter;
use crm::visible::{Access, Visible};

/// Finds opportunities by contact, by account or by name.
pub(crate) struct SearchOpportunities;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Id, name or web domain.
    #[staff]
    account: Option<AccountRef>,
    /// Words of the name.
    #[verified]
    query: Option<Line<300>>,
    /// Default open.
    #[verified]
    status: Option<OpportunityFilter>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Opportunities {
    /// The next to be decided first.
    #[verified]
    opportunities: Vec<OpportunitySummary>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// Opens one of the opportunities: put its id in place of {id}.
    #[staff]
    opportunity_url: Option<String>,
}

crm::records!(Opportunities: opportunities);

impl Tool for SearchOpportunities {
    const NAME: &'static str = "dynamics365_search_opportunities";
    const TITLE: &'static str = "Search opportunities";
    const DESCRIPTION: &'static str = "Find deals of a contact or account, or by name; at least \
        one of these. Use it before creating one.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] =
        &["prvReadAccount", "prvReadOpportunity", "prvReadContact"];
    const EXAMPLE: &'static str = r#"{"account": "Litware"}"#;

    type Arguments = Arguments;
    type Result = Opportunities;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<Opportunities>, ToolError> {
        let Arguments { contact, account, query, status, limit } = arguments;
        if query.is_none() && contact.is_none() && account.is_none() && !context.is_for_visitor() {
            return Err(ToolError::needs_one_of("contact, account, query"));
        }
        let limit = limit.unwrap_or_default();
        let status = status.unwrap_or(OpportunityFilter::Open);
        let which = [
            context.of_whom(contact.is_some(), account.is_some()),
            query.as_ref().map(|_| "that match the query"),
        ];

        let conditions = [
            status.filter(),
            query.as_ref().map(|query| {
                let words = search_words(query.as_str()).into_iter();
                Filter::all(words.map(|word| contains("name", word)))
            }),
            contact.as_ref().map(opportunity::of_contact),
            account.as_ref().map(opportunity::of_account),
        ];
        let mut reads = Reads::new();
        // The contact and the account are read too, to be sure that each reference means exactly
        // one record.
        let contact = contact.as_ref().map(|contact| reads.seek(contact));
        let account = account.as_ref().map(|account| reads.seek(account));
        let opportunities = reads.add(
            Query::rows(OPPORTUNITY)
                .select(OpportunitySummary::COLUMNS)
                .filter(Filter::all(conditions.into_iter().flatten()))
                .expand(money::currency())
                .order_by(Order::ascending("estimatedclosedate"))
                .top(limit.rows_to_ask_for()),
        );
        let mut answers = reads.send(context).await?;
        answers.found_if(contact)?;
        answers.found_if(account)?;
        let page = answers.page(opportunities)?;

        let (opportunities, more) =
            limit.shown(&page, |record| OpportunitySummary::of(record, context.now()));
        let none = opportunities.is_empty();
        let none =
            none.then(|| none_in_state(status, OpportunityFilter::All, "opportunities", which));
        let opportunity_url = context.list_url(OPPORTUNITY, &opportunities);
        Ok(Answer::new(Opportunities { opportunities, more, opportunity_url }).hint_if(none))
    }
}
