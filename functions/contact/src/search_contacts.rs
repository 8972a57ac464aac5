use crm::contact::ContactSummary;
use crm::labels::ActiveState;
use crm::person;
use crm::tables::choices::in_state;
use crm::tables::{CONTACT, lookups};
use crm::text::Line;
use crm::visible::{Access, Visible};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError};

use crate::urgent::Urgent;

/// Finds contacts by name or email address.
pub(crate) struct SearchContacts;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
#[staff]
pub(crate) struct Arguments {
    /// Part of a name or email.
    query: Line<200>,
    /// Up to 25.
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct Contacts {
    contacts: Vec<ContactSummary>,
    /// Whether there are more than these.
    more: Option<bool>,
    /// Opens one of the contacts: put its id in place of {id}.
    contact_url: Option<String>,
}

crm::records!(Contacts: contacts);

/// The columns in which the words of a name may be.
const NAMES: [&str; 3] = ["fullname", "firstname", "lastname"];

impl Tool for SearchContacts {
    const NAME: &'static str = "dynamics365_search_contacts";
    const TITLE: &'static str = "Search contacts";
    const DESCRIPTION: &'static str = "Find contacts by name or email address, or a part of one. \
        The first look-up in a conversation, to learn who the visitor is.";
    const FOR: Access = Access::Staff;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact"];
    const EXAMPLE: &'static str = r#"{"query": "Brandt", "limit": 5}"#;

    type Arguments = Arguments;
    type Result = Contacts;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Contacts>, ToolError> {
        let limit = arguments.limit.unwrap_or_default();
        let is_found = || {
            person::matching(arguments.query.as_str(), &NAMES).and(in_state(ActiveState::Active))
        };
        let query = Query::rows(CONTACT)
            .select(ContactSummary::COLUMNS)
            .filter(is_found())
            .order_by(Order::ascending("fullname"))
            .top(limit.rows_to_ask_for());
        let of_found = [lookups::CASE_CONTACT, lookups::CASE_PERSON]
            .map(|customer| is_found().through(customer));
        let mut reads = Reads::new();
        let found = reads.add(query);
        let urgent = Urgent::seek(context, &mut reads, Filter::any(of_found), is_found());
        let mut answers = reads.send(context).await?;
        let page = answers.page(found)?;

        let (contacts, more) = limit.shown(&page, ContactSummary::of);
        let hint = match contacts.as_slice() {
            [] if arguments.query.as_str().contains('@') => {
                Some("No active contact matches. Ask for another address, or for the name.")
            }
            [] => Some("No active contact matches. Ask for another spelling or the email address."),
            [_] if more.is_none() => None,
            _ => Some("Several contacts match. Make sure which one is the visitor."),
        };
        let contact_url = context.list_url(CONTACT, &contacts);
        // Of several, it is not known whose the case is.
        let escalation =
            urgent.escalation(&mut answers).filter(|_| contacts.len() == 1 && more.is_none());
        Ok(Answer::new(Contacts { contacts, more, contact_url }).hint_if(hint).escalate(escalation))
    }
}
