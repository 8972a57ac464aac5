//! The kinds of errors.

use http::StatusCode;
use serde::Serialize;
use strum::{Display, IntoStaticStr, VariantArray};

/// The kind of an error, for programs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Display, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorCode {
    /// An argument or a header is wrong.
    InvalidArguments,
    /// There is no API key, or a wrong one.
    Unauthenticated,
    /// The API key is not bound to that connection or scope.
    Forbidden,
    /// The visitor has not shown who they are.
    VisitorUnverified,
    /// What was said about the visitor is not valid.
    VisitorTokenInvalid,
    /// Dataverse refused the call because a privilege is missing.
    PermissionDenied,
    /// The record does not exist.
    NotFound,
    /// The tool does not exist.
    UnknownTool,
    /// The connection does not exist.
    ConnectionNotFound,
    /// The path does not support this method.
    MethodNotAllowed,
    /// Several records match.
    Ambiguous,
    /// The record already exists, according to the rules of the organization.
    Duplicate,
    /// The record is closed.
    AlreadyClosed,
    /// It is not done before somebody says yes to it.
    ConfirmationRequired,
    /// The record changed since it was read.
    VersionConflict,
    /// A business rule or a plug-in refused the call.
    RejectedByDynamics,
    /// The idempotency key belongs to a call with other arguments.
    IdempotencyKeyReused,
    /// The connection must be repaired.
    ConnectionBroken,
    /// Dataverse limits the calls.
    RateLimited,
    /// Dataverse, Entra ID or Secrets Manager does not answer.
    DynamicsUnavailable,
    /// Something that this service needs does not answer. Dynamics 365 is not at fault.
    ServiceUnavailable,
    /// There was not enough time.
    DeadlineExceeded,
    /// A defect of this software.
    Internal,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: &'static [ErrorCode] = ErrorCode::VARIANTS;

    /// The name of the code.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        use ErrorCode::*;
        match self {
            InvalidArguments => StatusCode::BAD_REQUEST,
            Unauthenticated | VisitorTokenInvalid => StatusCode::UNAUTHORIZED,
            Forbidden | VisitorUnverified | PermissionDenied => StatusCode::FORBIDDEN,
            NotFound | UnknownTool | ConnectionNotFound => StatusCode::NOT_FOUND,
            MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Ambiguous | Duplicate | AlreadyClosed | ConfirmationRequired => StatusCode::CONFLICT,
            VersionConflict => StatusCode::PRECONDITION_FAILED,
            RejectedByDynamics | IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            ConnectionBroken => StatusCode::FAILED_DEPENDENCY,
            RateLimited => StatusCode::TOO_MANY_REQUESTS,
            DynamicsUnavailable | ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A sentence for people.
    pub fn title(self) -> &'static str {
        use ErrorCode::*;
        match self {
            InvalidArguments => "The arguments are not valid",
            Unauthenticated => "The API key is missing or wrong",
            Forbidden => "The API key does not allow this",
            VisitorUnverified => "The visitor has not shown who they are",
            VisitorTokenInvalid => "The visitor's token is not valid",
            PermissionDenied => "Dynamics 365 does not allow this to the application user",
            NotFound => "There is no such record",
            UnknownTool => "There is no such tool",
            ConnectionNotFound => "There is no such connection",
            MethodNotAllowed => "That path does not take this method",
            Ambiguous => "Several records match",
            Duplicate => "Dynamics 365 says that this exists already",
            AlreadyClosed => "The record is closed",
            ConfirmationRequired => "Somebody must say yes to this first",
            VersionConflict => "The record changed in the meantime",
            RejectedByDynamics => "Dynamics 365 rejected this",
            IdempotencyKeyReused => "The idempotency key belongs to another call",
            ConnectionBroken => "The connection to Dynamics 365 must be mended",
            RateLimited => "Dynamics 365 limits the calls",
            DynamicsUnavailable => "Dynamics 365 does not answer",
            ServiceUnavailable => "The service cannot answer right now",
            DeadlineExceeded => "There was not enough time",
            Internal => "Something went wrong on our side",
        }
    }

    /// What to do next, where nothing more exact is known.
    pub(super) fn next_step(self) -> &'static str {
        use ErrorCode::*;
        match self {
            InvalidArguments => "Correct the call, and send it again.",
            Unauthenticated => "Send a valid API key in the header Authorization: Bearer KEY.",
            Forbidden => "Do not repeat the call: this API key does not allow it.",
            VisitorUnverified => "Do not look at personal data before the visitor has signed in.",
            VisitorTokenInvalid => "Call again with a new token of the visitor, or without one.",
            PermissionDenied | RejectedByDynamics => "Do not repeat the call: it is not allowed.",
            NotFound | UnknownTool => "Look for it by other means.",
            ConnectionNotFound => "Call with the id of a connection that exists.",
            MethodNotAllowed => "Call again with a method that the path takes.",
            Ambiguous => "Say which one is meant.",
            Duplicate => "Use the record that exists.",
            AlreadyClosed => "Leave it as it is.",
            ConfirmationRequired => "Say what it would do, and wait for a yes.",
            VersionConflict => "Call again.",
            IdempotencyKeyReused => "Call again with a new key.",
            ConnectionBroken => "Have the connection mended first.",
            RateLimited | DynamicsUnavailable | ServiceUnavailable | DeadlineExceeded => {
                "Try again shortly."
            }
            Internal => "Report it, with its request_id.",
        }
    }

    /// The sentence that may be said in the chat, where there is one: it tells nothing of how the service is
    /// made. The model says it in the visitor's language.
    pub(super) fn say(self) -> Option<&'static str> {
        use ErrorCode::*;
        Some(match self {
            // The model mends the call.
            InvalidArguments | UnknownTool | MethodNotAllowed | IdempotencyKeyReused => {
                return None;
            }
            // The preview says it.
            ConfirmationRequired => return None,
            NotFound => "I cannot find that.",
            Ambiguous => "I find more than one that this could be. Which one is it?",
            Duplicate => "That is there already.",
            AlreadyClosed => "That is closed already.",
            VersionConflict => "Somebody has just changed that; I look again.",
            VisitorUnverified => "I can only look at that once it is clear who you are.",
            Forbidden | PermissionDenied => "I cannot do that here; a colleague can.",
            RejectedByDynamics => "Our system does not take that as it is.",
            RateLimited => "Our system is busy. It takes a moment.",
            Unauthenticated | VisitorTokenInvalid | ConnectionNotFound | ConnectionBroken
            | DynamicsUnavailable | ServiceUnavailable | DeadlineExceeded | Internal => {
                "Our system cannot be reached at the moment."
            }
        })
    }

    /// Whether the detail is for a model: it says what to call otherwise. Otherwise it is for those who
    /// run the service or the connection.
    pub(crate) fn has_detail_for_model(self) -> bool {
        use ErrorCode::*;
        !matches!(
            self,
            Unauthenticated
                | Forbidden
                | VisitorTokenInvalid
                | PermissionDenied
                | ConnectionNotFound
                | ConnectionBroken
                | DynamicsUnavailable
                | ServiceUnavailable
                | Internal
        )
    }

    /// Whether the same call may succeed later without a correction.
    pub fn is_retryable(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            VersionConflict
                | RateLimited
                | DynamicsUnavailable
                | ServiceUnavailable
                | DeadlineExceeded
        )
    }
}
