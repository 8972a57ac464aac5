use auth::{Codes, EmailColumn, MailLanguage};
use crm::text::EmailAddress;
use crm::visible::{Access, Visible};
use crm::visitor::{Known, Resolved};
use dataverse::{Record, Session};
use schemars::JsonSchema;
use seal::{Code, CodeMail, Company, Language, Mailer, Template};
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Context, Effect, ErrorCode, NoCode, Tool, ToolError, Verification, Visitors, WriteState,
};
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
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact"];
    const EXAMPLE: &'static str = r#"{"email": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = Sent;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Sent>, ToolError> {
        let (visitors, codes, verification) = needed(context)?;
        let mailer = verification.mailer.clone().ok_or_else(no_mail)?;
        // An address with other characters is nobody's, and nobody hears of that.
        if let Ok(address) = Address::parse(arguments.email.as_str()) {
            let code = context.new_code(&address).await.map_err(no_code)?;
            let mail = mail(codes, &code)?;
            let columns =
                visitors.email_columns.iter().map(|column| EmailColumn::as_str(*column).into());
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

/// What the connection and the deployment have for codes.
pub(crate) fn needed(context: &Context) -> Result<(&Visitors, &Codes, &Verification), ToolError> {
    let visitors = context.visitors().ok_or_else(|| {
        ToolError::new(
            ErrorCode::Forbidden,
            "this tool is for visitors, and this API key is for staff",
        )
        .write(WriteState::NotHappened)
    })?;
    if !context.has_conversation() {
        return Err(ToolError::new(
            ErrorCode::InvalidArguments,
            "a code needs the header X-Conversation-Id: it counts in that chat alone",
        )
        .next_step("Offer a person: the visitor cannot be verified here.")
        .write(WriteState::NotHappened));
    }
    let codes = visitors.codes.as_ref().ok_or_else(not_taken)?;
    Ok((visitors, codes, context.verification().ok_or_else(no_mail)?))
}

fn not_taken() -> ToolError {
    ToolError::new(ErrorCode::Forbidden, "this connection sends no codes to visitors")
        .next_step("Offer a person: the visitor cannot be verified here.")
        .admin_action("To send codes, set codes in PUT /v1/connections/{id}/visitors.")
        .write(WriteState::NotHappened)
}

fn no_mail() -> ToolError {
    ToolError::new(ErrorCode::Forbidden, "this deployment sends no mails")
        .next_step("Offer a person: the visitor cannot be verified here.")
        .admin_action("To send mails, deploy with the parameter MailFrom.")
        .write(WriteState::NotHappened)
}

fn no_code(why: NoCode) -> ToolError {
    let error = match why {
        NoCode::TooMany => ToolError::new(
            ErrorCode::VisitorUnverified,
            "so many codes were sent to this address that no more can be sent for a while",
        )
        .next_step("Ask the visitor to look for the last code, or offer a person."),
        NoCode::NotNow => {
            ToolError::new(ErrorCode::ServiceUnavailable, "no code can be sent right now")
                .next_step("Apologise for the delay and try again shortly.")
        }
    };
    error.write(WriteState::NotHappened)
}

/// The mail with a code, as the connection wants it.
fn mail(codes: &Codes, code: &Code) -> Result<CodeMail, ToolError> {
    let company = Company::parse(&codes.company).map_err(ToolError::internal)?;
    let own =
        codes.text.as_deref().map(Template::parse).transpose().map_err(ToolError::internal)?;
    let language = match codes.language {
        MailLanguage::En => Language::English,
        MailLanguage::De => Language::German,
    };
    Ok(CodeMail::new(language, &company, code, own.as_ref()))
}

/// Sends the mail to the address that is stored on the contact, if there is one.
async fn send(session: Session, known: Known, mailer: Mailer, mail: CodeMail) {
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
