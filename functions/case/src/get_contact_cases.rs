use crm::case::{self, CaseSummary};
use crm::contact::ContactSummary;
use crm::reference::{ContactRef, Reference as _};
use crm::tables::CASE;
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Access, Answer, Context, Limit, Tool, ToolError};

use crate::state::Wanted;

/// Lists the cases of a contact.
pub(crate) struct GetContactCases;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The contact: id, email address or full name.
    contact: ContactRef,
    /// Open by default.
    status: Option<Wanted>,
    /// At most so many, 1 to 25; 5 by default.
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    contact: Option<ContactSummary>,
    /// The newest first.
    cases: Vec<CaseSummary>,
    /// Whether there are more than these.
    more: Option<bool>,
}

impl Tool for GetContactCases {
    const NAME: &'static str = "dynamics365_get_contact_cases";
    const TITLE: &'static str = "Get contact's cases";
    const DESCRIPTION: &'static str = "List the support cases of one contact, as the customer or \
        as the primary contact. Use it to see what is open before creating a case.";
    const ACCESS: Access = Access::Read;

    type Arguments = Arguments;
    type Result = Found;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Found>, ToolError> {
        let Arguments { contact, status, limit } = arguments;
        let limit = limit.unwrap_or_default();
        let of_contact = case::of_contact(&contact);
        let wanted = Filter::all(
            [Some(of_contact.clone()), status.unwrap_or(Wanted::Open).filter()]
                .into_iter()
                .flatten(),
        );
        let [person, cases, urgent] = context
            .dataverse()
            .list_all([
                contact.query().select(ContactSummary::COLUMNS),
                Query::rows(CASE)
                    .select(CaseSummary::COLUMNS)
                    .filter(wanted)
                    .order_by(Order::descending("createdon"))
                    .top(limit.rows_to_ask_for()),
                // The urgent one may be older than those that are shown.
                Query::rows(CASE)
                    .select(CaseSummary::COLUMNS)
                    .filter(Filter::all([of_contact, case::open(), case::urgent()]))
                    .order_by(Order::descending("isescalated"))
                    .top(1),
            ])
            .await?;
        let person = contact.one(person, context.instance())?;
        let (cases, more) = limit
            .shown(&cases, |record| CaseSummary::of(record, context.instance(), context.now()));
        let none = cases.is_empty().then_some("The contact has no such cases.");
        let contact = ContactSummary::of(&person, context.instance());
        Ok(Answer::new(Found { contact, cases, more })
            .hint_if(none)
            .escalate(case::escalation(&urgent.records)))
    }
}
