//! Errors of the table. No error contains anything that was to be stored or read.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the table did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// DynamoDB could not be reached, failed, or had too much to do.
    #[error("DynamoDB did not answer {operation}: {problem}")]
    Unavailable {
        /// The DynamoDB operation.
        operation: &'static str,
        /// What AWS or its SDK calls it.
        problem: String,
    },
    /// DynamoDB refused: the function's role lacks a right, or there is no such table.
    #[error("DynamoDB refused {operation}: {code}")]
    Refused {
        /// The DynamoDB operation.
        operation: &'static str,
        /// What AWS calls it.
        code: String,
    },
    /// Somebody else has changed the item since it was read.
    #[error("it has changed since it was read")]
    Conflict,
    /// The connection has been removed, or set up anew, since it was read.
    #[error("the connection has been removed")]
    Gone,
    /// The cursor was handed out for another connection.
    #[error("the cursor belongs to another connection")]
    ForeignCursor,
    /// An item is not what this version of the bundle stores.
    #[error("an item of the table cannot be understood as {what}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
    },
}

/// The error codes with status 400 that mean "not now".
const BUSY: [&str; 5] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
];

impl StateError {
    /// Whether trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, StateError::Unavailable { .. })
    }

    pub(crate) fn of_sdk<E>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> StateError
    where
        E: ProvideErrorMetadata,
    {
        let unavailable =
            |problem: &str| StateError::Unavailable { operation, problem: problem.to_owned() };
        match error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().unwrap_or("unnamed error");
                if answer.raw().status().is_server_error() || BUSY.contains(&code) {
                    unavailable(code)
                } else {
                    StateError::Refused { operation, code: code.to_owned() }
                }
            }
            SdkError::TimeoutError(_) => unavailable("timeout"),
            SdkError::DispatchFailure(_) => unavailable("connection failed, or no AWS credentials"),
            _ => unavailable("unreadable answer"),
        }
    }
}
