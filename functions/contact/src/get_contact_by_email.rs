use crm::case;
use crm::contact::ContactSummary;
use crm::labels::{ActiveState, Choice as _};
use crm::reference::{ContactRef, ENOUGH, Reference as _, Unresolved, any_email};
use crm::tables::CONTACT;
use crm::tables::choices::is_in_state;
use crm::text::EmailAddress;
use crm::visible::{Access, Visible};
use dataverse::{Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, ErrorCode, Reads, Tool, ToolError};

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
}

crm::records!(ContactOfEmail: contact);

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
            .filter(any_email(arguments.email.as_str()))
            // Active contacts come first, because their state has the smaller number.
            .order_by(Order::ascending("statecode"))
            .order_by(Order::descending("modifiedon"))
            .top(ENOUGH);
        let whose = ContactRef::of_email(arguments.email.as_str());
        let mut reads = Reads::new();
        let found = reads.add(query);
        let urgent = Urgent::seek(context, &mut reads, case::of_contact(&whose), whose.filter());
        let mut answers = reads.send(context).await?;
        let found = answers.page(found)?.records;

        let contact = the_one(context, found)?;
        let is_inactive = contact.status.as_deref() == Some(ActiveState::Inactive.label());
        let inactive = is_inactive.then_some("This contact has been deactivated in the CRM.");
        let escalation = urgent.escalation(&mut answers);
        let contact = contact.with_url(context.instance());
        Ok(Answer::new(ContactOfEmail { contact }).hint_if(inactive).escalate(escalation))
    }
}

/// The contact that is meant among those with the address. A deactivated one is meant only where no other
/// is.
///
/// # Errors
///
/// `ambiguous`, if several share the address. Never for a visitor: all that are found are the visitor.
fn the_one(context: &Context, mut found: Vec<Record>) -> Result<ContactSummary, ToolError> {
    let is_active = |contact: &Record| is_in_state(contact, ActiveState::Active);
    if found.iter().any(is_active) {
        found.retain(is_active);
    }
    if found.len() > 1 && !context.is_for_visitor() {
        return Err(Unresolved::several::<ContactRef>(&found, context.instance()).into());
    }
    let contact = found.first().and_then(ContactSummary::of);
    contact.ok_or_else(|| {
        ToolError::new(ErrorCode::NotFound, "no contact has that email address")
            .next_step(ContactRef::NO_SUCH_EMAIL)
    })
}
