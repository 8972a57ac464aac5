use crm::reference::{ContactRef, Reference as _};
use crm::tables::CONTACT;
use crm::text::{EmailAddress, Line, Paragraph};
use dataverse::Update;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::{Access, Answer, Change, Changes, Context, Tool, ToolError};
use uuid::Uuid;

/// Changes how a contact can be reached, and what is known about the person.
pub(crate) struct UpdateContact;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The contact: id, email address or full name.
    contact: ContactRef,
    /// New business phone.
    phone: Option<Line<50>>,
    /// New mobile phone.
    mobile_phone: Option<Line<50>>,
    /// New main email address.
    email: Option<EmailAddress>,
    /// New job title.
    job_title: Option<Line<100>>,
    /// New description; replaces the old one.
    description: Option<Paragraph<2000>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Updated {
    id: Uuid,
    name: Option<String>,
    url: String,
    changes: Vec<Change>,
}

impl Tool for UpdateContact {
    const NAME: &'static str = "dynamics365_update_contact";
    const TITLE: &'static str = "Update contact";
    const DESCRIPTION: &'static str = "Change a contact's phone numbers, email address, job title \
        or description. Confirm the new values with the visitor first.";
    const ACCESS: Access = Access::Write;

    type Arguments = Arguments;
    type Result = Updated;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Updated>, ToolError> {
        let Arguments { contact, phone, mobile_phone, email, job_title, description } = arguments;
        let wanted: Vec<(&'static str, &'static str, Value)> = [
            ("phone", "telephone1", phone.map(Value::from)),
            ("mobile_phone", "mobilephone", mobile_phone.map(Value::from)),
            ("email", "emailaddress1", email.map(Value::from)),
            ("job_title", "jobtitle", job_title.map(Value::from)),
            ("description", "description", description.map(Value::from)),
        ]
        .into_iter()
        .filter_map(|(field, column, value)| Some((field, column, value?)))
        .collect();
        if wanted.is_empty() {
            return Err(ToolError::invalid(
                "phone, mobile_phone, email, job_title, description",
                "at least one of them must be given",
            ));
        }

        let query = contact.query().select(wanted.iter().map(|(_, column, _)| *column));
        let page = context.dataverse().list(&query).await?;
        let record = contact.one(page, context.instance())?;
        let (Some(id), Some(etag)) = (record.id(CONTACT.key), record.etag()) else {
            return Err(ToolError::internal("a contact without an id or a version"));
        };

        let mut update = Update::new(CONTACT, id, etag);
        let mut changes = Changes::new();
        for (field, column, value) in wanted {
            if changes.add(field, record.value(column).cloned(), value.clone()) {
                update = update.set(column, value);
            }
        }
        let nothing = changes.is_empty().then_some("The contact has these values already.");
        if nothing.is_none() {
            context.dataverse().update(&update).await?;
        }
        Ok(Answer::new(Updated {
            id,
            name: record.text("fullname").map(str::to_owned),
            url: context.instance().record_page(CONTACT.logical_name, id),
            changes: changes.into_vec(),
        })
        .hint_if(nothing))
    }
}
