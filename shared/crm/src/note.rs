//! Notes as the tools show them.

use dataverse::Record;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::tables::NOTE;
use crate::text::excerpt;
use crate::time::Minute;

/// A note, with the beginning of its text.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Note {
    /// The id of the note.
    pub id: Uuid,
    /// Its heading.
    pub subject: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// Whether the text goes on.
    pub truncated: Option<bool>,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written.
    pub created_on: Option<Minute>,
    /// The name of the attached file.
    pub attachment: Option<String>,
}

impl Note {
    /// The columns that it is made of. Never the attachment itself: that may be large.
    pub const COLUMNS: [&'static str; 6] =
        ["annotationid", "subject", "notetext", "createdon", "_createdby_value", "filename"];

    /// Reads it from a row with [`Note::COLUMNS`], its text cut after so many characters.
    pub fn of(record: &Record, limit: usize) -> Option<Note> {
        let text = record.text("notetext").map(|text| excerpt(text, limit));
        Some(Note {
            id: record.id(NOTE.key)?,
            subject: record.text("subject").map(str::to_owned),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text).filter(|text| !text.is_empty()),
            author: record.label("_createdby_value").map(str::to_owned),
            created_on: record.time("createdon").map(Minute),
            attachment: record.text("filename").map(str::to_owned),
        })
    }
}
