//! Creates rows. Each tool implements its part of every step, and [`create`] runs the steps.
//!
//! All creates take the same steps, and a tool cannot skip one: there is no other way to create a
//! row, and every step is a required part of [`Creates`]. Only [`create`] gets the key for a new
//! row, so a tool that reads cannot have one.

use crm::tables::CASE;
use crm::text::same_words;
use dataverse::{Code, Create, Query, Record};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::idioms::draft::Draft;
use crate::idioms::making::{Claim, Making, Row};
use crate::idioms::once::Part;
use crate::{Answer, Answers, Consequence, Context, Reads, ToolError, WriteState};

/// A row that a call wants to create. It is created exactly once.
///
/// The items are in the order of the steps of [`create`]. The type that implements this trait holds
/// the checked arguments of the tool.
pub trait Creates: Sized + Sync {
    /// The result of the tool.
    type Answer;
    /// More facts from the first trip, for the answer. They do not depend on who created the row.
    type Known: Send + Sync;
    /// The meaning of the arguments, found by the first trip: to whom the row will belong.
    type Meant: Send + Sync;

    /// The hint for the bot if an earlier, equal call created the row.
    const MADE_BEFORE: &'static str;

    /// The columns that [`Creates::is_meant`] reads, if Dataverse continues to work on the row
    /// after the create has been answered, as with the totals of a quote. The create then answers
    /// only with these columns, and the row is read again when everything is written. If `None`,
    /// the create answers with the whole row.
    const ANSWERS_EARLY: Option<&'static [&'static str]> = None;

    /// The most of them that a chat with a visitor may make.
    const MOST_OF_A_CHAT: Option<u64> = None;

    /// A query for the row with this id, with all columns that [`Creates::is_meant`] and
    /// [`Creates::answer`] read. It looks for the row that an earlier, equal call created, and it
    /// is also the form in which the create answers.
    fn row(&self, id: Uuid) -> Query;

    /// Adds queries to the first trip for everything that must be known before the row is created.
    /// Returns the function that reads their answers. If it adds no query, there is no first trip:
    /// Dataverse itself refuses a second row.
    ///
    /// The function returns two separate results. A row that an earlier, equal call created still
    /// exists, even if the arguments no longer have a meaning.
    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError>;

    /// Whether a row is about what the arguments mean. If a row with the key of the call is not,
    /// another call created it, and its content is not shown.
    fn is_meant(meant: &Self::Meant, row: &Record) -> bool;

    /// How to treat an existing record with the same content.
    fn equal<'a>(&self, known: &'a Self::Known, meant: &'a Self::Meant) -> Equal<'a>;

    /// Fills the new row. `create` already has the key and the columns to answer with.
    fn draft<'a>(
        &'a self,
        context: &Context,
        meant: &'a Self::Meant,
        create: Create,
    ) -> Result<Draft<'a>, ToolError>;

    /// What somebody must have said yes to, where a policy wants that. `None` if there is nothing.
    fn consequence(&self, context: &Context, meant: &Self::Meant) -> Option<Consequence>;

    /// Makes the tool's answer. `meant` may be missing only if an earlier, equal call created the
    /// row.
    fn answer(
        &self,
        context: &Context,
        known: &Self::Known,
        meant: Option<&Self::Meant>,
        made: Made,
    ) -> Result<Answer<Self::Answer>, ToolError>;
}

/// Reads the answers of the first trip: the known facts, and the meaning of the arguments.
pub type ReadAnswers<'a, C> =
    Box<dyn FnOnce(&mut Answers<'_>) -> Result<First<C>, ToolError> + Send + 'a>;

/// The results of the first trip.
pub type First<C> = (<C as Creates>::Known, Result<<C as Creates>::Meant, ToolError>);

/// How to treat an existing record with the same content as the new one.
#[derive(Debug)]
pub enum Equal<'a> {
    /// Existing records do not matter: two notes with the same words are two notes.
    Apart,
    /// A second record is wanted, even if the organization's rules against duplicates would refuse
    /// it.
    Wanted,
    /// An existing record is the answer. Two equal calls at the same time create only one row.
    Shared {
        /// The existing record, if there is one.
        there: Option<&'a Record>,
        /// The hint for the bot if the record exists.
        hint: &'static str,
        /// The texts that say whether two calls want the same. Case and spacing make no difference.
        parts: Vec<String>,
        /// Whether the row of another call can be the answer, for example because it is open.
        serves: fn(&Record) -> bool,
    },
}

/// The row that a call gets, and whether this call created it.
#[derive(Debug)]
pub struct Made {
    /// The row.
    pub record: Record,
    /// Whether this call created the row. At most one call says so for each row.
    pub created: bool,
    /// Whether the row was read after it was created. Otherwise it is the answer to the create,
    /// which does not show what was written together with it.
    pub was_read: bool,
    /// A hint for the bot if the row may differ from the arguments of this call.
    pub hint: Option<&'static str>,
}

impl Made {
    /// A row that already existed.
    fn found(record: Record, hint: &'static str) -> Made {
        Made { record, created: false, was_read: true, hint: Some(hint) }
    }
}

/// The hint for the bot if another call created the row for this one.
const MADE_BY_ANOTHER: &str = "Another call that wanted the same at the same moment wrote it: \
    compare what it holds with what was asked for.";

/// Runs the steps of a create, and returns the tool's answer.
///
/// 1. The first trip reads the row of an earlier, equal call, a record with the same content, and
///    the meaning of the arguments.
/// 2. If there is a row of an earlier, equal call, it is the answer.
/// 3. If there is a record with the same content and the tool shares such records, it is the
///    answer.
/// 4. The row is announced and created. Its key is that of this call, or that of another call that
///    wants the same.
///
/// # Errors
///
/// The errors of the tool's own steps, the errors of Dataverse, and `idempotency_key_reused`.
pub async fn create<C: Creates>(
    context: &Context,
    wanted: &C,
) -> Result<Answer<C::Answer>, ToolError> {
    let mut reads = Reads::of_create(context, |id| wanted.row(id));
    let read_answers = wanted.ask(context, &mut reads)?;
    let (same_call, known, meant) = {
        let mut answers = reads.send_for_create(context).await?;
        let same_call = answers.same_call()?;
        let (known, meant) = read_answers(&mut answers)?;
        (same_call, known, meant)
    };

    if let Some(earlier) = same_call {
        let is_meant = |row: &Record| meant.as_ref().is_ok_and(|meant| C::is_meant(meant, row));
        let made = Made::found(earlier.given(is_meant)?, C::MADE_BEFORE);
        return wanted.answer(context, &known, meant.as_ref().ok(), made);
    }
    let meant = meant?;

    let equal = wanted.equal(&known, &meant);
    if let Equal::Shared { there: Some(record), hint, .. } = equal {
        let made = Made::found(record.clone(), hint);
        return wanted.answer(context, &known, Some(&meant), made);
    }

    let new = new_row(wanted, context.once().row());
    let new = new.allow_duplicate(matches!(equal, Equal::Wanted));
    let draft = wanted.draft(context, &meant, new)?;
    context.stop_before(wanted.consequence(context, &meant)).await?;
    if context.is_unverified() {
        context.chat.admit(context).await?;
    } else if let Some(most) = C::MOST_OF_A_CHAT {
        context.chat.admit_one_more(context, most).await?;
    }
    // A claim is a look: whether somebody else wants the same is nothing that a stranger may learn.
    let claim = if context.is_unverified() { None } else { claim(context, equal) };
    let making = Making { draft, claim };
    let is_shared = making.claim.is_some();
    let makes_contact = making.draft.before.is_some();
    let made = making.carry_out(context, |row| C::is_meant(&meant, row)).await;
    let Row { record, was_read, part } = match made {
        // Another call has made the contact since the first trip, or it was made before and is found
        // no more. It is looked for once more.
        Err(error) if makes_contact && is_taken(&error) && context.once().note_contact_taken() => {
            return Box::pin(create(context, wanted)).await;
        }
        made => made?,
    };
    // Nobody may learn of a lead whether it was there, not even by how long a later call takes.
    if context.is_unverified() && wanted.row(Uuid::nil()).table() == CASE {
        context.chat.note_made(context).await;
    }
    let hint = match part {
        Part::Found => Some(C::MADE_BEFORE),
        Part::MadeByAnother => is_shared.then_some(MADE_BY_ANOTHER),
        Part::Made => None,
    };
    let mut made = Made { record, created: part != Part::Found, was_read, hint };
    if C::ANSWERS_EARLY.is_some() {
        made = read_again(context, wanted, made).await?;
    }
    wanted.answer(context, &known, Some(&meant), made)
}

/// Whether a row has the id already.
fn is_taken(error: &ToolError) -> bool {
    error.dataverse_details().is_some_and(|details| details.code.parse() == Ok(Code::KeyExists))
}

fn new_row<C: Creates>(wanted: &C, id: Uuid) -> Create {
    let row = wanted.row(id);
    match C::ANSWERS_EARLY {
        Some(columns) => {
            let table = row.table();
            Create::new(table, id).select([table.key]).select(columns.iter().copied())
        }
        None => Create::answering(row, id),
    }
}

/// Reads the row again, now that everything is written.
async fn read_again<C: Creates>(
    context: &Context,
    wanted: &C,
    made: Made,
) -> Result<Made, ToolError> {
    let gone =
        || ToolError::internal("a row that was made is not there").write(WriteState::Happened);
    let table = wanted.row(Uuid::nil()).table();
    let id = made.record.id(table.key).ok_or_else(gone)?;
    let record = context.session().first(&wanted.row(id)).await;
    let record = record.map_err(|error| ToolError::from(error).write(WriteState::Happened))?;
    Ok(Made { record: record.ok_or_else(gone)?, was_read: true, ..made })
}

/// The claim that a call announces, if records with the same content are shared.
fn claim(context: &Context, equal: Equal<'_>) -> Option<Claim> {
    let Equal::Shared { parts, serves, .. } = equal else { return None };
    let mut hash = Sha256::new();
    let whose = [context.connection().as_str(), context.tool()];
    for part in whose.into_iter().chain(parts.iter().map(String::as_str)) {
        let part = same_words(part);
        // The length before each part keeps apart lists of parts that would otherwise look the
        // same.
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Some(Claim { hash: hex::encode(hash.finalize()), serves })
}
