//! Requests that are written together, and what comes of each.

use std::collections::HashMap;

use http::HeaderMap;

use super::body::BodyReader;
use crate::data::{Reference, Table};
use crate::message::{ApiError, ApiRequest, ApiResponse};
use crate::organization::Apps;

/// What a write came to; the answer is made of it once the transaction is through.
pub(crate) enum Written {
    /// A new row.
    Created(Reference),
    /// A changed row.
    Updated(Reference),
    /// Done, and nothing to show.
    Done,
    /// A row that an action gives back, with these columns or all.
    Row(Reference, Option<Vec<String>>),
    /// What an action answers.
    Answer(ApiResponse),
}

/// The requests that belong together: one alone, or those of a change set.
pub(crate) struct Session<'a> {
    pub apps: Apps,
    /// What earlier requests of the change set made, by content id.
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
        })
    }
}

/// What `MSCRM.SuppressDuplicateDetection` says, where it is sent.
pub(crate) fn suppresses_duplicate_detection(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get("mscrm.suppressduplicatedetection")?.to_str().ok()?;
    value.trim().to_ascii_lowercase().parse().ok()
}
