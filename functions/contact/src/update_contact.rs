use crm::reference::ContactRef;
use crm::tables::CONTACT;
use crm::text::{EmailAddress, Line, Paragraph};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Change, Context, Edit, Effect, Reads, Tool, ToolError, carry_out};
use uuid::Uuid;

/// Changes how a contact can be reached, and what is known about the person.
pub(crate) struct UpdateContact;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or full name.
    contact: ContactRef,
    phone: Option<Line<50>>,
    mobile_phone: Option<Line<50>>,
    email: Option<EmailAddress>,
    job_title: Option<Line<100>>,
    /// Replaces the old one.
    description: Option<Paragraph<2000>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Updated {
    id: Uuid,
    name: Option<String>,
    url: String,
    changes: Vec<Change>,
}

crm::records!(Updated: id);

/// What must be known of the contact before it is changed.
const COLUMNS: [&str; 6] =
    ["statecode", "telephone1", "mobilephone", "emailaddress1", "jobtitle", "description"];

impl Tool for UpdateContact {
    const NAME: &'static str = "dynamics365_update_contact";
    const TITLE: &'static str = "Update contact";
    const DESCRIPTION: &'static str = "Change a contact's phone numbers, email address, job title \
        or description. Confirm the new values with the visitor first.";
    const EFFECT: Effect = Effect::Changes;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvWriteContact"];
    const EXAMPLE: &'static str = r#"{"contact": "dario.velasco@northwind.example", "mobile_phone": "+1 206 555 0199", "job_title": "Head of Operations"}"#;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        let Arguments { contact, phone, mobile_phone, email, job_title, description } = arguments;
        let is_given = phone.is_some()
            || mobile_phone.is_some()
            || email.is_some()
            || job_title.is_some()
            || description.is_some();
        if !is_given {
            return Err(ToolError::needs_one_of(
                "phone, mobile_phone, email, job_title, description",
            ));
        }

        let mut reads = Reads::new();
        let record = reads.seek_with(&contact, |query| query.select(COLUMNS));
        let record = reads.send(context).await?.found(record)?;

        let mut edit = Edit::of(&record, CONTACT)?;
        edit.set("phone", "telephone1", phone);
        edit.set("mobile_phone", "mobilephone", mobile_phone);
        edit.set("email", "emailaddress1", email);
        edit.set("job_title", "jobtitle", job_title);
        edit.set("description", "description", description);
        let target = edit.target();
        let id = target.id;
        let nothing = edit.is_empty().then_some("The contact has these values already.");
        let (changes, update) = edit.finish();
        let operations = if nothing.is_none() { vec![update.into()] } else { Vec::new() };
        carry_out(context, target, operations, None).await?;
        Ok(Answer::new(Updated {
            id,
            name: record.text("fullname").map(str::to_owned),
            url: context.instance().record_page(CONTACT.logical_name, id),
            changes,
        })
        .hint_if(nothing))
    }
}
