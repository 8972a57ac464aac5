//! The files that came with an email. Each is a row.

use dataverse::Record;

/// The navigation property from an email to its attachments.
pub const OF_EMAIL: &str = "email_activity_mime_attachment";

/// The column with the name of the file.
pub const NAME: &str = "filename";

/// The names of the first attachments of a row that was read with them.
pub fn names(record: &Record, navigation: &str, most: usize) -> Vec<String> {
    let names = record.many(navigation).iter().filter_map(|attachment| attachment.text(NAME));
    names.take(most).map(str::to_owned).collect()
}
