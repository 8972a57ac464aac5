//! A create happens once, is reported as new once, and never shows a row of another call.
//!
//! Three things ensure this:
//!
//! 1. The primary key of the row is derived from the call, so Dataverse refuses a second row.
//! 2. Before that, the call announces under its key what it is about to create ([`Bond::Key`]). The
//!    announcement is a row in the state table. The same key with other arguments is refused, and
//!    of all copies of a call, only the first answers `created: true`.
//! 3. If equal records are shared, the call also announces the customer and the subject
//!    ([`Bond::Subject`]). So two independent calls at the same time agree on one row.
//!
//! Before a call creates a row that another call has announced, it notes this in the table, and
//! leaves it to the other call to answer `created: true`. If a call has announced a row and finds
//! it created, it answers `created: true` only if there is such a note.
//!
//! The table must answer within [`PATIENCE`]. If it does not, the first of the three still holds,
//! and a row that is found must belong to the customer that the arguments name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dataverse::{Created, Record};
use jiff::{SignedDuration, Timestamp};
use state::{Announced, Bond, Intent, State, Ticket};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{ErrorCode, ToolError, WriteState};

/// How long a create waits for the state table. Normally, the table answers in a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(250);

/// The version of the form in which arguments are hashed; see `idempotency::canonical`. Hashes of
/// different versions cannot be compared.
const NORMALISING: u32 = 1;

/// How long after its announcement a call may still run. This is longer than any call can take.
const AT_WORK: SignedDuration = SignedDuration::from_secs(35);

/// Connects a call with its copies, so that together they create one row.
pub(crate) struct Once {
    pub(crate) state: Option<State>,
    /// The primary key for the row.
    pub(crate) row: Uuid,
    tie: Tie,
    pub(crate) standing: OnceCell<Standing>,
    /// Whether the id of the contact that would be made with the row is another contact's.
    contact_taken: AtomicBool,
}

/// What connects a call with its copies.
pub(crate) enum Tie {
    /// Nothing. No other call can have the same key for its row.
    None,
    /// A conversation and the arguments. A call with the same key for its row is the same call.
    Conversation,
    /// An idempotency key. It may be used again with other arguments. Holds the hash of the
    /// arguments.
    Key(String),
}

/// The position of a call among its copies.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is the first or the only one.
    First(Option<Ticket>),
    /// An equal call came before. It may still be running.
    Again { row: Uuid, at_work: bool },
    /// The idempotency key belongs to a call with other arguments.
    Reused,
    /// Unknown: the table did not answer, or its answer cannot be compared.
    Unknown,
}

impl Once {
    pub(crate) fn new(state: Option<State>, row: Uuid, tie: Tie) -> Once {
        Once { state, row, tie, standing: OnceCell::new(), contact_taken: AtomicBool::new(false) }
    }

    /// Notes that the id of the contact that would be made with the row is another contact's. Returns
    /// whether it is noted for the first time.
    pub(crate) fn note_contact_taken(&self) -> bool {
        !self.contact_taken.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_contact_taken(&self) -> bool {
        self.contact_taken.load(Ordering::Relaxed)
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

    /// Announces the call under its key. This runs at the same time as the first trip, and takes
    /// about as long.
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

    /// Refuses an idempotency key that belongs to another call.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        match self.standing.get() {
            Some(Standing::Reused) => Err(reused()),
            _ => Ok(()),
        }
    }

    /// The key of the row of an equal call, if it differs from the key of this call.
    pub(crate) fn row_elsewhere(&self) -> Option<Uuid> {
        match self.standing.get() {
            Some(Standing::Again { row, .. }) if *row != self.row => Some(*row),
            _ => None,
        }
    }

    /// A row with the key of this call that existed before.
    pub(crate) fn earlier(&self, record: Record) -> Earlier {
        let is_certain = match self.tie {
            // Only the same call can have this key.
            Tie::None | Tie::Conversation => true,
            // If this call is the first to announce the key, the row was created by a call whose
            // announcement has expired or could not be written.
            Tie::Key(_) => matches!(self.standing.get(), Some(Standing::Again { .. })),
        };
        Earlier { record, is_certain }
    }

    /// The part of this call in the row. `claim` is given if this call was the first to announce
    /// the subject: then another call may have created the row for it.
    pub(crate) async fn part(&self, created: &Created, claim: Option<&Bond>) -> Part {
        let standing = self.standing.get().unwrap_or(&Standing::Unknown);
        match (created, standing) {
            // Other calls with the same key are not the first. They leave it to the first to report
            // the row as new.
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

    /// Notes that this call creates a row that another call has announced. Without this note, no
    /// call would answer `created: true` for the row.
    pub(crate) async fn note_joined(&self, bond: &Bond, row: Uuid) {
        if let Some(state) = &self.state {
            within(state.join(bond, row)).await;
        }
    }

    /// Withdraws the announcement, because nothing was created. Then the same key can be used with
    /// other arguments.
    pub(crate) async fn withdraw(&self) {
        if let (Some(state), Some(Standing::First(Some(ticket)))) =
            (&self.state, self.standing.get())
        {
            let intent = self.intent(self.row);
            within(state.withdraw(ticket, &intent)).await;
        }
    }
}

/// The answer of the state table, if it comes in time.
pub(crate) async fn within<T>(
    work: impl Future<Output = Result<T, state::StateError>>,
) -> Option<T> {
    // The future of an SDK request is large. Boxing it keeps it out of the memory of every call.
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

/// A row with the key of a call that existed before the call.
#[derive(Debug)]
pub(crate) struct Earlier {
    record: Record,
    is_certain: bool,
}

impl Earlier {
    /// The row, if an equal call created it. Either this is certain, or the row is about what the
    /// arguments mean.
    ///
    /// # Errors
    ///
    /// `idempotency_key_reused`, because the row may belong to another customer.
    pub(crate) fn given(self, is_meant: impl FnOnce(&Record) -> bool) -> Result<Record, ToolError> {
        if self.is_certain || is_meant(&self.record) { Ok(self.record) } else { Err(reused()) }
    }
}

/// The part that a call has in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The call created the row.
    Made,
    /// The call announced the row, and another call that wants the same created it. Both calls
    /// answer with this row, and this one reports it as new.
    MadeByAnother,
    /// The row already existed, or another call reports it as new.
    Found,
}
