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

use dataverse::{Created, Record};
use jiff::{SignedDuration, Timestamp};
use state::{Announced, Bond, Intent, State, Ticket};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{ErrorCode, ToolError, WriteState};

/// How long a create waits for the table. It answers in a few milliseconds, or something is wrong
/// with it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How the arguments are normalised before they are hashed; see `idempotency::canonical`. A hash of
/// another version says nothing.
const NORMALISING: u32 = 1;

/// How long after it was announced a call may still be at work: longer than any call may take.
const AT_WORK: SignedDuration = SignedDuration::from_secs(35);

/// What ties a call to those that are the same.
pub(crate) struct Once {
    pub(crate) state: Option<State>,
    /// The primary key for the row.
    pub(crate) row: Uuid,
    tie: Tie,
    pub(crate) standing: OnceCell<Standing>,
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
pub(crate) enum Standing {
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

    pub(crate) fn intent(&self, row: Uuid) -> Intent {
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
    pub(crate) async fn part(&self, created: &Created, claim: Option<&Bond>) -> Part {
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
    pub(crate) async fn note_joined(&self, bond: &Bond, row: Uuid) {
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
pub(crate) async fn within<T>(
    work: impl Future<Output = Result<T, state::StateError>>,
) -> Option<T> {
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
pub(crate) struct Earlier {
    record: Record,
    is_certain: bool,
}

impl Earlier {
    /// The row, if an equal call made it: that is known, or the row is about what the arguments mean.
    ///
    /// # Errors
    ///
    /// `idempotency_key_reused`: it may be another customer's.
    pub(crate) fn given(self, is_meant: impl FnOnce(&Record) -> bool) -> Result<Record, ToolError> {
        if self.is_certain || is_meant(&self.record) { Ok(self.record) } else { Err(reused()) }
    }
}

/// What part a call has in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It made it.
    Made,
    /// It announced it, and another call that wanted the same has made it: both are told one row,
    /// and this one is told that it is new.
    MadeByAnother,
    /// The row was there, or another call says that it made it.
    Found,
}
