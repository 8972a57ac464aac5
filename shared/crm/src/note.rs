//! Notes as the tools show them.

use dataverse::{Filter, Link, Record};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::record::{RecordRef, RecordType};
use crate::tables::{NOTE, lookups};
use crate::text::{Excerpt, excerpt};
use crate::time::Minute;
use crate::visible::Visible;

/// The limit for the text of one note, and for all texts of a list together, in characters.
const EXCERPT: usize = 1000;
const EXCERPTS: usize = 3000;

crate::choice! {
    /// Who wrote a note.
    pub enum Writer {
        People = 0 "people",
        ThisApi = 1 "this_api",
    }
}

impl Writer {
    /// Who wrote a note, if it is known which user of Dynamics 365 this API is.
    fn of(note: &Record, own_user: Option<Uuid>) -> Option<Writer> {
        let own_user = own_user?;
        let author = note.id("_createdby_value")?;
        Some(if author == own_user { Writer::ThisApi } else { Writer::People })
    }
}

/// A note, with the beginning of its text.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct Note {
    /// The id of the note.
    #[verified]
    pub id: Uuid,
    /// Its heading.
    #[verified]
    pub subject: Option<String>,
    /// Its text.
    #[verified]
    pub text: Option<String>,
    /// Whether the text goes on.
    #[verified]
    pub truncated: Option<bool>,
    /// Who wrote it.
    #[staff]
    pub author: Option<String>,
    /// Whether people wrote it, or a chat through this API.
    #[staff]
    pub written_by: Option<Writer>,
    /// When it was written.
    #[verified]
    pub created_on: Option<Minute>,
    /// The name of the attached file.
    #[verified]
    pub attachment: Option<String>,
}

crate::records!(Note: id);

impl Note {
    /// The columns to select. They leave out the attached file itself, which may be large.
    pub const COLUMNS: [&'static str; 6] =
        ["annotationid", "subject", "notetext", "createdon", "_createdby_value", "filename"];

    /// Reads a list of notes. The longer the list, the less text it shows of each note. `own_user` is
    /// the user of this API.
    pub fn list(records: &[Record], own_user: Option<Uuid>) -> Vec<Note> {
        let limit = EXCERPT.min(EXCERPTS / records.len().max(1));
        records.iter().filter_map(|record| Note::of(record, limit, own_user)).collect()
    }

    /// Reads a note from a row with [`Note::COLUMNS`]. Its text is cut after `limit` characters.
    pub fn of(record: &Record, limit: usize, own_user: Option<Uuid>) -> Option<Note> {
        let text = Excerpt::of(record, "notetext", |text| excerpt(text, limit));
        Some(Note {
            id: record.id(NOTE.key)?,
            subject: record.text("subject").map(str::to_owned),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text).filter(|text| !text.is_empty()),
            author: record.label("_createdby_value").map(str::to_owned),
            written_by: Writer::of(record, own_user),
            created_on: record.time("createdon").map(Minute),
            attachment: record.text("filename").map(str::to_owned),
        })
    }
}

/// The lookup from a note to the record that has the note.
pub fn on(kind: RecordType) -> Link {
    match kind {
        RecordType::Contact => lookups::NOTE_ON_CONTACT,
        RecordType::Account => lookups::NOTE_ON_ACCOUNT,
        RecordType::Lead => lookups::NOTE_ON_LEAD,
        RecordType::Opportunity => lookups::NOTE_ON_OPPORTUNITY,
        RecordType::Case => lookups::NOTE_ON_CASE,
    }
}

/// The notes of a record.
pub fn of_record(record: &RecordRef) -> Filter {
    record.at(on(record.kind()))
}
