use crm::Linked;
use crm::case::{self, CaseSummary};
use crm::reference::Whose;
use crm::tables::{CASE, CONTACT};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_in_state};

use crate::state_filter::CaseFilter;
use crm::visible::{Access, Visible};

/// Lists the cases of a contact.
pub(crate) struct GetContactCases;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Whose,
    /// Default open.
    #[verified]
    status: Option<CaseFilter>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct ContactCases {
    /// Whose they are.
    #[verified]
    contact: Option<Linked>,
    /// The newest first.
    #[verified]
    cases: Vec<CaseSummary>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// Opens one of the cases: put its id in place of {id}.
    #[staff]
    case_url: Option<String>,
}

crm::records!(ContactCases: contact, cases);

impl Tool for GetContactCases {
    const NAME: &'static str = "dynamics365_get_contact_cases";
    const TITLE: &'static str = "Get contact's cases";
    const DESCRIPTION: &'static str = "List the support cases of one contact, as the customer or \
        as the primary contact. Use it to see what is open before creating a case.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvReadIncident"];
    const EXAMPLE: &'static str = r#"{"contact": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = ContactCases;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<ContactCases>, ToolError> {
        let Arguments { contact, status, limit } = arguments;
        let whose = context.of_whom(contact.0.is_some(), false);
        let contact = context.whose(contact)?;
        let limit = limit.unwrap_or_default();
        let status = status.unwrap_or(CaseFilter::Open);
        let of_contact = case::of_contact(&contact);
        let wanted = Filter::all([Some(of_contact.clone()), status.filter()].into_iter().flatten());
        let mut reads = Reads::new();
        let person = reads.seek(&contact);
        let cases = reads.add(
            Query::rows(CASE)
                .select(CaseSummary::COLUMNS)
                .filter(wanted)
                .order_by(Order::descending("createdon"))
                .top(limit.rows_to_ask_for()),
        );
        // The urgent case may be older than the cases that are shown.
        let urgent = reads.add(case::urgent_of(of_contact));
        let mut answers = reads.send(context).await?;
        let person = answers.found_of(person)?;
        let urgent = answers.page(urgent)?;
        let (cases, more) = limit.shown(&answers.page(cases)?, |record| {
            CaseSummary::of_one_of(
                &[person.as_ref().and_then(|it| it.id(CONTACT.key))],
                record,
                context.now(),
            )
        });
        let none = cases.is_empty();
        let none = none.then(|| none_in_state(status, CaseFilter::All, "cases", [whose]));
        let contact = person.and_then(|person| {
            let name = person.text("fullname").map(str::to_owned);
            Some(Linked { id: person.id(CONTACT.key)?, name, kind: None })
        });
        let case_url = context.list_url(CASE, &cases);
        Ok(Answer::new(ContactCases { contact, cases, more, case_url })
            .hint_if(none)
            .escalate(case::escalation(&urgent.records)))
    }
}
