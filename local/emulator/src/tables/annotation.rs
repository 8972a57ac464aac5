//! Notes and their attachments.

use crate::data::Value;
use crate::message::ApiError;
use crate::organization::{Row, platform};
use crate::write::{Change, Context, TableRules, refusal};

pub(super) const RULES: TableRules =
    TableRules { table: "annotation", parents: &["objectid"], complete, ..TableRules::PLAIN };

/// Completes a note and checks its attachment.
fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    let row = &mut *change.row;
    let about = row.value("_objectid_value").as_reference();
    let code = about.map_or(Value::Null, |about| Value::text(&about.table.table().name));
    row.set_value("objecttypecode", code);
    let Some(size) = size_of(context, row, "documentbody")? else { return Ok(()) };
    row.set_value("filesize", size);
    row.set_value("isdocument", Value::Boolean(true));
    Ok(())
}

/// The size of the file in a column, if there is one and it may be there.
pub(super) fn size_of(
    context: &Context<'_>,
    row: &Row,
    column: &str,
) -> Result<Option<Value>, ApiError> {
    let Some(body) = row.value(column).as_text() else { return Ok(None) };
    let size = decoded_size(body).ok_or_else(|| {
        refusal::bad_request(0x8004_0203, "The attachment body is not a valid base64 string.")
    })?;
    let extension = row
        .value("filename")
        .as_text()
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, extension)| extension.to_ascii_lowercase());
    if !allowed(context, size, extension.as_deref()) {
        return Err(refusal::bad_request(
            0x8004_3e09,
            "The attachment is either not a valid type or is too large. It cannot be uploaded or \
             downloaded.",
        ));
    }
    Ok(Some(Value::Integer(i32::try_from(size).unwrap_or(i32::MAX))))
}

fn allowed(context: &Context<'_>, size: usize, extension: Option<&str>) -> bool {
    let Some(organization) = platform::organization(context.store) else { return true };
    let limit = organization.value("maxuploadfilesize").as_integer();
    let fits =
        limit.and_then(|limit| usize::try_from(limit).ok()).is_none_or(|limit| size <= limit);
    let blocked = organization.value("blockedattachments").as_text().unwrap_or_default();
    fits && extension.is_none_or(|extension| blocked.split(';').all(|one| one != extension))
}

/// The number of bytes in a Base64 text.
fn decoded_size(text: &str) -> Option<usize> {
    let content = text.trim_end_matches('=');
    let padding = text.len() - content.len();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let complete = text.len().is_multiple_of(4) && padding <= 2;
    (complete && content.bytes().all(is_base64)).then(|| content.len() * 3 / 4)
}

#[cfg(test)]
mod tests {
    use super::decoded_size;

    #[test]
    fn base64_is_measured_and_checked() {
        assert_eq!(decoded_size("aGVsbG8="), Some(5));
        assert_eq!(decoded_size(""), Some(0));
        assert_eq!(decoded_size("aGVsbG8"), None);
        assert_eq!(decoded_size("not base64!!"), None);
    }
}
