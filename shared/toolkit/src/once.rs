//! A create happens once, is told of once, and never reads out what another call made.
//!
//! Three things keep it so. The row's primary key is drawn from the call, so that Dataverse refuses a
//! second row. Before that, the call announces in the table under its key what it is about to create
//! ([`Bond::Key`]): the same key with other arguments is refused, and of copies of one call only the
//! first says `created: true`. And what looks for an equal record first announces the customer and the
//! subject ([`Bond::Subject`]), so that two calls at once that know nothing of each other agree on one
//! row. Whoever makes a row that another call has announced notes so before it tries, and leaves it
//! to the other to say `created: true`; who has announced a row and finds it made says so only where
//! that was noted. The table is given [`PATIENCE`]; where it does not answer, the first of the three
//! still holds, and a row that is found must be the customer's whom the arguments name.

use std::time::Duration;

use crm::text::same_words;
use dataverse::{Create, Created, Operation, Record};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use state::{Announced, Bond, Intent, State, Ticket};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Context, ErrorCode, ToolError, WriteState, duplicate};

/// How long a create waits for the table. It answers in a few milliseconds, or something is wrong
/// with it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How the arguments are normalised before they are hashed; see `idempotency::canonical`. A hash of
/// another version says nothing.
const NORMALISING: u32 = 1;

/// How long after it was announced a call may still be at work: longer than any call may take.
const AT_WORK: SignedDuration = SignedDuration::from_secs(35);

/// How often another row is tried where the one that was announced turns out to be of no use.
const TRIES: usize = 3;

/// What ties a call to those that are the same.
pub(crate) struct Once {
    state: Option<State>,
    /// The primary key for the row.
    row: Uuid,
    tie: Tie,
    standing: OnceCell<Standing>,
}

/// What ties a call to those that are the same.
pub(crate) enum Tie {
    /// Nothing: nobody else can have its row's key.
    None,
    /// A conversation and the arguments: what has the same row's key is the same call.
    Conversation,
    /// An idempotency key, which may come again with other arguments. Holds their hash.
    Key(String),
}

/// How a call stands to those that are tied to it.
#[derive(Debug)]
enum Standing {
    /// It is the first, or the only one.
    First(Option<Ticket>),
    /// An equal call came before, and may still be at work.
    Again { row: Uuid, at_work: bool },
    /// The key belongs to a call with other arguments.
    Reused,
    /// The table did not say.
    Unknown,
}

impl Once {
    pub(crate) fn new(state: Option<State>, row: Uuid, tie: Tie) -> Once {
        Once { state, row, tie, standing: OnceCell::new() }
    }

    /// The primary key for the row.
    pub(crate) fn row(&self) -> Uuid {
        self.row
    }

    fn intent(&self, row: Uuid) -> Intent {
        let arguments = match &self.tie {
            Tie::Key(hash) => Some(hash.clone()),
            Tie::Conversation | Tie::None => None,
        };
        let version = arguments.as_ref().map(|_| NORMALISING);
        let at_work_until = Timestamp::now().saturating_add(AT_WORK).unwrap_or(Timestamp::MAX);
        Intent { row, arguments, version, at_work_until }
    }

    /// Announces the call under its key. Side by side with the first trip, for it takes as long.
    pub(crate) async fn settle(&self) {
        self.standing.get_or_init(|| self.announced()).await;
    }

    async fn announced(&self) -> Standing {
        if matches!(self.tie, Tie::None) {
            return Standing::First(None);
        }
        let Some(state) = &self.state else { return Standing::Unknown };
        let intent = self.intent(self.row);
        match within(state.announce(Bond::Key(self.row), &intent, None)).await {
            Some(Announced::First(ticket)) => Standing::First(Some(ticket)),
            Some(Announced::Before(before)) if before.version != intent.version => {
                Standing::Unknown
            }
            Some(Announced::Before(before)) if before.arguments != intent.arguments => {
                Standing::Reused
            }
            Some(Announced::Before(before)) => Standing::Again {
                row: before.row,
                at_work: Timestamp::now() < before.at_work_until,
            },
            None => Standing::Unknown,
        }
    }

    /// Refuses a key that belongs to another call.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        match self.standing.get() {
            Some(Standing::Reused) => Err(reused()),
            _ => Ok(()),
        }
    }

    /// The row of an equal call, where that is not the one with this call's own key.
    pub(crate) fn row_elsewhere(&self) -> Option<Uuid> {
        match self.standing.get() {
            Some(Standing::Again { row, .. }) if *row != self.row => Some(*row),
            _ => None,
        }
    }

    /// A row with the call's key that was there before.
    pub(crate) fn earlier(&self, record: Record) -> Earlier {
        let is_certain = match self.tie {
            // Nothing but the same call has that key.
            Tie::None | Tie::Conversation => true,
            // If it is the first to announce the key, it is not this key's announcement that made the
            // row: that expired, or could not be written.
            Tie::Key(_) => matches!(self.standing.get(), Some(Standing::Again { .. })),
        };
        Earlier { record, is_certain }
    }

    /// How this call stands to the row that it was to make. `claim`: it was the first to announce
    /// the subject, so that another call may have made the row for it.
    async fn part(&self, created: &Created, claim: Option<&Bond>) -> Part {
        let standing = self.standing.get().unwrap_or(&Standing::Unknown);
        match (created, standing) {
            // Whoever else has the row's key is not the first, and leaves it to the first to say so.
            (Created::Now(_) | Created::Unclear(_), Standing::First(_)) => Part::Made,
            (Created::Before(_), Standing::First(ticket)) => {
                let key = ticket.as_ref().map(|_| Bond::Key(self.row));
                for bond in key.as_ref().into_iter().chain(claim) {
                    if self.was_joined(bond).await {
                        return Part::MadeByAnother;
                    }
                }
                Part::Found
            }
            (Created::Now(_), Standing::Again { at_work, .. }) if *at_work => Part::Found,
            (Created::Now(_), _) => Part::Made,
            (Created::Before(_) | Created::Unclear(_), _) => Part::Found,
        }
    }

    async fn was_joined(&self, bond: &Bond) -> bool {
        let Some(state) = &self.state else { return false };
        within(state.was_joined(bond, self.row)).await.unwrap_or(false)
    }

    /// Notes that a row is made by this call though another has announced it. Unnoted, nobody says
    /// `created: true` of it.
    async fn note_joined(&self, bond: &Bond, row: Uuid) {
        if let Some(state) = &self.state {
            within(state.join(bond, row)).await;
        }
    }

    /// Takes the announcement back, because nothing was created: the same key may come with other
    /// arguments.
    pub(crate) async fn withdraw(&self) {
        if let (Some(state), Some(Standing::First(Some(ticket)))) =
            (&self.state, self.standing.get())
        {
            let intent = self.intent(self.row);
            within(state.withdraw(ticket, &intent)).await;
        }
    }
}

/// What the table answers, if it does so in time.
async fn within<T>(work: impl Future<Output = Result<T, state::StateError>>) -> Option<T> {
    // What the SDK needs for a request is large: it need not be in every call's own memory.
    match timeout(PATIENCE, Box::pin(work)).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a create goes on without the table");
            None
        }
        Err(_) => {
            tracing::warn!("a create goes on without the table, which does not answer");
            None
        }
    }
}

fn reused() -> ToolError {
    ToolError::new(
        ErrorCode::IdempotencyKeyReused,
        "this Idempotency-Key belongs to a call with other arguments",
    )
    .next_step("Use a new Idempotency-Key for each call; the same one only to repeat a call.")
    .write(WriteState::NotHappened)
}

/// A row with the call's key that was there before the call.
#[derive(Debug)]
pub struct Earlier {
    record: Record,
    is_certain: bool,
}

impl Earlier {
    /// The row, if an equal call made it: that is known, or the row is about what the arguments mean.
    ///
    /// # Errors
    ///
    /// `idempotency_key_reused`: it may be another customer's.
    pub fn given(self, is_meant: impl FnOnce(&Record) -> bool) -> Result<Record, ToolError> {
        if self.is_certain || is_meant(&self.record) { Ok(self.record) } else { Err(reused()) }
    }
}

/// What part a call has in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It made it.
    Made,
    /// It announced it, and another call that wanted the same has made it: both are told one row,
    /// and this one is told that it is new.
    MadeByAnother,
    /// The row was there, or another call says that it made it.
    Found,
}

/// A row, and whether this call made it.
#[derive(Debug)]
pub struct Made {
    /// The row.
    pub record: Record,
    /// Whether this call made it. At most one call says so of a row.
    pub created: bool,
    /// Whether the row was read after it was made; else it is as the create answered, without what
    /// was written beside it.
    pub was_read: bool,
    by_another: bool,
}

impl Made {
    fn of(created: Created, part: Part) -> Made {
        let (record, was_read) = match created {
            Created::Now(record) => (record, false),
            Created::Before(record) | Created::Unclear(record) => (record, true),
        };
        let by_another = part == Part::MadeByAnother;
        Made { record, was_read, by_another, created: part != Part::Found }
    }

    /// What to know of a row that does not hold, for certain, what this call said: `made_before`
    /// where it was there.
    pub fn hint(&self, made_before: &'static str) -> Option<&'static str> {
        match (self.created, self.by_another) {
            (false, _) => Some(made_before),
            (true, true) => Some(
                "Another call that wanted the same at the same moment wrote it: compare what it \
                 holds with what was asked for.",
            ),
            (true, false) => None,
        }
    }
}

/// A row that is to be made, exactly once.
pub struct Making<'a> {
    create: Create,
    others: Box<dyn Fn(Uuid) -> Vec<Operation> + Send + Sync + 'a>,
    claim: Option<Claim<'a>>,
}

/// What others may want at the same moment.
struct Claim<'a> {
    hash: String,
    /// Whether a row that another call made is still as that call made it.
    is_as_made: Box<dyn Fn(&Record) -> bool + Send + Sync + 'a>,
}

impl<'a> Making<'a> {
    /// A row under [`Context::record_id`].
    pub fn new(create: Create) -> Making<'a> {
        Making { create, others: Box::new(|_| Vec::new()), claim: None }
    }

    /// Together with writes that go with it; they are made for the primary key of the row.
    #[must_use]
    pub fn with(mut self, others: impl Fn(Uuid) -> Vec<Operation> + Send + Sync + 'a) -> Self {
        self.others = Box::new(others);
        self
    }

    /// Two calls at once that want the same make one row: what is the same is named by these parts,
    /// in whatever case and spacing. A row that another call made counts while it `is_as_made`: open,
    /// for one.
    #[must_use]
    pub fn once_for(
        mut self,
        context: &Context,
        parts: &[&str],
        is_as_made: impl Fn(&Record) -> bool + Send + Sync + 'a,
    ) -> Self {
        let mut hash = Sha256::new();
        for part in [context.connection().as_str(), context.tool()].iter().chain(parts) {
            let part = same_words(part);
            // With its length before it, no part can pretend to be another.
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        let hash = hex::encode(hash.finalize());
        self.claim = Some(Claim { hash, is_as_made: Box::new(is_as_made) });
        self
    }

    /// Makes it. `is_meant` tells of a row that is there already whether it is about what the
    /// arguments mean.
    pub async fn carry_out(
        self,
        context: &Context,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Made, ToolError> {
        let once = context.once();
        let (Some(claim), Some(state)) = (&self.claim, &once.state) else {
            return self.make_own(context, is_meant, None).await;
        };
        let bond = Bond::Subject(claim.hash.clone());
        let mut instead_of = None;
        for _ in 0..TRIES {
            let intent = once.intent(once.row);
            match within(state.announce(bond.clone(), &intent, instead_of)).await {
                None => break,
                Some(Announced::First(ticket)) => {
                    let made = self.make_own(context, &is_meant, Some(&bond)).await;
                    if made.as_ref().is_err_and(ToolError::is_without_effect) {
                        within(state.withdraw(&ticket, &intent)).await;
                    }
                    return made;
                }
                // This very call, or a copy of it.
                Some(Announced::Before(before)) if before.row == once.row => break,
                Some(Announced::Before(before)) => {
                    let made = self.join(context, &bond, &before, &is_meant).await?;
                    if let Some(made) = made {
                        return Ok(made);
                    }
                    instead_of = Some(before.row);
                }
            }
        }
        self.make_own(context, is_meant, None).await
    }

    /// Makes the row under the call's own key.
    async fn make_own(
        &self,
        context: &Context,
        is_meant: impl Fn(&Record) -> bool,
        claim: Option<&Bond>,
    ) -> Result<Made, ToolError> {
        let once = context.once();
        once.settle().await;
        once.check()?;
        if let Some(Standing::Again { row, at_work: true }) = once.standing.get()
            && *row == once.row
        {
            once.note_joined(&Bond::Key(once.row), once.row).await;
        }
        let created = duplicate::create(context, &self.create, (self.others)(once.row)).await?;
        let part = once.part(&created, claim).await;
        let mut made = Made::of(created, part);
        if made.was_read {
            made.record = once.earlier(made.record).given(is_meant)?;
        }
        Ok(made)
    }

    /// Makes the row that another call has announced, or finds it made. `None`: it is of no use any
    /// more.
    async fn join(
        &self,
        context: &Context,
        bond: &Bond,
        before: &Intent,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Option<Made>, ToolError> {
        let once = context.once();
        let is_gone = Timestamp::now() >= before.at_work_until;
        if !is_gone {
            once.note_joined(bond, before.row).await;
        }
        let create = self.create.clone().under(before.row);
        let created =
            Box::pin(duplicate::create(context, &create, (self.others)(before.row))).await?;
        // The one that announced it says that it is new, unless it is gone without having made it.
        let part = match created {
            Created::Now(_) if is_gone => Part::Made,
            Created::Now(_) | Created::Before(_) | Created::Unclear(_) => Part::Found,
        };
        let made = Made::of(created, part);
        let is_as_made =
            |record: &Record| self.claim.as_ref().is_some_and(|claim| (claim.is_as_made)(record));
        if made.was_read && !(is_as_made(&made.record) && is_meant(&made.record)) {
            return Ok(None);
        }
        // When this call comes again, it finds that row.
        if let (Some(state), Some(Standing::First(Some(ticket)))) =
            (&once.state, once.standing.get())
        {
            within(state.announce_again(ticket, &once.intent(before.row))).await;
        }
        Ok(Some(made))
    }
}
