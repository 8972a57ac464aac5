//! The errors for calls of visitors that need somebody else, or somebody who is known.

use crate::{ErrorCode, ToolError, WriteState};

/// The error: this needs a visitor who is known.
pub(crate) fn unverified(what: &str) -> ToolError {
    ToolError::new(
        ErrorCode::VisitorUnverified,
        format!("{what}: only for visitors who have shown who they are"),
    )
    .next_step(HOW_TO_VERIFY)
    .write(WriteState::NotHappened)
}

/// The same error, where the connection sends codes.
pub(crate) fn with_codes(error: ToolError) -> ToolError {
    if error.advice() == Some(HOW_TO_VERIFY) { error.next_step(HOW_WITH_CODES) } else { error }
}

/// How a visitor shows who they are by a code, for the bot.
const HOW_WITH_CODES: &str = "If that needs a look at personal data, ask for their email address, and have \
    a code sent there with dynamics365_send_visitor_code. You can open a case or note a request for them \
    without a code.";

/// How a visitor shows who they are, for the bot.
const HOW_TO_VERIFY: &str = "Say that you cannot look at personal data here before the visitor has \
    shown who they are, for example by signing in. You can still open a case or note a request for them.";

/// The error: somebody is vouched for who is no contact.
pub(crate) fn nobody(detail: &str) -> ToolError {
    ToolError::new(ErrorCode::VisitorUnverified, detail)
        .next_step(
            "Say that you cannot find the visitor's data. You can still open a case for them with \
             new_contact.",
        )
        .write(WriteState::NotHappened)
}

/// The error: this is for the company's own people.
pub(crate) fn not_for_visitors(what: &str) -> ToolError {
    ToolError::new(ErrorCode::Forbidden, format!("{what}: not for visitors"))
        .next_step("Do without it: it is for the company's own people.")
        .write(WriteState::NotHappened)
}
