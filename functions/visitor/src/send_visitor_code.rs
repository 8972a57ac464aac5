use auth::EmailColumn;
use crm::text::EmailAddress;
use crm::visible::{Access, Visible};
use crm::visitor::{Known, Resolved};
use dataverse::{Record, Session};
use schemars::JsonSchema;
use seal::{Mail, Mailer};
use serde::{Deserialize, Serialize};
use toolkit::{Answer, CodeFor, Context, Effect, Tool, ToolError};
use visitor::Address;

/// Sends a code to the address of a contact.
pub(crate) struct SendVisitorCode;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The visitor's.
    #[open]
    email: EmailAddress,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Sent {
    /// For how many minutes a code can be entered, if one was sent.
    #[open]
    minutes: u64,
}

crm::records!(Sent:);

impl Tool for SendVisitorCode {
    const NAME: &'static str = "dynamics365_send_visitor_code";
    const TITLE: &'static str = "Send code";
    const DESCRIPTION: &'static str = "Mail the visitor a code, when personal data is needed.";
    const FOR: Access = Access::Open;
    const IS_FOR_STAFF: bool = false;
    const EFFECT: Effect = Effect::Adds;
    const REACHES_OUT: bool = true;
    const SENDS_MAIL: bool = true;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact"];
    const EXAMPLE: &'static str = r#"{"email": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = Sent;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Sent>, ToolError> {
        let codes = context.codes()?;
        // An address with other characters is nobody's, and nobody hears of that.
        if let Ok(address) = Address::parse(arguments.email.as_str()) {
            let mail = codes.new_code(&address, CodeFor::SignIn).await?;
            let (mailer, columns) = (codes.mailer()?, codes.email_columns());
            let columns = columns.iter().map(|column| EmailColumn::as_str(*column).into());
            let known =
                Known::Address { address: address.as_str().to_owned(), columns: columns.collect() };
            // Whether anybody has the address shows after the answer, and to nobody but them.
            context.afterwards(send(context.session_for_later(), known, mailer, mail));
        }
        let minutes = toolkit::CODE_LIVES.as_mins().unsigned_abs();
        Ok(Answer::new(Sent { minutes }).hint(
            "If the address is known, a code is on its way there. Ask for it, and pass it to \
             dynamics365_verify_visitor.",
        ))
    }
}

/// Sends the mail to the address that is stored on the contact, if there is one.
async fn send(session: Session, known: Known, mailer: Mailer, mail: Mail) {
    let page = match session.list(&known.query()).await {
        Ok(page) => page,
        Err(error) => {
            let cause = ToolError::from(error);
            tracing::error!(code = %cause.code(), "no code was sent: contacts could not be read");
            return;
        }
    };
    if !matches!(known.resolve(&page.records), Resolved::Exactly(_) | Resolved::About(_)) {
        return;
    }
    let Some(to) = page.records.iter().find_map(|contact| stored(&known, contact)) else { return };
    if let Err(error) = mailer.send(to, mail.subject(), mail.text()).await {
        tracing::error!(%error, to_do = error.cure(), "no code was sent");
    }
}

/// The address as the contact has it.
fn stored<'a>(known: &Known, contact: &'a Record) -> Option<&'a str> {
    let Known::Address { address, columns } = known else { return None };
    let texts = columns.iter().filter_map(|column| contact.text(column.as_str()));
    texts.into_iter().find(|text| text.eq_ignore_ascii_case(address))
}
