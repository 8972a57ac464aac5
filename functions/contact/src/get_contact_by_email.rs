use crm::case;
use crm::contact::ContactSummary;
use crm::labels::ActiveState;
use crm::reference::{
    ContactRef, ENOUGH, Merged, Reference, Unresolved, any_email, without_merged,
};
use crm::tables::CONTACT;
use crm::tables::choices::is_in_state;
use crm::text::EmailAddress;
use crm::visible::{Access, Visible};
use dataverse::{Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, ErrorCode, Reads, Tool, ToolError};

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
            .select([Merged::COLUMN])
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
        let found = without_merged::<ContactRef>(answers.page(found)?.records);
        let mut contact = the_one(context, found)?;
        let mut escalation = urgent.escalation(&mut answers);
        // Only a contact that was merged has the address.
        let merged = Merged::of(&whose, &contact);
        if let Some(merged) = &merged {
            let master = ContactRef::from(merged.master());
            let mut reads = Reads::new();
            let found = reads.add(Reference::query(&master).select(ContactSummary::COLUMNS));
            let urgent =
                Urgent::seek(context, &mut reads, case::of_contact(&master), master.filter());
            let mut answers = reads.send(context).await?;
            contact = answers.first(found)?.ok_or_else(nobody)?;
            escalation = urgent.escalation(&mut answers);
        }
        let summary = ContactSummary::of(&contact).ok_or_else(nobody)?;
        let summary = summary.with_url(context.instance());
        Ok(Answer::new(ContactOfEmail { contact: summary })
            .hint_if(merged.as_ref().map(Merged::hint))
            .hint_if(inactive(&contact))
            .escalate(escalation))
    }
}

/// The contact that is meant among those with the address. A deactivated one is meant only where no other
/// is.
///
/// # Errors
///
/// `ambiguous`, if several share the address. Never for a visitor: all that are found are the visitor.
fn the_one(context: &Context, mut found: Vec<Record>) -> Result<Record, ToolError> {
    let is_active = |contact: &Record| is_in_state(contact, ActiveState::Active);
    if found.iter().any(is_active) {
        found.retain(is_active);
    }
    if found.len() > 1 && !context.is_for_visitor() {
        return Err(Unresolved::several::<ContactRef>(&found, context.instance()).into());
    }
    found.into_iter().next().ok_or_else(nobody)
}

fn nobody() -> ToolError {
    ToolError::new(ErrorCode::NotFound, "no contact has that email address")
        .next_step(ContactRef::NO_SUCH_EMAIL)
}
