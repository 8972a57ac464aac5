use crm::reference::Whose;
use crm::tables::CONTACT;
use crm::text::{EmailAddress, Line, Paragraph, Phone, quoted};
use crm::visible::{Access, Visible};
use dataverse::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Change, Clear, Consequence, Context, Edit, Edits as _, Effect, Reads, Tool, ToolError,
    Yes, carry_out,
};
use uuid::Uuid;

/// Changes or empties the phone numbers, the email address, the job title or the description of a
/// contact.
pub(crate) struct UpdateContact;

toolkit::edits! {
    #[derive(Deserialize, JsonSchema, Visible)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Arguments {
        /// Id, email or name.
        #[verified]
        contact: Whose,
        #[verified]
        phone: Option<Phone<50>> => set "telephone1" or empty,
        #[verified]
        mobile_phone: Option<Phone<50>> => set "mobilephone" or empty,
        #[verified]
        email: Option<EmailAddress> => set "emailaddress1" or empty,
        #[verified]
        job_title: Option<Line<100>> => set "jobtitle" or empty,
        /// Replaces the old one.
        #[staff]
        description: Option<Paragraph<2000>> => set "description" or empty,
        /// Fields to empty.
        #[verified]
        clear: Option<Clear<Arguments>> => clears [],
    }
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Updated {
    #[verified]
    id: Uuid,
    #[verified]
    name: Option<String>,
    #[staff]
    url: String,
    #[verified]
    changes: Vec<Change>,
}

crm::records!(Updated: id);

impl Tool for UpdateContact {
    const NAME: &'static str = "dynamics365_update_contact";
    const TITLE: &'static str = "Update contact";
    const DESCRIPTION: &'static str = "Change a contact's phone numbers, email address, job title \
        or description. Confirm with the visitor first.";
    const ASK_FIRST: &'static str = "Confirm with the visitor first.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Changes;
    const SENDS_MAIL: bool = true;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvWriteContact"];
    const EXAMPLE: &'static str = r#"{"contact": "dario.velasco@northwind.example", "mobile_phone": "+1 206 555 0199", "job_title": "Head of Operations"}"#;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        arguments.check_wanted()?;
        check_for_visitor(context, &arguments)?;
        let contact = context.whose(arguments.contact.clone())?;
        let mut reads = Reads::new();
        let contact = reads.seek_with(&contact, |query| query.select(Arguments::columns()));
        let record = reads.send(context).await?.found(contact)?;

        let mut edit = Edit::of(&record, CONTACT)?;
        arguments.edit(&mut edit);
        let target = edit.target();
        let id = target.id;
        let old = record.text("emailaddress1").map(str::to_owned);
        let new = arguments.email.as_ref().map(EmailAddress::as_str);
        let new = new.filter(|new| context.is_for_visitor() && old.as_deref() != Some(*new));
        if let Some(new) = new {
            context.check_new_address(new).await?;
        }
        let nothing = edit.is_empty().then_some("The contact has these values already.");
        let (changes, update) = edit.finish();
        let operations = if nothing.is_none() { vec![update.into()] } else { Vec::new() };
        let consequence = consequence(&record, &changes);
        carry_out(context, target, operations, None, Some(consequence)).await?;
        if let Some(new) = new {
            context.address_changed(old, new).await;
        }
        Ok(Answer::new(Updated {
            id,
            name: record.text("fullname").map(str::to_owned),
            url: context.instance().record_page(CONTACT.logical_name, id),
            changes,
        })
        .hint_if(nothing))
    }
}

/// What must be said yes to. Somebody is recognised by addresses and numbers.
fn consequence(contact: &Record, changes: &[Change]) -> Consequence {
    let is_identity = |change: &Change| matches!(change.field, "email" | "phone" | "mobile_phone");
    let takes = if changes.iter().any(is_identity) { Yes::Button } else { Yes::Message };
    let name = contact.text("fullname").unwrap_or_default();
    Consequence::new(takes, format!("Change the contact {}.", quoted(name))).changing(changes)
}

/// Refuses a change of what the connection recognises its visitors by: of their number, and of their
/// address, which they may change but not take away.
fn check_for_visitor(context: &Context, arguments: &Arguments) -> Result<(), ToolError> {
    let Some(visitors) = context.visitors() else { return Ok(()) };
    let refused = |field: &str, problem: &str| {
        let next_step = "Offer a person: visitors are recognised by it.";
        Err(ToolError::invalid(field, problem).next_step(next_step))
    };
    let clears = |field: &str| arguments.clear.as_ref().is_some_and(|clear| clear.has(field));
    let numbers = [
        ("phone", "telephone1", &arguments.phone),
        ("mobile_phone", "mobilephone", &arguments.mobile_phone),
    ];
    for (field, column, number) in numbers {
        let changes = number.is_some() || clears(field);
        if changes && visitors.recognise_by(column) {
            return refused(field, "cannot be changed in a chat");
        }
    }
    if clears("email") && visitors.recognise_by("emailaddress1") {
        return refused("email", "cannot be cleared in a chat");
    }
    Ok(())
}
