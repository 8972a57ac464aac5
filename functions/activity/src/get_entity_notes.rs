use crm::labels::Choice as _;
use crm::note::{self, Note};
use crm::record::{RecordRef, RecordType, Regarding};
use crm::tables::NOTE;
use dataverse::{Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, PerKind, Reads, Tool, ToolError, none_of};

use crate::record::{self, Text};
use crm::visible::{Access, Choice, Visible};

/// Lists the notes on a record.
pub(crate) struct GetEntityNotes;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[verified]
    record_type: RecordType,
    /// Id, name, email or case number.
    #[verified]
    record: Text,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Notes {
    /// What the notes hang on.
    #[verified]
    regarding: Option<Regarding>,
    /// The latest first.
    #[verified]
    notes: Vec<Note>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
}

crm::records!(Notes: regarding, notes);

impl Tool for GetEntityNotes {
    const NAME: &'static str = "dynamics365_get_entity_notes";
    const TITLE: &'static str = "Get record's notes";
    const DESCRIPTION: &'static str = "Read the latest notes on a contact, account, lead, \
        opportunity or case: what colleagues and earlier chats wrote down.";
    const FOR: Access = Access::Chosen(Choice::PublicNotes);
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadNote"];
    const PER_KIND: &'static [PerKind] = record::READ;
    const EXAMPLE: &'static str = r#"{"record_type": "case", "record": "CAS-01005-P8O1I4"}"#;

    type Arguments = Arguments;
    type Result = Notes;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Notes>, ToolError> {
        let Arguments { record_type, record, limit } = arguments;
        let record = record::parse(record_type, &record)?;
        let limit = limit.unwrap_or_default();
        let notes = |record: &RecordRef| {
            Query::rows(NOTE)
                .select(Note::COLUMNS)
                .filter(note::of_record(record))
                .order_by(Order::descending("createdon"))
                .top(limit.rows_to_ask_for())
        };
        let mut reads = Reads::new();
        let sought = reads.seek(&record);
        let is_for_visitor = context.is_for_visitor();
        let own_user = (!is_for_visitor).then(|| reads.seek_own_user(context));
        // A visitor's are asked for by the id of the record, once it is theirs for certain: others' may
        // have the same name.
        let at_once = (!is_for_visitor).then(|| reads.add(notes(&record)));
        let mut answers = reads.send(context).await?;
        let found = answers.found(sought)?;
        let own_user = own_user.and_then(|user| answers.own_user(user));
        let notes = match at_once {
            Some(notes) => answers.page(notes)?,
            None => {
                let id = found.id(record_type.table().key);
                let id = id.ok_or_else(|| ToolError::internal("a record without an id"))?;
                context.list(&notes(&RecordRef::of_id(record_type, id))).await?
            }
        };
        let regarding = Regarding::found(record_type, &found, context.instance());

        let (notes, more) = limit.cut(notes.records);
        let notes = Note::list(&notes, own_user);
        let none = notes.is_empty().then(|| {
            let on = format!("on the {}", record_type.label());
            none_of("notes", [Some(on.as_str()), context.shown_here()])
        });
        Ok(Answer::new(Notes { regarding, notes, more }).hint_if(none))
    }
}
