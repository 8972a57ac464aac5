use crm::note::{self, Note};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::tables::NOTE;
use crm::text::{Line, Paragraph};
use dataverse::{Create, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Earlier, Effect, Making, PerKind, Reads, Tool, ToolError};
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

crm::records!(Written: note, regarding);

/// The heading of a note that was given none.
const SUBJECT: &str = "Chat note";

/// How many characters of the text come back: whoever wrote it knows it.
const SHOWN: usize = 100;

impl Tool for CreateNote {
    const NAME: &'static str = "dynamics365_create_note";
    const TITLE: &'static str = "Create note";
    const DESCRIPTION: &'static str = "Write a note on a contact, account, lead, opportunity or \
        case, such as a summary of the chat.";
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &["prvReadNote", "prvCreateNote", "prvAppendNote"];
    const PER_KIND: &'static [PerKind] = record::APPEND_TO;
    const EXAMPLE: &'static str = r#"{"record_type": "contact", "record": "maren.quist@northwind.example", "subject": "Chat of 24 November", "text": "Asked about the status of CAS-01001-Q7W2E9. Told her that it is in progress."}"#;

    type Arguments = Arguments;
    type Result = Written;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Written>, ToolError> {
        let Arguments { record_type, record, text, subject } = arguments;
        let record = record::parse(record_type, &record)?;
        let id = match record.id() {
            // Dataverse refuses a note on a record that does not exist: no need to look first.
            Some(id) => id,
            None => match find(context, &record).await? {
                (Some(earlier), found) => {
                    let is_meant = |note: &Record| found.as_ref().is_ok_and(|id| is_on(note, *id));
                    return written(context, &earlier.given(is_meant)?, false);
                }
                (None, found) => found?,
            },
        };
        let subject = subject.map_or(SUBJECT.into(), serde_json::Value::from);
        let create = Create::new(NOTE, context.record_id())
            .set("subject", Some(subject))
            .set("notetext", Some(text))
            .bind(note::regarding(record_type), record_type.table(), id)
            .select(Note::COLUMNS)
            .select([REGARDING]);
        let made = Making::new(create).carry_out(context, |note| is_on(note, id)).await?;
        written(context, &made.record, made.created)
    }
}

const REGARDING: &str = "_objectid_value";

/// Whether a note hangs on the record with this id.
fn is_on(note: &Record, id: Uuid) -> bool {
    note.id(REGARDING) == Some(id)
}

/// What there is before anything is written: the note that an earlier, equal call wrote, and the
/// record that it is to hang on.
async fn find(
    context: &Context,
    record: &RecordRef,
) -> Result<(Option<Earlier>, Result<Uuid, ToolError>), ToolError> {
    let mut reads = Reads::new();
    let same_call = reads
        .same_call(context, |id| Query::row(NOTE, id).select(Note::COLUMNS).select([REGARDING]));
    let sought = reads.seek(record);
    let mut answers = reads.send(context).await?;
    let earlier = answers.same_call(same_call)?;
    let found = answers.found(sought).and_then(|found| {
        let id = found.id(record.kind().table().key);
        id.ok_or_else(|| ToolError::internal("a record without an id"))
    });
    Ok((earlier, found))
}

fn written(context: &Context, note: &Record, created: bool) -> Result<Answer<Written>, ToolError> {
    let regarding = Regarding::of(note, REGARDING, context.instance());
    let note = Note::of(note, SHOWN).ok_or_else(|| ToolError::internal("a note without an id"))?;
    let before = (!created).then_some("This call had written the note before.");
    Ok(Answer::new(Written { created, note, regarding }).hint_if(before))
}
