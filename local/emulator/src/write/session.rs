//! The requests that are written together, and their outcomes.

use std::collections::HashMap;

use http::HeaderMap;

use super::body::BodyReader;
use crate::data::{Reference, Table};
use crate::message::{ApiError, ApiRequest, ApiResponse};
use crate::organization::Apps;

/// The outcome of a write. The answer is made from it after the transaction.
pub(crate) enum Written {
    /// A new row.
    Created(Reference),
    /// A changed row.
    Updated(Reference),
    /// The write was done, and there is nothing to show.
    Done,
    /// A row that an action returns, with these columns or with all.
    Row(Reference, Option<Vec<String>>),
    /// The answer of an action.
    Answer(ApiResponse),
}

/// Requests that belong together: a single one, or those of a change set.
pub(crate) struct Session<'a> {
    pub apps: Apps,
    /// Whether the owner of a task is also declared as `ownerid_task`, and so on.
    pub typed_owners: bool,
    /// The rows that earlier requests of the change set created, by content id.
    pub content_ids: &'a HashMap<String, Reference>,
}

impl Session<'_> {
    /// A reader for the bodies of a request.
    pub(crate) fn read<T>(
        &self,
        entity_set: &str,
        request: &ApiRequest,
        work: impl FnOnce(&BodyReader<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let apps = self.apps;
        let installed = move |table: &Table| apps.bring(table);
        work(&BodyReader {
            entity_set,
            base: &request.base,
            content_ids: self.content_ids,
            installed: &installed,
            typed_owners: self.typed_owners,
        })
    }
}

/// The value of `MSCRM.SuppressDuplicateDetection`, if it was sent.
pub(crate) fn suppresses_duplicate_detection(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get("mscrm.suppressduplicatedetection")?.to_str().ok()?;
    value.trim().to_ascii_lowercase().parse().ok()
}
