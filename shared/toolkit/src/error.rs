//! Errors: the part that a caller sees, and the part that only the log sees.

mod code;
mod explain;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use auth::health::{Fault, Finding};
use auth::{Cause, Step};
use crm::reference::{Candidate, Unresolved};
use crm::text::quoted;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::idioms::consent::Asked;

pub use code::ErrorCode;

/// What became of a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// Nothing was changed.
    NotHappened,
    /// The change was made.
    Happened,
    /// It is not known. The same call with the same idempotency key finds out, and does nothing
    /// twice.
    Unknown,
}

/// What Dataverse said, for its support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DataverseDetails {
    /// Its error code, `0x80040217`.
    pub code: String,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// An error as a caller sees it.
#[derive(Clone, Debug)]
pub struct ToolError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: ErrorCode,
    detail: String,
    next_step: Option<String>,
    admin_action: Option<String>,
    retry_after: Option<Duration>,
    candidates: Vec<Candidate>,
    write: Option<WriteState>,
    dataverse: Option<DataverseDetails>,
    cause: Option<Cause>,
    /// The number after `AADSTS`.
    entra_code: Option<u32>,
    /// The methods that the path takes.
    allow: Option<String>,
    /// What somebody must say yes to.
    asked: Option<Asked>,
    /// Whether it is the answer to a call of an administrator, who is in no chat.
    is_for_administrator: bool,
    /// The cause for the log. Callers do not see it.
    for_log: Option<String>,
}

impl ToolError {
    /// An error with the detail that callers see.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> ToolError {
        ToolError(Box::new(Parts {
            code,
            detail: detail.into(),
            next_step: None,
            admin_action: None,
            retry_after: None,
            candidates: Vec::new(),
            write: None,
            dataverse: None,
            cause: None,
            entra_code: None,
            allow: None,
            asked: None,
            is_for_administrator: false,
            for_log: None,
        }))
    }

    /// An error: an argument is wrong.
    pub fn invalid(field: &str, problem: impl fmt::Display) -> ToolError {
        ToolError::new(ErrorCode::InvalidArguments, format!("{field}: {problem}"))
            .next_step("Correct the argument and call again.")
    }

    /// An error: the record is closed. `status` is the organization's label for its status.
    /// `reopen_with` is a status that reopens the record, if there is one.
    pub fn already_closed(
        noun: &str,
        status: Option<String>,
        reopen_with: Option<&str>,
    ) -> ToolError {
        let status = status.map(|status| format!(": {}", quoted(&status))).unwrap_or_default();
        let next_step = match reopen_with {
            Some(open) => format!(
                "Say so. To change it, reopen it first with the status {open}, if that \
                 is wanted."
            ),
            None => "Say so. It cannot be reopened here.".to_owned(),
        };
        ToolError::new(ErrorCode::AlreadyClosed, format!("the {noun} is closed already{status}"))
            .next_step(next_step)
            .write(WriteState::NotHappened)
    }

    /// An error: the path only takes these methods. They are listed as in the header `Allow`.
    pub(crate) fn method_not_allowed(allow: String) -> ToolError {
        let detail = format!("that path takes {allow}");
        let mut error = ToolError::new(ErrorCode::MethodNotAllowed, detail)
            .next_step("Call again with a method that the path takes.");
        error.0.allow = Some(allow);
        error
    }

    /// An error: at least one of these arguments must be given.
    pub fn needs_one_of(fields: &str) -> ToolError {
        ToolError::invalid(fields, "at least one of them must be given")
    }

    /// An error: a defect of this software. Only the log shows the cause.
    pub fn internal(cause: impl fmt::Display) -> ToolError {
        ToolError::new(ErrorCode::Internal, "This is a defect; the log has the cause.")
            .for_log(cause)
    }

    /// Adds the argument that the error is about, such as `lines[2].product`.
    #[must_use]
    pub fn at(mut self, field: &str) -> ToolError {
        self.0.detail = format!("{field}: {}", self.0.detail);
        self
    }

    /// Sets the advice for the bot, in one sentence.
    #[must_use]
    pub fn next_step(mut self, text: impl Into<String>) -> ToolError {
        self.0.next_step = Some(text.into());
        self
    }

    /// Sets the advice for the administrator of the connection.
    #[must_use]
    pub fn admin_action(mut self, text: impl Into<String>) -> ToolError {
        self.0.admin_action = Some(text.into());
        self
    }

    /// Sets how long to wait before another attempt.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> ToolError {
        self.0.retry_after = wait;
        self
    }

    /// Sets the records to choose from.
    #[must_use]
    pub fn candidates(mut self, candidates: Vec<Candidate>) -> ToolError {
        self.0.candidates = candidates;
        self
    }

    /// As a visitor's bot may see it: without addresses into the CRM, without what only administrators
    /// can use, and without what a customization of the organization says, which may be about anybody.
    /// The log has all of it.
    #[must_use]
    pub(crate) fn for_visitor(mut self) -> ToolError {
        use ErrorCode::{Forbidden, RejectedByDynamics, Unauthenticated, VisitorTokenInvalid};
        let parts = &mut *self.0;
        for candidate in &mut parts.candidates {
            candidate.url = None;
        }
        if parts.code == RejectedByDynamics {
            let said = std::mem::replace(
                &mut parts.detail,
                "Dynamics 365 does not take this as it is".to_owned(),
            );
            parts.for_log.get_or_insert(said);
        }
        // These are about the call and its key.
        if !matches!(parts.code, Forbidden | Unauthenticated | VisitorTokenInvalid) {
            parts.admin_action = None;
        }
        parts.dataverse = None;
        parts.cause = None;
        parts.entra_code = None;
        self
    }

    /// As somebody may see it whom nobody knows and who wanted to write something: whether the record,
    /// the contact or a note was refused, and why, would tell whom the organization knows.
    #[must_use]
    pub(crate) fn for_stranger(self) -> ToolError {
        let is_of_dataverse = self.0.dataverse.is_some();
        let error = self.for_visitor();
        if !is_of_dataverse || error.code().is_retryable() {
            return error;
        }
        let cause = error.0.for_log.unwrap_or(error.0.detail);
        let detail = "this cannot be written down right now";
        ToolError::new(ErrorCode::RejectedByDynamics, detail)
            .next_step("Say so, and offer a person.")
            .for_log(cause)
    }

    /// Sets what happened to the write.
    #[must_use]
    pub fn write(mut self, state: WriteState) -> ToolError {
        self.0.write = Some(state);
        self
    }

    /// Adds the error details from Dataverse.
    #[must_use]
    pub fn dataverse(mut self, details: DataverseDetails) -> ToolError {
        self.0.dataverse = Some(details);
        self
    }

    /// Sets the reason why the connection does not work.
    #[must_use]
    pub fn cause(mut self, cause: Cause) -> ToolError {
        self.0.cause = Some(cause);
        self
    }

    /// Why the connection does not work, if the error is about that.
    pub fn connection_cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// The advice for the administrator of the connection.
    pub fn administrators_action(&self) -> Option<&str> {
        self.0.admin_action.as_deref()
    }

    /// What whoever called should do next.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.0.next_step.as_deref()
    }

    /// Sets a cause that only the log shows.
    #[must_use]
    pub fn for_log(mut self, cause: impl fmt::Display) -> ToolError {
        self.0.for_log = Some(cause.to_string());
        self
    }

    /// The kind of the error.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The detail that callers see.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The error details from Dataverse.
    pub fn dataverse_details(&self) -> Option<&DataverseDetails> {
        self.0.dataverse.as_ref()
    }

    /// Sets what somebody must say yes to.
    #[must_use]
    pub(crate) fn asking(mut self, asked: Asked) -> ToolError {
        self.0.asked = Some(asked);
        self
    }

    /// The id of the call that waits until somebody says yes.
    pub(crate) fn confirmation_id(&self) -> Option<&str> {
        self.0.asked.as_ref().map(|asked| asked.id.as_str())
    }

    /// What the platform sends to say yes, for a place that no model reads.
    pub fn button(&self) -> Option<&SecretString> {
        self.0.asked.as_ref()?.button.as_ref()
    }

    /// The methods that the path takes, if the call used another one.
    pub(crate) fn allow(&self) -> Option<&str> {
        self.0.allow.as_deref()
    }

    /// The finding of a connection check that failed with this error.
    pub fn finding(&self) -> Finding {
        let detail = self.detail().to_owned();
        match self.code() {
            ErrorCode::DynamicsUnavailable
            | ErrorCode::ServiceUnavailable
            | ErrorCode::DeadlineExceeded => {
                let fault = self.connection_cause().map(|_| self.fault());
                Finding::Unanswered { detail, fault }
            }
            ErrorCode::RateLimited => Finding::Throttled,
            ErrorCode::Internal => Finding::Failed,
            _ => Finding::Broken(self.fault()),
        }
    }

    /// Why a connection does not work if calls fail with this error.
    fn fault(&self) -> Fault {
        /// The most characters of a text. Texts from Dataverse and Entra ID have no limit.
        const LONGEST: usize = 2000;
        let bounded = |text: &str| text.chars().take(LONGEST).collect();
        let cause = self.connection_cause();
        Fault {
            cause: cause.map_or(self.code().as_str(), Cause::as_str).to_owned(),
            step: cause.and_then(Cause::step).map(Step::number),
            detail: bounded(self.detail()),
            action: self.administrators_action().map(bounded),
        }
    }

    /// The number of seconds, rounded up, after which the same call may succeed.
    pub(crate) fn seconds_to_wait(&self) -> Option<u64> {
        self.0.retry_after.map(|wait| wait.as_millis().div_ceil(1000) as u64)
    }

    /// The error code of Dataverse, or of Entra ID, that it comes from.
    pub fn foreign_code(&self) -> Option<String> {
        let of_dataverse = || self.0.dataverse.as_ref().map(|details| details.code.clone());
        self.0.entra_code.map(|code| format!("AADSTS{code}")).or_else(of_dataverse)
    }

    /// With the number of Entra ID's error.
    #[must_use]
    pub(crate) fn entra_code(mut self, code: Option<u32>) -> ToolError {
        self.0.entra_code = code;
        self
    }

    /// The cause that only the log shows.
    pub(crate) fn log_cause(&self) -> Option<&str> {
        self.0.for_log.as_deref()
    }

    /// Whether it is certain that nothing was written.
    pub(crate) fn is_without_effect(&self) -> bool {
        matches!(self.0.write, None | Some(WriteState::NotHappened))
    }

    /// Removes what happened to the write. It does not matter if nothing is written.
    pub(crate) fn without_write(mut self) -> ToolError {
        self.0.write = None;
        self
    }

    fn what_next(&self) -> Cow<'_, str> {
        let step = self.0.next_step.as_deref().unwrap_or(self.0.code.next_step());
        match self.seconds_to_wait() {
            Some(seconds) if self.0.code == ErrorCode::RateLimited => {
                let unit = if seconds == 1 { "second" } else { "seconds" };
                format!("{step} Not sooner than in {seconds} {unit}.").into()
            }
            _ => step.into(),
        }
    }

    /// The problem details of RFC 9457.
    pub fn to_problem(&self, request_id: &str) -> Value {
        let Parts { code, .. } = *self.0;
        let parts = &self.0;
        let mut problem = json!({
            "type": format!("urn:dynamics365-tools:problem:{code}"),
            "title": code.title(),
            "status": code.status().as_u16(),
            "detail": parts.detail,
            "code": code,
            "retryable": code.is_retryable(),
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                problem[name] = value;
            }
        };
        set("retry_after", self.seconds_to_wait().map(Value::from));
        let say = code.say().filter(|_| !parts.is_for_administrator);
        set("say", say.map(Value::from));
        set("next_step", Some(self.what_next().into()));
        set("admin_action", parts.admin_action.clone().map(Value::from));
        set("cause", parts.cause.map(|cause| json!(cause)));
        let step = parts.cause.and_then(Cause::step);
        set("set_up_step", step.map(|step| step.number().into()));
        set("write", parts.write.map(|state| json!(state)));
        set("candidates", (!parts.candidates.is_empty()).then(|| json!(parts.candidates)));
        let asked = parts.asked.as_ref();
        set("confirmation_id", asked.map(|asked| asked.id.as_str().into()));
        set("preview", asked.map(|asked| asked.preview.clone()));
        set("dataverse", parts.dataverse.as_ref().map(|details| json!(details)));
        problem["request_id"] = request_id.into();
        crate::edge::json::tidy(&mut problem);
        problem
    }
}

/// The members of a problem that are for a model. The detail is, too, for most codes.
const FOR_MODEL: [&str; 8] = [
    "code",
    "say",
    "next_step",
    "retry_after",
    "write",
    "candidates",
    "confirmation_id",
    "preview",
];

/// The part of a problem that is for a model: what it may say, what to do next and what to choose from,
/// and nothing that is for those who run the service or the connection.
pub fn for_model(problem: &Value) -> Value {
    let code = problem["code"].as_str().unwrap_or_default();
    let code = ErrorCode::ALL.iter().find(|one| one.as_str() == code);
    let detail = code.is_some_and(|code| code.has_detail_for_model()).then_some("detail");
    let mut part = Map::new();
    // The detail stands second: it says what is wrong.
    let (code, others) = FOR_MODEL.split_at(1);
    for name in code.iter().copied().chain(detail).chain(others.iter().copied()) {
        if let Some(value) = problem.get(name) {
            part.insert(name.to_owned(), value.clone());
        }
    }
    part.into()
}

impl fmt::Display for ToolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for ToolError {}

impl From<Unresolved> for ToolError {
    fn from(unresolved: Unresolved) -> ToolError {
        let sentence = unresolved.to_string();
        match unresolved {
            Unresolved::NotFound { next_step, .. } => {
                ToolError::new(ErrorCode::NotFound, sentence).next_step(next_step)
            }
            Unresolved::Ambiguous { noun, candidates, more, .. } => {
                let detail = if more {
                    format!("{sentence}; the first {} are listed", candidates.len())
                } else {
                    sentence
                };
                ToolError::new(ErrorCode::Ambiguous, detail)
                    .candidates(candidates)
                    .next_step(format!("Ask which {noun} is meant and call again with its id."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_all_there_is_and_nothing_more() {
        let error = ToolError::new(ErrorCode::RateLimited, "Too many calls.")
            .retry_after(Some(Duration::from_millis(1500)))
            .dataverse(DataverseDetails { code: "0x80072322".into(), request_id: None })
            .for_log("for the log alone");
        assert_eq!(
            error.to_problem("r-1"),
            json!({
                "type": "urn:dynamics365-tools:problem:rate_limited",
                "title": "Dynamics 365 limits the calls",
                "status": 429,
                "detail": "Too many calls.",
                "code": "rate_limited",
                "retryable": true,
                "retry_after": 2,
                "say": "Our system is busy. It takes a moment.",
                // Nothing more exact was said.
                "next_step": "Try again shortly. Not sooner than in 2 seconds.",
                "dataverse": {"code": "0x80072322"},
                "request_id": "r-1",
            })
        );
    }

    /// The program in the papers gives a model the same part of a problem.
    #[test]
    fn the_papers_give_a_model_what_is_for_it() {
        let paper = include_str!("../../../docs/building-a-bot.md");
        let names = |begin: &str| -> Vec<&str> {
            let (_, rest) = paper.split_once(begin).unwrap();
            let (list, _) = rest.split_once(')').unwrap();
            list.split('"').skip(1).step_by(2).collect()
        };
        assert_eq!(names("FOR_MODEL = ("), FOR_MODEL);
        let for_others: Vec<&str> = ErrorCode::ALL
            .iter()
            .filter(|code| !code.has_detail_for_model())
            .map(|code| code.as_str())
            .collect();
        assert_eq!(names("DETAIL_FOR_OTHERS = ("), for_others);
    }

    #[test]
    fn only_what_somebody_must_mend_is_broken() {
        let error = |code| ToolError::new(code, "a detail");
        let expired = error(ErrorCode::ConnectionBroken).cause(Cause::SecretExpired);
        let Finding::Broken(fault) = expired.finding() else { panic!("must be broken") };
        assert_eq!((fault.cause.as_str(), fault.step), ("secret_expired", Some(3)));
        let Finding::Broken(fault) = error(ErrorCode::ConnectionNotFound).finding() else {
            panic!("must be broken")
        };
        assert_eq!((fault.cause.as_str(), fault.step), ("connection_not_found", None));
        for code in [
            ErrorCode::DynamicsUnavailable,
            ErrorCode::ServiceUnavailable,
            ErrorCode::DeadlineExceeded,
        ] {
            let unanswered = Finding::Unanswered { detail: "a detail".to_owned(), fault: None };
            assert_eq!(error(code).finding(), unanswered);
        }
        assert_eq!(error(ErrorCode::RateLimited).finding(), Finding::Throttled);
        assert_eq!(error(ErrorCode::Internal).finding(), Finding::Failed);
        let unreachable = error(ErrorCode::DynamicsUnavailable).cause(Cause::InstanceUnreachable);
        assert!(matches!(unreachable.finding(), Finding::Unanswered { fault: Some(_), .. }));
    }
}
