use crm::labels::{Choice, LeadSource, LeadState};
use crm::lead::LeadSummary;
use crm::person;
use crm::tables::LEAD;
use crm::tables::choices::in_state;
use crm::text::Line;
use crm::visible::{Access, Visible};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Tool, ToolError, none_of};

/// Finds leads by name, email address, company, source or status.
pub(crate) struct SearchLeads;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
#[staff]
pub(crate) struct Arguments {
    /// Part of a name, company or email.
    query: Option<Line<200>>,
    source: Option<LeadSource>,
    /// Default any.
    status: Option<LeadFilter>,
    /// Up to 25.
    limit: Option<Limit>,
}

crm::choice! {
    /// Which leads are meant.
    pub(crate) enum LeadFilter {
        Open = 0 "open",
        Qualified = 1 "qualified",
        Disqualified = 2 "disqualified",
    }
}

impl LeadFilter {
    fn state(self) -> LeadState {
        match self {
            LeadFilter::Open => LeadState::Open,
            LeadFilter::Qualified => LeadState::Qualified,
            LeadFilter::Disqualified => LeadState::Disqualified,
        }
    }
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct Leads {
    /// The newest first.
    leads: Vec<LeadSummary>,
    /// Whether there are more than these.
    more: Option<bool>,
    /// Opens one of the leads: put its id in place of {id}.
    lead_url: Option<String>,
}

crm::records!(Leads: leads);

/// The columns in which the words may be.
const NAMES: [&str; 2] = ["fullname", "companyname"];

impl Tool for SearchLeads {
    const NAME: &'static str = "dynamics365_search_leads";
    const TITLE: &'static str = "Search leads";
    const DESCRIPTION: &'static str = "Find leads by name, email, company, source or status; at \
        least one of these. Use it to see whether a visitor is a lead already.";
    const FOR: Access = Access::Staff;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadLead"];
    const EXAMPLE: &'static str = r#"{"query": "Tailspin"}"#;

    type Arguments = Arguments;
    type Result = Leads;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Leads>, ToolError> {
        let Arguments { query, source, status, limit } = arguments;
        if query.is_none() && source.is_none() && status.is_none() {
            return Err(ToolError::needs_one_of("query, source, status"));
        }
        let limit = limit.unwrap_or_default();
        let conditions = [
            query.as_ref().map(|query| person::matching(query.as_str(), &NAMES)),
            source.map(|source| Filter::equals("leadsourcecode", source.value())),
            status.map(|status| in_state(status.state())),
        ];
        let rows = Query::rows(LEAD)
            .select(LeadSummary::COLUMNS)
            .filter(Filter::all(conditions.into_iter().flatten()))
            .order_by(Order::descending("createdon"))
            .top(limit.rows_to_ask_for());
        let page = context.list(&rows).await?;

        let (leads, more) = limit.shown(&page, LeadSummary::of);
        let none = leads.is_empty().then(|| {
            let of_query = query.as_ref().map(|_| "that match the query");
            let which = [source.map(|_| "from that source"), of_query];
            match status.map(Choice::label) {
                Some(state) => {
                    let none = none_of(&format!("{state} leads"), which);
                    format!("{none} Without status, others would be found, too.")
                }
                None => none_of("leads", which),
            }
        });
        let lead_url = context.list_url(LEAD, &leads);
        Ok(Answer::new(Leads { leads, more, lead_url }).hint_if(none))
    }
}
