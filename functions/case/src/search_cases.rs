use crm::case::{self, CaseSummary};
use crm::reference::{AccountRef, ContactRef};
use crm::tables::{ACCOUNT, CASE, CONTACT};
use crm::text::{Line, contains};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_in_state};

use crate::state_filter::CaseFilter;
use crm::visible::{Access, Visible};

/// Finds cases by title, number, contact or account.
pub(crate) struct SearchCases;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// A part of the title or of the case number.
    #[verified]
    query: Option<Line<200>>,
    /// Id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Id, name or web domain.
    #[staff]
    account: Option<AccountRef>,
    /// Default open.
    #[verified]
    status: Option<CaseFilter>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Cases {
    #[verified]
    cases: Vec<CaseSummary>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// Opens one of the cases: put its id in place of {id}.
    #[staff]
    case_url: Option<String>,
}

crm::records!(Cases: cases);

impl Tool for SearchCases {
    const NAME: &'static str = "dynamics365_search_cases";
    const TITLE: &'static str = "Search cases";
    const DESCRIPTION: &'static str = "Find support cases by title or case number, or of a contact \
        or account; at least one of these. Use it before creating one.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] =
        &["prvReadIncident", "prvReadContact", "prvReadAccount"];
    const EXAMPLE: &'static str = r#"{"query": "Safari", "status": null, "limit": 5}"#;

    type Arguments = Arguments;
    type Result = Cases;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Cases>, ToolError> {
        let Arguments { query, contact, account, status, limit } = arguments;
        if query.is_none() && contact.is_none() && account.is_none() && !context.is_for_visitor() {
            return Err(ToolError::needs_one_of("query, contact, account"));
        }
        let limit = limit.unwrap_or_default();
        let status = status.unwrap_or(CaseFilter::Open);

        let of_customer = Filter::all(
            [contact.as_ref().map(case::of_contact), account.as_ref().map(case::of_account)]
                .into_iter()
                .flatten(),
        );
        let has_customer = contact.is_some() || account.is_some();
        let which = [
            context.of_whom(contact.is_some(), account.is_some()),
            query.as_ref().map(|_| "that match the query"),
        ];
        let conditions = [
            status.filter(),
            query.as_ref().map(|text| {
                Filter::any(["title", "ticketnumber"].map(|column| contains(column, text.as_str())))
            }),
            has_customer.then(|| of_customer.clone()),
        ];
        let mut reads = Reads::new();
        // The contact and the account are read too, to be sure that each reference means exactly
        // one record.
        let contact = contact.as_ref().map(|contact| reads.seek(contact));
        let account = account.as_ref().map(|account| reads.seek(account));
        let cases = reads.add(
            Query::rows(CASE)
                .select(CaseSummary::COLUMNS)
                .filter(Filter::all(conditions.into_iter().flatten()))
                .order_by(Order::descending("createdon"))
                .top(limit.rows_to_ask_for()),
        );
        // The urgent case of the customer may not be among the cases that match the search.
        let urgent = has_customer.then(|| reads.add(case::urgent_of(of_customer)));
        let mut answers = reads.send(context).await?;
        let contact = answers.found_if(contact)?.and_then(|contact| contact.id(CONTACT.key));
        let account = answers.found_if(account)?.and_then(|account| account.id(ACCOUNT.key));
        let page = answers.page(cases)?;

        let escalation = match (urgent, page.records.as_slice()) {
            (Some(urgent), _) => case::escalation(&answers.page(urgent)?.records),
            (None, [only]) => case::escalation([only]),
            // The customer is unknown. Cases of other people are no reason to escalate.
            (None, _) => None,
        };
        let (cases, more) = limit.shown(&page, |record| {
            CaseSummary::of_one_of(&[contact, account], record, context.now())
        });
        let none = cases.is_empty();
        let none = none.then(|| none_in_state(status, CaseFilter::All, "cases", which));
        let case_url = context.list_url(CASE, &cases);
        Ok(Answer::new(Cases { cases, more, case_url }).hint_if(none).escalate(escalation))
    }
}
