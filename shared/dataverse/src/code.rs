//! The platform's error codes.
//!
//! Source: Microsoft's list of web service error codes, unless a code names another source.

/// A code of the platform that decides what a caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(ascii_case_insensitive)]
pub enum Code {
    /// The row does not exist.
    #[strum(serialize = "0x80040217")]
    NotFound,
    /// No row has these alternate key values.
    #[strum(serialize = "0x80060891")]
    KeyNotFound,
    /// A row with this primary key exists.
    #[strum(serialize = "0x80040237")]
    KeyExists,
    /// The row changed since it was read.
    #[strum(serialize = "0x80060882")]
    VersionMismatch,
    /// The organization's duplicate detection found one.
    #[strum(serialize = "0x80040333")]
    Duplicate,
    /// A privilege is missing. The message names it.
    #[strum(serialize = "0x80040220")]
    PrivilegeDenied,
    /// The token is good, but no user of the organization belongs to it.
    #[strum(serialize = "0x80072560")]
    NotAMember,
    /// The application user is disabled.
    #[strum(serialize = "0x80040225")]
    UserDisabled,
    /// The environment's IP firewall does not let the caller's address in. Source: an answer of the
    /// firewall that was recorded. Microsoft's list does not have this code.
    #[strum(serialize = "0x80095ffe")]
    AddressBlocked,
    /// The environment is disabled, or in administration mode.
    #[strum(serialize = "0x8004a104")]
    OrganizationDisabled,
    /// A name in the URL is unknown: a table, a column, a function.
    #[strum(serialize = "0x80060888")]
    UnknownName,
    /// A name in the URL is unknown: a table, a function or an action. Source: Microsoft's page on
    /// errors of Web API clients.
    #[strum(serialize = "0x8006088a")]
    UnknownSegment,
    /// The body names something that the table does not have, or has a value of a wrong type.
    #[strum(serialize = "0x80048d19")]
    BadPayload,
    /// The request was refused before it came to the platform: it names a column or a property that
    /// does not exist. Source: Microsoft's page on errors of Web API clients.
    #[strum(serialize = "0x0")]
    Zero,
    /// "An unexpected error occurred". With status 400, the platform cannot carry out the query.
    #[strum(serialize = "0x80040216")]
    Unexpected,
    /// A plug-in or a workflow refused, or broke.
    #[strum(serialize = "0x80040265")]
    Customization,
    /// A plug-in or a workflow broke.
    #[strum(serialize = "0x80040224")]
    CustomizationBroke,
    /// The case is resolved already.
    #[strum(serialize = "0x800404cf")]
    CaseAlreadyResolved,
    /// The case is resolved or canceled already.
    #[strum(serialize = "0x80044411")]
    CaseAlreadyClosed,
    /// The opportunity is won or lost already.
    #[strum(serialize = "0x80040515")]
    OpportunityAlreadyClosed,
    /// The lead is qualified or disqualified already.
    #[strum(serialize = "0x80040519")]
    LeadAlreadyClosed,
    /// The case has open activities: it cannot be resolved.
    #[strum(serialize = "0x8004440a")]
    CaseOpenActivities,
    /// The case has open activities: it cannot be canceled.
    #[strum(serialize = "0x8004440e")]
    CaseOpenActivitiesCancel,
    /// The row is inactive and cannot be changed.
    #[strum(serialize = "0x80040230")]
    Inactive,
    /// The row is read-only.
    #[strum(serialize = "0x8004022e")]
    ReadOnly,
    /// Two requests wait for the same lock.
    #[strum(serialize = "0x80044339")]
    Lock,
    /// A query took longer than SQL Server allows.
    #[strum(serialize = "0x80044151")]
    SqlTimeout,
}

impl Code {
    /// The code as Dataverse writes it: `0x80040217`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
