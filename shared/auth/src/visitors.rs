//! What a connection lets visitors do, and how it knows who they are.

use std::collections::BTreeSet;

use crm::visible::Choice;
use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;
use visitor::{Issuer, TokenSettings};

/// What a connection lets visitors do, and how it knows who they are. Without any settings, a visitor
/// is who the platform says, by the main email address, and may schedule appointments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "VisitorSettings")]
pub struct Visitors {
    /// Whether the word of a platform counts whose key vouches: `X-Visitor-Email`, `X-Visitor-Id`.
    pub platform: bool,
    /// Who signs tokens that say who a visitor is: `X-Visitor-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenSettings>,
    /// The mail with a code by which visitors show who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Codes>,
    /// What of their company's a visitor may see whose token has the company's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyAccess>,
    /// The columns of a contact in which an email address makes a visitor that contact.
    #[schemars(extend("minItems" = 1))]
    pub email_columns: BTreeSet<EmailColumn>,
    /// The column of a contact that holds what `X-Visitor-Id` says.
    pub id_column: ColumnName,
    /// What verified visitors may do or see beyond what is theirs in any case.
    pub allows: BTreeSet<Choice>,
    /// The ids of the price lists whose prices everybody may see.
    pub price_lists: BTreeSet<Uuid>,
    /// The most records that a chat may write while nobody knows the visitor.
    pub writes_per_conversation: u64,
    /// The most records that all such chats of an API key together may write in an hour.
    pub writes_per_hour: u64,
    /// The user who hosts the appointments that visitors schedule.
    pub organizer: Option<Uuid>,
    /// What the subject of a note begins with that verified visitors may read, with `public_notes`.
    #[schemars(extend("minLength" = 1, "maxLength" = 50))]
    pub note_mark: Option<String>,
    /// Which calls a visitor must have said yes to.
    pub confirm: Confirm,
    /// Whether a message of the visitor is enough for that, also for what cannot be undone.
    pub message_is_enough: bool,
}

/// Which calls somebody must have said yes to before they change anything.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[schemars(rename = "ConfirmPolicy")]
pub enum Confirm {
    /// None.
    #[default]
    None,
    /// Those that close, qualify, win or lose something, that make a quote or an appointment, or that
    /// change the data of a contact.
    Consequences,
}

impl Confirm {
    /// The name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The mail with a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CodeSettings")]
pub struct Codes {
    /// The company or site whose chat it is, as visitors know it.
    pub company: String,
    /// The language of the mail: `en` or `de`.
    #[serde(default)]
    pub language: MailLanguage,
    /// A text of your own, with `{code}` and, if you like, `{company}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The language of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailLanguage {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// What of their company's a visitor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompanyAccess {
    /// See its cases and its deals.
    Read,
}

/// A column of a contact that holds an email address.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EmailColumn {
    /// The main address.
    EmailAddress1,
    /// The second address.
    EmailAddress2,
    /// The third address.
    EmailAddress3,
}

impl EmailColumn {
    /// The column's logical name.
    pub fn as_str(self) -> &'static str {
        match self {
            EmailColumn::EmailAddress1 => "emailaddress1",
            EmailColumn::EmailAddress2 => "emailaddress2",
            EmailColumn::EmailAddress3 => "emailaddress3",
        }
    }
}

/// The logical name of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z][a-z0-9_]{0,99}$"))]
pub struct ColumnName(String);

impl ColumnName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ColumnName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<ColumnName, &'static str> {
        let is_name = name.len() <= 100
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if is_name {
            Ok(ColumnName(name))
        } else {
            Err("must be the logical name of a column, such as externaluseridentifier")
        }
    }
}

impl From<ColumnName> for String {
    fn from(name: ColumnName) -> String {
        name.0
    }
}

impl Visitors {
    /// Whether visitors are recognised by what this column of their contact holds.
    pub fn recognise_by(&self, column: &str) -> bool {
        let issuers = self.tokens.iter().flat_map(TokenSettings::issuers);
        let mut subjects = issuers.filter_map(Issuer::subject);
        self.id_column.as_str() == column
            || self.email_columns.iter().any(|one| one.as_str() == column)
            || subjects.any(|subject| subject.column() == column)
    }

    /// The settings as JSON for the connection's secret, with the secrets in them.
    pub(crate) fn to_secret(&self) -> Value {
        let mut settings = json!(self);
        if let Some(tokens) = &self.tokens {
            let tokens = tokens.to_secret();
            settings["tokens"] = serde_json::from_str(tokens.expose_secret()).unwrap_or_default();
        }
        settings
    }
}

impl Default for Visitors {
    fn default() -> Visitors {
        Visitors {
            platform: true,
            tokens: None,
            codes: None,
            company: None,
            email_columns: [EmailColumn::EmailAddress1].into(),
            id_column: ColumnName("contactid".to_owned()),
            allows: [Choice::Appointments].into(),
            price_lists: BTreeSet::new(),
            writes_per_conversation: 3,
            writes_per_hour: 60,
            organizer: None,
            note_mark: None,
            confirm: Confirm::None,
            message_is_enough: false,
        }
    }
}
