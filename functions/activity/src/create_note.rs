use crm::labels::Choice as _;
use crm::note::{self, Note};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::reference::Sought as _;
use crm::tables::{NOTE, lookups};
use crm::text::{Line, Paragraph, same_words};
use crm::time::Minute;
use dataverse::{Create, Page, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, ErrorCode, Made, PerKind,
    ReadAnswers, Reads, Tool, ToolError,
};
use uuid::Uuid;

use crate::record::{self, Text};
use crm::visible::{Access, Visible};

/// Writes a note on a record.
pub(crate) struct CreateNote;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[open]
    record_type: RecordType,
    /// Id, name, email or case number.
    #[open]
    record: Text,
    /// The note.
    #[open]
    text: Paragraph<100_000>,
    /// Its heading.
    #[open]
    subject: Option<Line<500>>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Written {
    /// Whether this call wrote the note; false where an earlier, equal call had.
    #[open]
    created: bool,
    #[verified]
    note: Echo,
    /// What the note hangs on.
    #[verified]
    regarding: Option<Regarding>,
}

crm::records!(Written: note, regarding);

/// The note that was written, in short: the caller knows it.
#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Echo {
    #[verified]
    id: Uuid,
    #[verified]
    subject: Option<String>,
    /// How the note begins. All of it is stored.
    #[verified]
    excerpt: Option<String>,
    #[verified]
    created_on: Option<Minute>,
}

crm::records!(Echo: id);

/// The heading of a note if the caller gives none.
const SUBJECT: &str = "Chat note";

/// The most characters of the text in the answer.
const SHOWN: usize = 100;

impl Tool for CreateNote {
    const NAME: &'static str = "dynamics365_create_note";
    const TITLE: &'static str = "Create note";
    const DESCRIPTION: &'static str = "Write a note on a contact, account, lead, opportunity or \
        case, such as a summary of the chat.";
    const FOR: Access = Access::Open;
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &["prvReadNote", "prvCreateNote", "prvAppendNote"];
    const PER_KIND: &'static [PerKind] = record::APPEND_TO;
    const EXAMPLE: &'static str = r#"{"record_type": "contact", "record": "maren.quist@northwind.example", "subject": "Chat of 24 November", "text": "Asked about the status of CAS-01001-Q7W2E9. Told her that it is in progress."}"#;

    type Arguments = Arguments;
    type Result = Written;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Written>, ToolError> {
        let record = record::parse(arguments.record_type, &arguments.record)?;
        let made_here = context.made_by_stranger().await;
        // A chat of nobody known makes cases that it knows of, and no other records.
        if made_here.is_some() && arguments.record_type != RecordType::Case {
            return Err(ToolError::invalid("record_type", "must be case"));
        }
        check_mark(context, arguments.subject.as_ref())?;
        toolkit::create(context, &NewNote { record, made_here, arguments }).await
    }
}

/// Refuses a heading by which visitors know the notes that they may read.
fn check_mark(context: &Context, subject: Option<&Line<500>>) -> Result<(), ToolError> {
    let mark = context.visitors().and_then(|visitors| visitors.note_mark.as_deref());
    match (mark, subject) {
        (Some(mark), Some(subject))
            if same_words(subject.as_str()).starts_with(&same_words(mark)) =>
        {
            Err(ToolError::invalid("subject", "must begin with something else"))
        }
        _ => Ok(()),
    }
}

/// The new note, and the record that will have it.
struct NewNote {
    record: RecordRef,
    /// Of a visitor whom nobody knows: the records that the chat has made.
    made_here: Option<Vec<Uuid>>,
    arguments: Arguments,
}

impl NewNote {
    /// The record, unless a visitor whom nobody knows asks for what the chat has not made. That is
    /// answered as if it were not there, whatever was found.
    fn of_chat(
        &self,
        context: &Context,
        found: Result<Uuid, ToolError>,
    ) -> Result<Uuid, ToolError> {
        let Some(made_here) = &self.made_here else { return found };
        match found {
            Ok(id) if made_here.contains(&id) => return Ok(id),
            Err(error) if !matches!(error.code(), ErrorCode::NotFound | ErrorCode::Ambiguous) => {
                return Err(error);
            }
            _ => {}
        }
        let nothing = self.record.found(Page::default(), Page::default(), context.instance());
        Err(nothing.err().map_or_else(|| ToolError::internal("nothing was found"), Into::into))
    }
}

const REGARDING: &str = lookups::NOTE_ON_CONTACT.column;

impl Creates for NewNote {
    type Answer = Written;
    type Known = ();
    /// The id of the record.
    type Meant = Uuid;

    const MADE_BEFORE: &'static str = "This call had written the note before.";

    fn row(&self, id: Uuid) -> Query {
        let note = Query::row(NOTE, id).select(Note::COLUMNS).select([REGARDING]);
        match self.record.master(note::on(self.record.kind())) {
            Some(master) => note.expand(master),
            None => note,
        }
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        // Dataverse refuses a note on a record that does not exist, so nobody needs to look first. A
        // visitor's record must be theirs.
        if let Some(id) = self.record.id().filter(|_| !context.is_for_visitor()) {
            return Ok(Box::new(move |_| Ok(((), Ok(id)))));
        }
        // A chat may add to what it has made. Everything else is somebody's.
        let record = if context.is_unverified() {
            reads.seek_unseen(&self.record, |query| query)
        } else {
            reads.seek(&self.record)
        };
        Ok(Box::new(move |answers| {
            let id = answers.found(record).and_then(|record| {
                let id = record.id(self.record.kind().table().key);
                id.ok_or_else(|| ToolError::internal("a record without an id"))
            });
            Ok(((), self.of_chat(context, id)))
        }))
    }

    fn is_meant(id: &Uuid, note: &Record) -> bool {
        note.id(REGARDING) == Some(*id)
    }

    fn equal<'a>(&self, (): &'a (), _: &'a Uuid) -> Equal<'a> {
        Equal::Apart
    }

    fn draft<'a>(
        &'a self,
        _: &Context,
        id: &'a Uuid,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        let Arguments { record_type, text, subject, .. } = &self.arguments;
        let subject = subject.as_ref().map_or(SUBJECT, Line::as_str);
        let create = create
            .set("subject", Some(subject))
            .set("notetext", Some(text.clone()))
            .point(note::on(*record_type), *id);
        Ok(create.into())
    }

    fn consequence(&self, _: &Context, _: &Self::Meant) -> Option<Consequence> {
        None
    }

    fn answer(
        &self,
        context: &Context,
        (): &(),
        _: Option<&Uuid>,
        Made { record, created, hint, .. }: Made,
    ) -> Result<Answer<Written>, ToolError> {
        let regarding = Regarding::of(&record, REGARDING, context.instance());
        let note = Note::of(&record, SHOWN, None);
        let note = note.ok_or_else(|| ToolError::internal("a note without an id"))?;
        let Note { id, subject, text: excerpt, created_on, .. } = note;
        let note = Echo { id, subject, excerpt, created_on };
        // Where an id was given, nobody has looked whether the record is still in use.
        let merged = self.record.is_merged(&record, note::on(self.record.kind()));
        let merged = merged.then(|| {
            format!(
                "The {} was merged into another one: write the note there, too.",
                self.record.kind().label()
            )
        });
        Ok(Answer::new(Written { created, note, regarding }).hint_if(hint).hint_if(merged))
    }
}
