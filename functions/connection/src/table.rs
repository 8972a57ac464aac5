//! Calls of the bundle's own table, which may not answer.
//!
//! Some things only the table knows: the list, the activity log, which fields were chosen.
//! Operations that need them fail without the table. Other operations work on Dataverse or Secrets
//! Manager, and only make a note in the table. They succeed without it, wait for it no longer than
//! [`PATIENCE`] a call, and say what was not noted.

use std::time::Duration;

use state::StateError;
use tokio::time::timeout;
use toolkit::{ErrorCode, ToolError};

/// How long an operation waits for a call of the table that it can do without. The table usually
/// answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Limits the time of a call that the answer can do without.
pub(crate) fn soon<T>(
    call: impl Future<Output = Result<T, StateError>>,
) -> impl Future<Output = Result<T, StateError>> {
    // The futures of AWS's SDK are large.
    let call = timeout(PATIENCE, Box::pin(call));
    async {
        call.await.unwrap_or_else(|_| {
            let problem = "not within a second".to_owned();
            Err(StateError::Unavailable { operation: "a call", problem })
        })
    }
}

/// The error if a call of the table failed that the answer cannot do without.
pub(crate) fn failed(error: StateError) -> ToolError {
    let explained = if error.is_unavailable() {
        ToolError::new(
            ErrorCode::ServiceUnavailable,
            "the bundle's own table did not answer: DynamoDB is not available",
        )
        .next_step("Try again shortly.")
    } else {
        ToolError::internal(&error)
    };
    explained.for_log(error)
}
