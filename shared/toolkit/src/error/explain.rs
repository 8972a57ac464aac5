//! Explains errors of the lower layers to callers. [`Diagnosis`] explains problems of a connection.

use auth::{
    Cause, ConnectionError, Diagnosis, EntraError, EntraProblem, InspectionError, SecretError,
    Step, TokenError,
};
use crm::tables::{self, App};
use dataverse::{ApiError, Cloud, Code, Error, WriteOutcome};

use crate::{DataverseDetails, ErrorCode, ToolError, WriteState};

const BOT_CANNOT_MEND: &str = "Say that the CRM cannot be reached right now, and offer a person; \
                               the connection must be mended by its administrator.";
const BOT_TRY_LATER: &str = "Apologise for the delay and try again shortly.";

const BOT_CANNOT_DO: &str =
    "Say that this cannot be done here and a colleague can, and offer to hand over.";
const BOT_CANNOT_DO_NOW: &str = "Say that this cannot be done right now, and offer a person.";

impl ToolError {
    /// With advice for an administrator, where the advice was for a bot that talks to a visitor.
    #[must_use]
    pub fn to_administrator(mut self) -> ToolError {
        self.0.is_for_administrator = true;
        let advice = match self.advice() {
            Some(BOT_TRY_LATER) => "Try again shortly.",
            Some(BOT_CANNOT_MEND | BOT_CANNOT_DO | BOT_CANNOT_DO_NOW) => {
                match self.administrators_action() {
                    Some(_) => "Do what admin_action says, and try again.",
                    None => "Look at what Dynamics 365 answered, in detail and dataverse.",
                }
            }
            _ => return self,
        };
        self.next_step(advice)
    }
}

const MICROSOFTS_STATUS: &str = "look at https://status.cloud.microsoft";

fn the_way_to_entra() -> String {
    let host = |cloud: Cloud| cloud.hosts().entra;
    format!(
        "let the functions reach {} (in the national clouds {} or {}) over HTTPS, by the routes, \
         security groups and firewalls of their VPC if they are in one",
        host(Cloud::Public),
        host(Cloud::GccHigh),
        host(Cloud::China)
    )
}

impl From<Diagnosis> for ToolError {
    fn from(diagnosis: Diagnosis) -> ToolError {
        ToolError::new(ErrorCode::ConnectionBroken, diagnosis.detail)
            .cause(diagnosis.cause)
            .admin_action(diagnosis.action)
            .next_step(BOT_CANNOT_MEND)
    }
}

fn unavailable(detail: impl Into<String>) -> ToolError {
    ToolError::new(ErrorCode::DynamicsUnavailable, detail).next_step(BOT_TRY_LATER)
}

impl From<InspectionError> for ToolError {
    fn from(error: InspectionError) -> ToolError {
        match error {
            InspectionError::Connection(error) => error.into(),
            InspectionError::Dataverse(error) => error.into(),
            InspectionError::Diagnosed(diagnosis) => diagnosis.into(),
        }
    }
}

impl From<ConnectionError> for ToolError {
    fn from(error: ConnectionError) -> ToolError {
        let explained = match (Diagnosis::of_connection(&error), &error) {
            (Some(diagnosis), _) => diagnosis.into(),
            (None, ConnectionError::Secret(error)) => of_secret(error),
            (None, ConnectionError::Credentials(error)) => ToolError::internal(error),
        };
        let explained = match &error {
            ConnectionError::Secret(error) => explained.for_log(error),
            ConnectionError::Credentials(_) => explained,
        };
        explained.write(WriteState::NotHappened)
    }
}

/// Explains an error of a secret that says nothing about an existing connection.
fn of_secret(error: &SecretError) -> ToolError {
    match error {
        SecretError::NotFound { name } => ToolError::new(
            ErrorCode::ConnectionNotFound,
            "there are no credentials for this connection",
        )
        .admin_action(format!(
            "Set the connection up with `d365tools connect ID` or PUT /v1/connections/{{id}} (its \
             secret is {name}), or name one that exists, in the header X-Connection-Id: `d365tools \
             connections` lists them."
        )),
        SecretError::Unavailable { .. } => {
            unavailable("the credentials could not be read: Secrets Manager did not answer")
        }
        SecretError::Denied { .. }
        | SecretError::NotWritable { .. }
        | SecretError::NotText { .. }
        | SecretError::Exists { .. }
        | SecretError::NoDescriptor => ToolError::internal(error),
    }
}

/// Explains why there is no token, if that says nothing about the connection.
fn of_token(error: &TokenError) -> ToolError {
    match error {
        TokenError::Entra(error) => of_entra(error),
        TokenError::Connection(error) => return error.clone().into(),
        TokenError::Moved => unavailable("the connection was changed a moment ago").for_log(error),
        TokenError::Deadline => {
            ToolError::new(ErrorCode::DeadlineExceeded, "Microsoft Entra ID did not answer in time")
                .next_step(BOT_TRY_LATER)
        }
    }
    .write(WriteState::NotHappened)
}

fn of_entra(error: &EntraError) -> ToolError {
    let explained = match error.problem {
        EntraProblem::Busy => unavailable("Microsoft Entra ID is busy, and refused for the moment")
            .retry_after(error.retry_after)
            .admin_action(format!("If it goes on: {MICROSOFTS_STATUS}.")),
        EntraProblem::Unreachable => unavailable("Microsoft Entra ID could not be reached")
            .admin_action(format!("If it goes on: {}; {MICROSOFTS_STATUS}.", the_way_to_entra())),
        EntraProblem::Unreadable => {
            unavailable("what answered for Microsoft Entra ID gave nothing that can be read")
                .admin_action(format!(
                    "If it goes on: look whether a proxy or a firewall answers in its place; {}.",
                    the_way_to_entra()
                ))
        }
        EntraProblem::NoDescriptor | EntraProblem::Refused(_) | EntraProblem::Obstacle(_) => {
            ToolError::internal(error)
        }
    };
    explained.for_log(error)
}

impl From<Error> for ToolError {
    fn from(error: Error) -> ToolError {
        let write = match error.write_outcome() {
            WriteOutcome::NotHappened => WriteState::NotHappened,
            WriteOutcome::Happened => WriteState::Happened,
            WriteOutcome::Unknown => WriteState::Unknown,
        };
        let explained = match &error {
            Error::Token(source) => match source.downcast_ref::<TokenError>() {
                Some(token) => match Diagnosis::of_token(token) {
                    Some(diagnosis) => ToolError::from(diagnosis).for_log(token),
                    None => of_token(token),
                }
                .entra_code(token.code()),
                None => ToolError::internal(source),
            },
            Error::Api(api) => of_api(api, Diagnosis::of_dataverse(&error)),
            Error::NoAnswer { source, .. } => match Diagnosis::of_dataverse(&error) {
                Some(diagnosis) => ToolError::from(diagnosis).for_log(chain(source.as_ref())),
                None => unanswered(source),
            },
            Error::NoDescriptor => ToolError::internal(&error),
            Error::Deadline { .. } => {
                ToolError::new(ErrorCode::DeadlineExceeded, "Dynamics 365 did not answer in time")
                    .next_step(BOT_TRY_LATER)
            }
            Error::TooLarge { .. } => {
                unavailable("Dynamics 365 gave an answer that is too large to be read")
            }
            Error::Unreadable(problem) => {
                unavailable("Dynamics 365 gave an answer that cannot be read").for_log(problem)
            }
        };
        explained.write(write)
    }
}

/// Explains that no answer came, for an unknown reason.
fn unanswered(source: &reqwest::Error) -> ToolError {
    let explained = if source.is_connect() {
        let diagnosis = Diagnosis::from(Cause::InstanceUnreachable);
        unavailable(diagnosis.detail)
            .cause(diagnosis.cause)
            .admin_action(format!("If it goes on: {}", diagnosis.action))
    } else {
        unavailable("the connection to Dynamics 365 broke before an answer came")
    };
    explained.for_log(chain(source))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Explains an error code of Dataverse, if the code alone is enough. Otherwise `None`.
fn of_code(code: Code) -> Option<ToolError> {
    use Code::*;
    let (code, detail, next_step) = match code {
        NotFound | KeyNotFound => (
            ErrorCode::NotFound,
            "a record that was named does not exist (any more)",
            "Look the record up again and call with its present id.",
        ),
        VersionMismatch => (
            ErrorCode::VersionConflict,
            "somebody else changed the record at the same moment; nothing was changed",
            "Call again.",
        ),
        Duplicate => (
            ErrorCode::Duplicate,
            "the organization's duplicate detection rules found a record like this",
            "Look for the record that exists; if a second one is really meant, call again with \
             allow_duplicate.",
        ),
        CaseAlreadyResolved
        | CaseAlreadyClosed
        | OpportunityAlreadyClosed
        | LeadAlreadyClosed
        | Inactive
        | ReadOnly => (
            ErrorCode::AlreadyClosed,
            "the record is closed and cannot be changed",
            "Say that it is closed; reopen it first if it must be changed.",
        ),
        CaseOpenActivities | CaseOpenActivitiesCancel => (
            ErrorCode::RejectedByDynamics,
            "the case has open activities, and cannot be closed before they are",
            "Say so, and leave the case open: its owner has to complete them first.",
        ),
        _ => return None,
    };
    Some(ToolError::new(code, detail).next_step(next_step))
}

/// Explains an error answer of Dataverse. `diagnosis` says what it means for the connection, if
/// anything.
fn of_api(error: &ApiError, diagnosis: Option<Diagnosis>) -> ToolError {
    let details =
        DataverseDetails { code: error.code.clone(), request_id: error.request_id.clone() };
    let explained = if let Some(diagnosis) = diagnosis {
        diagnosis.into()
    } else if let Some(app) = missing_app(error) {
        Diagnosis::without_app(app).into()
    } else if error.status.as_u16() == 403 {
        denied(error)
    } else if let Some(explained) = error.known_code().and_then(of_code) {
        explained
    } else if error.status.as_u16() == 429 {
        ToolError::new(
            ErrorCode::RateLimited,
            "Dynamics 365 limits the calls of this connection for the moment",
        )
        .retry_after(error.retry_after)
        .next_step(BOT_TRY_LATER)
    } else if error.is_transient()
        || (error.status.is_server_error() && !error.is_of_customization())
    {
        unavailable("Dynamics 365 reported a problem of its own").retry_after(error.retry_after)
    } else if error.is_misunderstanding() {
        // The request is malformed, which is our mistake, or the organization does not have a
        // column.
        ToolError::new(
            ErrorCode::Internal,
            "Dynamics 365 did not understand the request; the log has the cause",
        )
    } else if is_crash(error) {
        return crash(error).dataverse(details);
    } else {
        ToolError::new(ErrorCode::RejectedByDynamics, cleaned(&error.message))
            .next_step("Say what Dynamics 365 objects to, and ask for what it needs.")
    };
    // The message may quote a visitor's words. So the log only gets messages about names.
    let explained = match explained.code() {
        ErrorCode::Internal if !error.message.contains("literal") => {
            explained.for_log(format!("{error}: {}", error.message))
        }
        _ => explained.for_log(error),
    };
    explained.dataverse(details)
}

fn denied(error: &ApiError) -> ToolError {
    let step = Step::User;
    let (detail, action) = match (error.missing_privilege(), error.denied_table()) {
        (Some(privilege), table) => {
            let on = table.map(|table| format!(" on the table {table}")).unwrap_or_default();
            let role = suggested_role(table.unwrap_or_default());
            (
                format!("the application user lacks the privilege {privilege}{on}"),
                format!(
                    "{step:#}: give the application user a security role with {privilege}{on}, \
                     such as {role}."
                ),
            )
        }
        (None, _) if error.is(Code::PrivilegeDenied) => {
            let right = error.denied_access().map(|right| format!(" (right: {right})"));
            let right = right.unwrap_or_default();
            (
                format!(
                    "the application user may not do this with this record{right}: its privilege \
                     reaches only some, such as its own or those of its business unit"
                ),
                format!(
                    "{step:#}: give the application user a security role with access to records of \
                     the whole organization, if it shall reach this one{right}. \
                     GET /v1/connections/{{id}} says which privileges are limited."
                ),
            )
        }
        // Nothing more is known, so advice would be a guess.
        (None, _) => {
            let code = if error.code.is_empty() { "no code" } else { error.code.as_str() };
            let detail = format!("Dynamics 365 refused this (403, {code})");
            return ToolError::new(ErrorCode::PermissionDenied, detail).next_step(BOT_CANNOT_DO);
        }
    };
    ToolError::new(ErrorCode::PermissionDenied, detail)
        .admin_action(action)
        .next_step(BOT_CANNOT_DO)
}

/// The standard role of Dynamics 365 that has the privilege.
fn suggested_role(table: &str) -> &'static str {
    let known = tables::ALL.iter().find(|(one, _)| one.logical_name == table);
    known.and_then(|(_, app)| *app).unwrap_or(App::Sales).role()
}

/// The app that the environment lacks, if that is the error. Either the call named a table of the
/// app, or it created a note on a row of such a table.
fn missing_app(error: &ApiError) -> Option<&'static str> {
    let segment = error.unknown_segment().or_else(|| error.undeclared_property())?;
    tables::app_of(segment).map(App::name)
}

/// A message with this prefix is meant for people: it is the way in which a plug-in refuses.
const REFUSAL: &str = "Microsoft.Xrm.Sdk.InvalidPluginExecutionException: ";

/// Whether a plug-in or a workflow failed, and did not refuse. Then its message is for developers.
fn is_crash(error: &ApiError) -> bool {
    const MARKS: [&str; 7] = [
        "Object reference not set",
        "Exception:",
        "Exception from plug-in",
        "---->",
        "---> ",
        "\n   at ",
        " in the plug-in",
    ];
    let message = error.message.replace("\r\n", "\n");
    let said = message.strip_prefix(REFUSAL).unwrap_or(&message);
    error.is(Code::CustomizationBroke)
        || error.is(Code::Unexpected)
        || MARKS.iter().any(|mark| said.contains(mark))
        || class_names(said).next().is_some()
}

/// The names of classes and methods in a text, such as `Contoso.Plugins.CasePlugin.Execute`.
fn class_names(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '`' | '+');
    // "L.L.C." has dots, but it is not the name of a class.
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.contains(|next: char| next.is_ascii_lowercase())
    };
    let words = text.split_whitespace().filter(|word| !word.contains('@'));
    let names = words.flat_map(move |word| word.split(move |c| !is_of_name(c)));
    names
        .map(|name| name.trim_matches('.'))
        .filter(move |name| name.matches('.').count() >= 2 && name.split('.').all(is_part))
}

/// The error for a failed customization. The log gets only the names of its classes, because the
/// rest of the message may quote a visitor's words.
fn crash(error: &ApiError) -> ToolError {
    const NAMES: usize = 12;
    let mut names: Vec<_> = Vec::new();
    for name in class_names(&error.message) {
        if !names.contains(&name) && names.len() < NAMES {
            names.push(name);
        }
    }
    let request = error.request_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    ToolError::new(
        ErrorCode::RejectedByDynamics,
        "a customization of this organization (a plug-in or a workflow) failed",
    )
    .admin_action(format!(
        "Look the request{request} up in the plug-in trace log of the environment, and mend the \
         customization that failed."
    ))
    .next_step(BOT_CANNOT_DO_NOW)
    .for_log(format!("{error}: {}", names.join(", ")))
}

/// The message of a business rule or plug-in, without the part that is only for developers.
fn cleaned(message: &str) -> String {
    let text = crm::text::plain(message);
    let text = text.strip_prefix(REFUSAL).unwrap_or(&text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "Dynamics 365 gave no reason".to_owned();
    }
    crm::text::excerpt(&words, 500).text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn answered(status: u16, code: &str, message: &str) -> ToolError {
        ToolError::from(Error::Api(ApiError {
            status: http::StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some("r-1".to_owned()),
            retry_after: None,
            obstacle: None,
        }))
    }

    #[test]
    fn what_was_ours_to_get_right_is_not_told_to_a_visitor() {
        for (status, code, message) in [
            (404, "0x8006088a", "Resource not found for the segment 'contactss'."),
            (404, "0x80060888", "Resource not found for the segment 'contactss'."),
            (400, "0x0", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.y'."),
            (400, "0x0", "Invalid property 'x' was found in entity 'Microsoft.Dynamics.CRM.y'."),
            (400, "0x80040216", "An unexpected error occurred."),
            (400, "", "There is an unterminated literal at position 21 in 'O'Brien'."),
        ] {
            let error = answered(status, code, message);
            assert_eq!(error.code(), ErrorCode::Internal, "{message}");
            assert!(!error.detail().contains("property"), "{}", error.detail());
            assert!(!error.log_cause().unwrap().contains("Brien"));
        }
        let app = answered(404, "0x8006088a", "Resource not found for the segment 'incidents'.");
        assert_eq!(app.connection_cause(), Some(Cause::AppMissing));
    }

    #[test]
    fn a_refusal_is_told_and_a_crash_is_not() {
        let told = |message: &str| answered(400, Code::Customization.as_str(), message);
        for (message, expected) in [
            ("The VAT number is missing.", "The VAT number is missing."),
            (
                "Microsoft.Xrm.Sdk.InvalidPluginExecutionException: The VAT number is missing.",
                "The VAT number is missing.",
            ),
            ("See www.example.com. Thanks.", "See www.example.com. Thanks."),
            ("Fabrikam L.L.C. is on credit hold.", "Fabrikam L.L.C. is on credit hold."),
            ("Not to the U.S.A.: ask Legal.", "Not to the U.S.A.: ask Legal."),
        ] {
            // Older environments answer with another status, but the meaning is the same.
            let error = answered(500, Code::Customization.as_str(), message);
            assert_eq!(error.code(), ErrorCode::RejectedByDynamics);
            let error = told(message);
            assert_eq!(error.detail(), expected);
            assert_eq!(error.code(), ErrorCode::RejectedByDynamics);
        }
        for message in [
            "Object reference not set to an instance of an object.",
            "System.NullReferenceException: Object reference not set\r\n   at \
             Contoso.Plugins.CasePlugin.Execute(IServiceProvider provider)",
            "Unexpected exception from plug-in (Execute): Contoso.Plugins.CasePlugin: \
             System.Collections.Generic.KeyNotFoundException: maren@northwind.example",
            "Error ----> InnerException : Microsoft.OData.ODataException: no",
            "Something in Contoso.Plugins.CasePlugin went wrong for maren@northwind.example",
        ] {
            let error = answered(500, Code::Customization.as_str(), message);
            assert!(error.detail().starts_with("a customization") && error.is_without_effect());
            let error = told(message);
            assert!(error.detail().starts_with("a customization"), "{}", error.detail());
            assert!(error.administrators_action().unwrap().contains("r-1"));
            let cause = error.log_cause().unwrap();
            assert!(!cause.contains("maren"), "{cause}");
        }
        let cause = told("x at Contoso.Plugins.CasePlugin.Execute(a)");
        assert!(cause.log_cause().unwrap().contains("Contoso.Plugins.CasePlugin.Execute"));
    }

    fn of_entra(problem: EntraProblem) -> ToolError {
        let error = EntraError { problem, code: None, trace_id: None, retry_after: None };
        ToolError::from(Error::Token(Arc::new(TokenError::Entra(error))))
    }

    #[test]
    fn a_lack_of_descriptors_is_ours_and_told_of_no_customer() {
        let unread = ConnectionError::Secret(SecretError::NoDescriptor);
        for error in [
            ToolError::from(Error::NoDescriptor),
            of_entra(EntraProblem::NoDescriptor),
            ToolError::from(unread),
        ] {
            assert_eq!(error.code(), ErrorCode::Internal);
            assert_eq!(error.connection_cause(), None);
            assert_eq!(error.to_problem("r")["write"], "not_happened");
        }
    }

    #[test]
    fn a_refusal_of_entra_is_the_administrators_to_mend() {
        for cause in [Cause::SecretWrong, Cause::ConsentMissing, Cause::EntraRefused] {
            let error = of_entra(EntraProblem::Refused(cause));
            assert_eq!(error.code(), ErrorCode::ConnectionBroken, "{cause:?}");
            assert_eq!(error.connection_cause(), Some(cause));
            let problem = error.to_problem("r");
            assert_eq!(problem["set_up_step"], cause.step().unwrap().number());
            assert_eq!(problem["write"], "not_happened");
            assert!(error.log_cause().is_some());
        }
    }

    #[test]
    fn an_entra_that_gives_no_answer_says_what_to_look_at() {
        for (problem, detail, action) in [
            (EntraProblem::Unreachable, "could not be reached", "let the functions reach login."),
            (EntraProblem::Busy, "is busy", "status.cloud.microsoft"),
            (EntraProblem::Unreadable, "nothing that can be read", "a proxy or a firewall"),
        ] {
            let error = of_entra(problem);
            assert_eq!(error.code(), ErrorCode::DynamicsUnavailable);
            assert_eq!(error.connection_cause(), None);
            assert!(error.detail().contains(detail), "{}", error.detail());
            assert!(error.administrators_action().unwrap().contains(action), "{problem:?}");
        }
    }
}
