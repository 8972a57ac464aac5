use crm::case;
use crm::contact::ContactSummary;
use crm::reference::{ContactRef, Merged, Reference, any_email, without_merged};
use crm::tables::CONTACT;
use crm::text::EmailAddress;
use crm::visible::{Access, Visible};
use dataverse::{Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, ErrorCode, Limit, Reads, Tool, ToolError};

use crate::inactive;
use crate::urgent::Urgent;

/// Reads the contact with exactly this email address.
pub(crate) struct GetContactByEmail;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The whole address.
    #[verified]
    email: EmailAddress,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct ContactOfEmail {
    #[verified]
    contact: ContactSummary,
    /// Other contacts with the same address.
    #[verified]
    also: Option<Vec<ContactSummary>>,
    /// Whether there are more of those.
    #[verified]
    more: Option<bool>,
}

crm::records!(ContactOfEmail: contact, also);

/// The contact and five others.
const SHOWN: Limit = Limit::of(6);

impl Tool for GetContactByEmail {
    const NAME: &'static str = "dynamics365_get_contact_by_email";
    const TITLE: &'static str = "Get contact by email";
    const DESCRIPTION: &'static str = "Look up one contact by exact email address. The fastest way \
        to find somebody.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact"];
    const EXAMPLE: &'static str = r#"{"email": "siobhan.orell@fabrikam.example"}"#;

    type Arguments = Arguments;
    type Result = ContactOfEmail;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<ContactOfEmail>, ToolError> {
        let query = Query::rows(CONTACT)
            .select(ContactSummary::COLUMNS)
            .select([Merged::COLUMN])
            .filter(any_email(arguments.email.as_str()))
            // Active contacts come first, because their state has the smaller number.
            .order_by(Order::ascending("statecode"))
            .order_by(Order::descending("modifiedon"))
            .top(SHOWN.rows_to_ask_for());
        let whose = ContactRef::of_email(arguments.email.as_str());
        let mut reads = Reads::new();
        let found = reads.add(query);
        let urgent = Urgent::seek(context, &mut reads, case::of_contact(&whose), whose.filter());
        let mut answers = reads.send(context).await?;
        let mut page = answers.page(found)?;
        page.records = without_merged::<ContactRef>(page.records);
        // Active contacts come first: if this one was merged, only others like it have the address.
        let merged = page.records.first().and_then(|contact| Merged::of(&whose, contact));
        if let Some(merged) = &merged {
            let master = ContactRef::from(merged.master());
            let master = Reference::query(&master).select(ContactSummary::COLUMNS);
            page.records = context.first(&master).await?.into_iter().collect();
        }

        let (mut contacts, more) = SHOWN.shown(&page, ContactSummary::of);
        // Of several, it is not known whose the case is.
        let escalation = urgent.escalation(&mut answers).filter(|_| contacts.len() == 1);
        if contacts.is_empty() {
            return Err(ToolError::new(ErrorCode::NotFound, "no contact has that email address")
                .next_step(
                    "Ask for another address, or look by name with dynamics365_search_contacts.",
                ));
        }
        let contact = contacts.remove(0).with_url(context.instance());
        let also = (!contacts.is_empty()).then_some(contacts);
        let shared = also
            .is_some()
            .then_some("Several contacts share this address. Make sure which one is the visitor.");
        Ok(Answer::new(ContactOfEmail { contact, also, more })
            .hint_if(shared)
            .hint_if(merged.as_ref().map(Merged::hint))
            .hint_if(page.records.first().and_then(inactive))
            .escalate(escalation))
    }
}
