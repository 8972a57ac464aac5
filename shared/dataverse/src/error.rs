//! Errors of requests to Dataverse.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::{Code, Obstacle};

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Nothing was changed.
    NotHappened,
    /// The change was made.
    Happened,
    /// Nobody here can know: the request was sent, and no answer came.
    Unknown,
}

/// An error that Dataverse answered with.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Dataverse answered {status} {code}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The platform's code in hexadecimal, `0x80040217`; empty where there was none.
    pub code: String,
    /// The message. It may hold names or texts of the organization. Show it to callers with care,
    /// and never write it to a log.
    pub message: String,
    /// The id under which Microsoft's support finds the request.
    pub request_id: Option<String>,
    /// How long to wait before the next try.
    pub retry_after: Option<Duration>,
    /// What keeps requests away from Dataverse, or answers in its place.
    pub obstacle: Option<Obstacle>,
}

impl ApiError {
    /// The code, if it is one that matters here.
    pub fn known_code(&self) -> Option<Code> {
        self.code.parse().ok()
    }

    /// Whether the error has this code.
    pub fn is(&self, code: Code) -> bool {
        self.known_code() == Some(code)
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.obstacle.is_none()
            && (matches!(self.status.as_u16(), 408 | 429 | 502 | 503 | 504)
                || self.is(Code::Lock)
                || self.is(Code::SqlTimeout))
    }

    /// Whether Dataverse did not understand the request. That is a defect here, which a caller can
    /// do nothing about. Some of these errors say "not found", but no row is meant.
    pub fn is_misunderstanding(&self) -> bool {
        use Code::*;
        match self.known_code() {
            Some(UnknownName | UnknownSegment | BadPayload | Zero) => true,
            Some(Unexpected) => self.status == StatusCode::BAD_REQUEST,
            _ => self.code.is_empty(),
        }
    }

    /// Whether a plug-in or a workflow refused, or broke. Older environments answer that with 500.
    pub fn is_of_customization(&self) -> bool {
        self.is(Code::Customization) || self.is(Code::CustomizationBroke)
    }

    /// The privilege that a 403 names, such as `prvReadIncident`.
    pub fn missing_privilege(&self) -> Option<&str> {
        let after = self.message.split_once("is missing ")?.1;
        let name = after.split_whitespace().next()?;
        (name.starts_with("prv") && is_name(name)).then_some(name)
    }

    /// What a 403 says may not be done with one row, though others may: `Read`, `Write`, `Append`, …
    pub fn denied_access(&self) -> Option<&str> {
        let after = self.message.split_once("AccessRights: ")?.1;
        let word = after.split(|one: char| !one.is_ascii_alphanumeric()).next()?;
        word.strip_suffix("Access").filter(|word| is_name(word))
    }

    /// The table that a 403 names, such as `incident`.
    pub fn denied_table(&self) -> Option<&str> {
        let after = self.message.split_once("for entity '")?.1;
        after.split('\'').next().filter(|name| is_name(name))
    }

    /// The entity set or function that a 404 does not know.
    pub fn unknown_segment(&self) -> Option<&str> {
        let after = self.message.split_once("Resource not found for the segment '")?.1;
        after.split('\'').next()
    }

    /// The navigation property by which a row was to be bound, and which its table does not have.
    pub fn undeclared_property(&self) -> Option<&str> {
        let after = self.message.split_once("An undeclared property '")?.1;
        after.split('\'').next()
    }
}

/// Whether the text can be the name of a privilege or a table. A plug-in may have put other text
/// there, which must not get into our own sentences.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Why a request to Dataverse gave no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no access token.
    #[error("no access token")]
    Token(#[source] Arc<dyn StdError + Send + Sync>),

    /// Dataverse answered with an error.
    #[error(transparent)]
    Api(ApiError),

    /// No answer came: the connection failed, or broke.
    #[error("no answer from Dataverse")]
    NoAnswer {
        /// Whether the request may have reached Dataverse.
        write: WriteOutcome,
        /// What the HTTP client said.
        #[source]
        source: Arc<reqwest::Error>,
    },

    /// This process has no descriptor left for a connection. Nothing was sent, and Dataverse is not
    /// at fault.
    #[error("no descriptor is left for a connection to Dataverse")]
    NoDescriptor,

    /// The deadline passed.
    #[error("the deadline passed before Dataverse answered")]
    Deadline {
        /// What became of a write.
        write: WriteOutcome,
    },

    /// The answer is too large, even without the columns that may be long.
    #[error("Dataverse's answer is too large")]
    TooLarge {
        /// What became of a write.
        write: WriteOutcome,
    },

    /// The answer is not what the Web API promises.
    #[error("Dataverse's answer could not be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// The error that Dataverse answered with, if it did.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Error::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Whether Dataverse answered with this code.
    pub fn is(&self, code: Code) -> bool {
        self.api().is_some_and(|error| error.is(code))
    }

    /// Whether the row that was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.is(Code::NotFound) || self.is(Code::KeyNotFound)
    }

    /// Whether the same call may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Api(error) => error.is_transient(),
            Error::NoAnswer { source, .. } => Obstacle::of_transport(source).is_none(),
            Error::NoDescriptor | Error::Deadline { .. } => true,
            Error::Token(_) | Error::TooLarge { .. } | Error::Unreadable(_) => false,
        }
    }

    /// What became of the write that failed with this error.
    ///
    /// A refusal (4xx) means that nothing happened. After a 5xx the change may have been made
    /// before the answer went wrong.
    pub fn write_outcome(&self) -> WriteOutcome {
        match self {
            Error::Token(_) | Error::NoDescriptor => WriteOutcome::NotHappened,
            Error::Api(error) if error.obstacle.is_some() => WriteOutcome::NotHappened,
            Error::Api(error) if error.status.is_server_error() => {
                // A plug-in or lock error is an answer of the transaction itself: rolled back.
                if error.is_of_customization() || error.is(Code::Lock) || error.is(Code::Duplicate)
                {
                    WriteOutcome::NotHappened
                } else {
                    WriteOutcome::Unknown
                }
            }
            Error::Api(_) => WriteOutcome::NotHappened,
            Error::NoAnswer { write, .. }
            | Error::Deadline { write }
            | Error::TooLarge { write } => *write,
            Error::Unreadable(_) => WriteOutcome::Unknown,
        }
    }
}

/// The body of an error answer. A gateway's error is not JSON; then only the status is known.
#[derive(Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Default, Deserialize)]
struct BodyError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl ApiError {
    /// Reads an error answer.
    pub(crate) fn from_answer(
        status: StatusCode,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> ApiError {
        let error = serde_json::from_slice::<Body>(body).ok().map(|body| body.error);
        let said = error.as_ref().map(|error| (error.code.as_str(), error.message.as_str()));
        let obstacle = Obstacle::of_answer(status, said, body);
        let error = error.unwrap_or_default();
        let request_id = ["x-ms-service-request-id", "req_id"]
            .iter()
            .find_map(|name| headers.get(*name)?.to_str().ok())
            .map(str::to_owned);
        ApiError {
            status,
            code: error.code,
            message: error.message,
            request_id,
            retry_after: crate::retry::retry_after(headers, jiff::Timestamp::now()),
            obstacle,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answered(status: u16, body: &str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        ApiError::from_answer(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn a_refusal_names_privilege_and_table() {
        let error = answered(
            403,
            r#"{"error":{"code":"0x80040220","message":"Principal user (Id=b0, type=8, roleCount=1, privilegeCount=4, accessMode='4 Non-interactive'), is missing prvReadIncident privilege (Id=a4) on OTC=112 for entity 'incident' (LocalizedName='Case'). context.Caller=b0."}}"#,
        );
        assert_eq!(error.missing_privilege(), Some("prvReadIncident"));
        assert_eq!(error.denied_table(), Some("incident"));
        let error = answered(
            403,
            r#"{"error":{"code":"0x80040220","message":"is missing prvRead:now privilege for entity 'incident. Send all notes'"}}"#,
        );
        assert_eq!((error.missing_privilege(), error.denied_table()), (None, None));
    }

    #[test]
    fn a_gateway_page_is_no_reason_to_fail() {
        let error = answered(502, "<html>Bad gateway</html>");
        assert_eq!(error.code, "");
        assert!(error.is_transient());
        assert_eq!(Error::Api(error).write_outcome(), WriteOutcome::Unknown);
    }

    #[test]
    fn what_is_in_the_way_does_not_pass_and_did_nothing() {
        let error = answered(503, r#"{"error":{"code":"0x8004a104","message":"m"}}"#);
        assert!(!error.is_transient());
        assert_eq!(Error::Api(error).write_outcome(), WriteOutcome::NotHappened);
    }

    #[test]
    fn a_refused_write_did_not_happen() {
        let error = answered(412, r#"{"error":{"code":"0x80060882","message":"m"}}"#);
        assert!(error.is(Code::VersionMismatch) && !error.is_transient());
        assert_eq!(Error::Api(error).write_outcome(), WriteOutcome::NotHappened);
    }
}
