//! Codes by mail: who a visitor is, and that a new address is theirs.

use std::collections::BTreeSet;

use auth::{EmailColumn, MailLanguage, Visitors};
use jiff::SignedDuration;
use seal::{Company, Language, Mail, Mailer, Template};
use visitor::Address;

use crate::contract::behalf::Way;
use crate::{Context, ErrorCode, NoCode, ToolError, Verification, WriteState};

/// What a code is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFor {
    /// Who the visitor is.
    SignIn,
    /// That a new address of a visitor who is known is theirs.
    NewAddress,
}

/// How long an address counts that a visitor has shown to be theirs.
pub(crate) const SHOWN_FOR: SignedDuration = SignedDuration::from_mins(30);

/// The most addresses in a chat that a code is sent to because a visitor wants to have them.
const NEW_ADDRESSES: u64 = 5;

/// What the connection and the deployment have for codes.
pub struct Codes<'a> {
    context: &'a Context,
    visitors: &'a Visitors,
    codes: &'a auth::Codes,
    verification: &'a Verification,
}

impl Context {
    /// What the connection and the deployment have for codes.
    ///
    /// # Errors
    ///
    /// `forbidden` if the call is not for a visitor, or if one of them has nothing;
    /// `invalid_arguments` if the call does not say which chat it is.
    pub fn codes(&self) -> Result<Codes<'_>, ToolError> {
        let visitors = self.visitors().ok_or_else(|| {
            ToolError::new(
                ErrorCode::Forbidden,
                "this tool is for visitors, and this API key is for staff",
            )
            .write(WriteState::NotHappened)
        })?;
        if !self.has_conversation() {
            return Err(ToolError::new(
                ErrorCode::InvalidArguments,
                "a code needs the header X-Conversation-Id: it counts in that chat alone",
            )
            .next_step("Offer a person: the visitor cannot be verified here.")
            .write(WriteState::NotHappened));
        }
        let codes = visitors.codes.as_ref().ok_or_else(not_taken)?;
        let verification = self.verification().ok_or_else(no_mail)?;
        Ok(Codes { context: self, visitors, codes, verification })
    }

    /// Checks that a visitor has shown that a new address is theirs. If not, a code is sent there.
    ///
    /// # Errors
    ///
    /// `visitor_unverified`: not yet. The errors of [`Context::codes`].
    pub async fn check_new_address(&self, email: &str) -> Result<(), ToolError> {
        let codes = self.codes()?;
        let address = Address::parse(email)
            .map_err(|_| ToolError::invalid("email", "must be one address in ASCII"))?;
        if self.chat.shown_address(self).await.is_some_and(|shown| shown == address) {
            return Ok(());
        }
        let mailer = codes.mailer()?;
        self.chat.admit_new_address(self, NEW_ADDRESSES).await?;
        let mail = codes.new_code(&address, CodeFor::NewAddress).await?;
        let to = address.as_str().to_owned();
        self.afterwards(async move { sent(&mailer, &to, &mail).await });
        Err(ToolError::new(
            ErrorCode::VisitorUnverified,
            "a code was sent to the new address, which nobody has shown to be theirs yet",
        )
        .next_step("Ask for the code, pass it to dynamics365_verify_visitor, then call this again.")
        .write(WriteState::NotHappened))
    }

    /// Tells the old address of a visitor that it was changed, and knows the visitor by the new one from
    /// now on, where a code has shown who they are.
    pub async fn address_changed(&self, old: Option<String>, new: &str) {
        let (Ok(codes), Ok(address)) = (self.codes(), Address::parse(new)) else { return };
        if self.behalf.way() == Some(Way::Code) {
            self.chat.sign_in_as(self, &address).await;
        }
        let (Some(old), Ok(mailer), Ok(company)) =
            (old, codes.mailer(), Company::parse(&codes.codes.company))
        else {
            return;
        };
        let mail = Mail::of_changed_address(codes.language(), &company);
        self.afterwards(async move { sent(&mailer, &old, &mail).await });
    }
}

async fn sent(mailer: &Mailer, to: &str, mail: &Mail) {
    if let Err(error) = mailer.send(to, mail.subject(), mail.text()).await {
        tracing::error!(%error, to_do = error.cure(), "a mail to a visitor was not sent");
    }
}

impl Codes<'_> {
    /// Makes a code for this address, and the mail with it.
    ///
    /// # Errors
    ///
    /// `visitor_unverified` if so many were made that no more can be for a while, `service_unavailable`
    /// if the table or the keys do not answer.
    pub async fn new_code(&self, address: &Address, purpose: CodeFor) -> Result<Mail, ToolError> {
        let chat = &self.context.chat;
        let code = chat.new_code(self.context, self.verification, address, purpose).await;
        let code = code.map_err(no_code)?;
        let company = Company::parse(&self.codes.company).map_err(ToolError::internal)?;
        let own = self.codes.text.as_deref().map(Template::parse).transpose();
        let own = own.map_err(ToolError::internal)?;
        Ok(Mail::with_code(self.language(), &company, &code, own.as_ref()))
    }

    /// Sends mails.
    ///
    /// # Errors
    ///
    /// `forbidden` if the deployment has no address to send from, `internal` if the tool does not declare
    /// that it sends mails: its function may not.
    pub fn mailer(&self) -> Result<Mailer, ToolError> {
        if !self.context.sends_mail {
            return Err(ToolError::internal("the tool does not declare SENDS_MAIL"));
        }
        self.verification.mailer.clone().ok_or_else(no_mail)
    }

    /// The columns of a contact in which an address counts.
    pub fn email_columns(&self) -> &BTreeSet<EmailColumn> {
        &self.visitors.email_columns
    }

    fn language(&self) -> Language {
        match self.codes.language {
            MailLanguage::En => Language::English,
            MailLanguage::De => Language::German,
        }
    }
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

/// What a code has shown.
#[derive(Clone, Debug)]
pub enum Entered {
    /// Who the visitor is: somebody with this address.
    SignedIn(Address),
    /// That an address is the visitor's, too, who is known already.
    NewAddress,
}
