//! Creates: each tool says what is its own of a step, and [`create`] takes the steps.
//!
//! All creates go the same way, and a tool cannot leave a step out: it has no other way to write a
//! row, and each step is a required part of [`Creates`]. The row's key is drawn here and nowhere
//! else, so a tool that reads cannot ask for one.

use crm::text::same_words;
use dataverse::{Create, Query, Record};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::idioms::draft::Draft;
use crate::idioms::making::{Claim, Making, Row};
use crate::idioms::once::Part;
use crate::{Answer, Answers, Context, Reads, ToolError, WriteState};

/// A row that a call wants to have, and that is made exactly once.
///
/// The parts stand in the order of the steps that [`create`] takes. It is implemented by what the
/// tool's arguments come to, once they are checked.
pub trait Creates: Sized + Sync {
    /// What the tool answers.
    type Answer;
    /// What else the first trip tells, for the answer: it is there whoever made the row.
    type Known: Send + Sync;
    /// What the arguments mean: whose row it is to be, found by the first trip.
    type Meant: Send + Sync;

    /// What the bot hears of a row that the same call had made before.
    const MADE_BEFORE: &'static str;

    /// Where Dataverse still works on the row once the create is answered, as it does on the totals
    /// of a quote: the columns that [`Creates::is_meant`] looks at. The create answers with those,
    /// and the row is read once more when all is written. `None`: the create answers with the row.
    const ANSWERS_EARLY: Option<&'static [&'static str]> = None;

    /// The row with this id, with all that [`Creates::is_meant`] and [`Creates::answer`] look at. By
    /// this the row that the same call made before is looked for; and so the create is answered.
    fn row(&self, id: Uuid) -> Query;

    /// Adds to the first trip what must be known before the row is made, and gives what reads the
    /// answers. Where it adds nothing there is no first trip: Dataverse itself refuses a second row.
    ///
    /// The two results are apart because a row that the same call made before is there, whatever has
    /// become of what the arguments mean since.
    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError>;

    /// Whether a row is about what the arguments mean. A row with the call's key that is not was made
    /// by another call, and is not read out.
    fn is_meant(meant: &Self::Meant, row: &Record) -> bool;

    /// What becomes of a record that says the same.
    fn equal<'a>(&self, known: &'a Self::Known, meant: &'a Self::Meant) -> Equal<'a>;

    /// Fills the new row. `create` has its key, and what it answers with.
    fn draft<'a>(
        &'a self,
        context: &Context,
        meant: &'a Self::Meant,
        create: Create,
    ) -> Result<Draft<'a>, ToolError>;

    /// The tool's answer. `meant` is missing only for a row that the same call made before.
    fn answer(
        &self,
        context: &Context,
        known: &Self::Known,
        meant: Option<&Self::Meant>,
        made: Made,
    ) -> Result<Answer<Self::Answer>, ToolError>;
}

/// Reads the answers of the first trip: what is known, and what the arguments mean.
pub type ReadAnswers<'a, C> =
    Box<dyn FnOnce(&mut Answers<'_>) -> Result<First<C>, ToolError> + Send + 'a>;

/// What the first trip tells.
pub type First<C> = (<C as Creates>::Known, Result<<C as Creates>::Meant, ToolError>);

/// What becomes of a record that says the same as the new one.
#[derive(Debug)]
pub enum Equal<'a> {
    /// Nobody looks for one: two notes with the same words are two notes.
    Apart,
    /// A second one is wanted: not even the organization's rules against duplicates keep it from
    /// being made.
    Wanted,
    /// It is the answer, if there is one; and two calls at once that want the same make one row.
    Shared {
        /// The record that is there.
        there: Option<&'a Record>,
        /// What the bot hears where it is.
        hint: &'static str,
        /// By what two calls are known to want the same, in whatever case and spacing.
        parts: Vec<String>,
        /// Whether the row of another call still serves: it is open, for one.
        serves: fn(&Record) -> bool,
    },
}

/// The row that a call gets, and whether this call made it.
#[derive(Debug)]
pub struct Made {
    /// The row.
    pub record: Record,
    /// Whether this call made it. At most one call says so of a row.
    pub created: bool,
    /// Whether the row was read after it was made. Else it is as the create answered, without what
    /// was written beside it.
    pub was_read: bool,
    /// What to know of a row that may not hold what this call said.
    pub hint: Option<&'static str>,
}

impl Made {
    /// A row that was there.
    fn found(record: Record, hint: &'static str) -> Made {
        Made { record, created: false, was_read: true, hint: Some(hint) }
    }
}

/// What the bot hears of a row that another call has made for this one.
const MADE_BY_ANOTHER: &str = "Another call that wanted the same at the same moment wrote it: \
    compare what it holds with what was asked for.";

/// Takes the steps of a create, and gives the tool's answer.
///
/// 1. The first trip: the row of the same call, a record that says the same, what the arguments mean.
/// 2. The row of the same call is the answer, where there is one.
/// 3. A record that says the same is the answer, where the tool shares those.
/// 4. The row is announced, and made under the call's key or under that of a call that wants the same.
///
/// # Errors
///
/// What the steps of the tool say, what Dataverse says, and `idempotency_key_reused`.
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
    let making = Making { draft, claim: claim(context, equal) };
    let is_shared = making.claim.is_some();
    let Row { record, was_read, part } =
        making.carry_out(context, |row| C::is_meant(&meant, row)).await?;
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

/// The row as it is once all is written.
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

/// What a call claims for itself where equal records are shared.
fn claim(context: &Context, equal: Equal<'_>) -> Option<Claim> {
    let Equal::Shared { parts, serves, .. } = equal else { return None };
    let mut hash = Sha256::new();
    let whose = [context.connection().as_str(), context.tool()];
    for part in whose.into_iter().chain(parts.iter().map(String::as_str)) {
        let part = same_words(part);
        // With its length before it, no part can pretend to be another.
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Some(Claim { hash: hex::encode(hash.finalize()), serves })
}
