use crm::note::{self, Note};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::tables::NOTE;
use crm::text::{Line, Paragraph};
use dataverse::{Create, Created, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Access, Answer, Context, Reads, Tool, ToolError};
use uuid::Uuid;

use crate::record::{self, Text};

/// Writes a note on a record.
pub(crate) struct CreateNote;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Its kind.
    record_type: RecordType,
    /// Id, name, email or case number.
    record: Text,
    /// The note.
    text: Paragraph<100_000>,
    /// Its heading.
    subject: Option<Line<500>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Written {
    /// Whether this call wrote the note; false where an earlier, equal call had.
    created: bool,
    note: Note,
    /// What the note hangs on.
    regarding: Option<Regarding>,
}

/// The heading of a note that was given none.
const SUBJECT: &str = "Chat note";

/// How many characters of the text come back: whoever wrote it knows it.
const SHOWN: usize = 100;

impl Tool for CreateNote {
    const NAME: &'static str = "dynamics365_create_note";
    const TITLE: &'static str = "Create note";
    const DESCRIPTION: &'static str = "Write a note on a contact, account, lead, opportunity or \
        case, such as a summary of the chat.";
    const ACCESS: Access = Access::Write;
    const PRIVILEGES: &'static [&'static str] =
        &["prvReadNote", "prvReadContact", "prvCreateNote", "prvAppendNote", "prvAppendToContact"];

    type Arguments = Arguments;
    type Result = Written;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Written>, ToolError> {
        let Arguments { record_type, record, text, subject } = arguments;
        let record = record::parse(record_type, &record)?;
        let id = match record.id() {
            // Dataverse refuses a note on a record that does not exist: no need to look first.
            Some(id) => id,
            None => match find(context, &record).await? {
                Before::Record(id) => id,
                Before::SameCall(note) => return written(context, &note, false),
            },
        };
        let subject = subject.map_or(SUBJECT.into(), serde_json::Value::from);
        let create = Create::new(NOTE, context.record_id())
            .set("subject", Some(subject))
            .set("notetext", Some(text))
            .bind(note::regarding(record_type), record_type.table(), id)
            .select(Note::COLUMNS)
            .select([REGARDING]);
        match toolkit::create(context, &create, Vec::new()).await? {
            Created::Now(note) => written(context, &note, true),
            Created::Before(note) => written(context, &note, false),
        }
    }
}

const REGARDING: &str = "_objectid_value";

/// What there is before anything is written.
enum Before {
    /// The note that an earlier, equal call wrote.
    SameCall(Record),
    /// The record that it is to hang on.
    Record(Uuid),
}

async fn find(context: &Context, record: &RecordRef) -> Result<Before, ToolError> {
    let mut reads = Reads::new();
    let same_call =
        reads.add(Query::row(NOTE, context.record_id()).select(Note::COLUMNS).select([REGARDING]));
    let sought = reads.seek(record);
    let mut answers = reads.send(context).await?;
    if let Some(note) = answers.first(same_call)? {
        return Ok(Before::SameCall(note));
    }
    let found = answers.found(sought)?.id(record.kind().table().key);
    found.map(Before::Record).ok_or_else(|| ToolError::internal("a record without an id"))
}

fn written(context: &Context, note: &Record, created: bool) -> Result<Answer<Written>, ToolError> {
    let regarding = Regarding::of(note, REGARDING, context.instance());
    let note = Note::of(note, SHOWN).ok_or_else(|| ToolError::internal("a note without an id"))?;
    let before = (!created).then_some("This call had written the note before.");
    Ok(Answer::new(Written { created, note, regarding }).hint_if(before))
}
