//! The bundle's own table, which may not answer.
//!
//! What the table alone knows fails without it: the list, the activity log, which fields were
//! chosen. What Dataverse or Secrets Manager does, the table only notes down: that is done all the
//! same, waits for the table no longer than [`PATIENCE`] a call, and says what was not noted.

use std::time::Duration;

use state::StateError;
use tokio::time::timeout;
use toolkit::{ErrorCode, ToolError};

/// How long an answer waits for a call that it can do without. The table answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call of the table that the answer can do without.
pub(crate) fn soon<T>(
    call: impl Future<Output = Result<T, StateError>>,
) -> impl Future<Output = Result<T, StateError>> {
    // What AWS's SDK does is large.
    let call = timeout(PATIENCE, Box::pin(call));
    async {
        call.await.unwrap_or_else(|_| {
            let problem = "not within a second".to_owned();
            Err(StateError::Unavailable { operation: "a call", problem })
        })
    }
}

/// A call of the table that the answer cannot do without failed.
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
