//! Parts of an answer that may be missing.

use dataverse::{Error, Page};

use crate::{ErrorCode, ToolError};

/// The rows of a part that the answer can do without: where the application user may not read
/// them, or the environment does not have the app, they are left out and a hint says why.
pub fn optional_part(
    part: Result<Page, Error>,
    what: &str,
    hints: &mut Vec<String>,
) -> Result<Page, ToolError> {
    match part.map_err(ToolError::from) {
        Ok(page) => Ok(page),
        Err(error)
            if matches!(
                error.code(),
                ErrorCode::PermissionDenied | ErrorCode::ConnectionBroken
            ) =>
        {
            hints.push(format!("{what} cannot be shown: {}.", error.detail()));
            Ok(Page::default())
        }
        Err(error) => Err(error),
    }
}
