//! The entry of the activity log for a call.

use std::time::Duration;

use jiff::Timestamp;
use state::{EntryKind, LogEntry};

use super::Reply;
use crate::{Call, ToolError};

/// The id under which the call waits, or has waited, until somebody says yes.
pub(super) fn confirmation<'a>(call: &'a Call, error: Option<&'a ToolError>) -> Option<&'a str> {
    let waits = error.and_then(ToolError::confirmation_id);
    waits.or(call.confirmation.as_deref())
}

/// The entry of the activity log for a call. It contains no names, texts or arguments.
pub(super) fn entry(
    call: &Call,
    kind: EntryKind,
    result: &Result<Reply, ToolError>,
    request_id: &str,
    duration: Duration,
) -> LogEntry {
    let error = result.as_ref().err().or(call.found.as_ref());
    let details = error.and_then(ToolError::dataverse_details);
    let cause = error.and_then(ToolError::connection_cause);
    LogEntry {
        at: Timestamp::now(),
        kind,
        tool: call.tool.clone(),
        outcome: error.map_or("ok", |error| error.code().as_str()).to_owned(),
        cause: cause.map(|cause| cause.as_str().to_owned()),
        set_up_step: cause.and_then(auth::Cause::step).map(auth::Step::number),
        code: error.and_then(ToolError::foreign_code),
        duration_ms: duration.as_millis() as u64,
        trips: call.session.as_ref().map_or(0, dataverse::Session::trips),
        conversation: call.conversation.clone(),
        client: call.client.clone(),
        records: result.as_ref().map(Reply::named_records).unwrap_or_default(),
        dataverse_request_id: details.and_then(|details| details.request_id.clone()),
        verified_by: call.visitor.as_ref().map(|visitor| visitor.way().to_owned()),
        // The journal knows the key that it is hashed with.
        visitor: None,
        contact: call.visitor.as_ref().and_then(|visitor| visitor.contact),
        confirmation: confirmation(call, error).map(str::to_owned),
        request_id: request_id.to_owned(),
    }
}
