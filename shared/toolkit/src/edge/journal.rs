//! Writes the activity log at times when no caller waits for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::ConnectionId;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use seal::SealKeys;
use secrecy::{ExposeSecret as _, SecretString};
use state::{LogEntry, State};
use tokio::sync::Notify;

/// The most entries that wait. If the table does not accept them, the oldest are dropped.
const WAITING: usize = 1000;

/// The most records that an entry names.
pub(crate) const RECORDS: usize = 10;

/// Entries of the activity log that are not yet in the table. Noting an entry never waits and never
/// fails. If entries cannot be written, a warning in the log says so.
pub struct Journal {
    state: State,
    /// What visitors are hashed with.
    seals: Option<SealKeys>,
    waiting: Mutex<Vec<Noted>>,
    /// How many entries were noted. A request may have several, which are not written at once.
    count: AtomicUsize,
    /// Work that does not have to be done before an answer.
    later: Mutex<Vec<BoxFuture<'static, ()>>>,
    noted: Notify,
}

/// An entry that waits, with what its visitor is known by.
struct Noted {
    connection: ConnectionId,
    entry: LogEntry,
    visitor: Option<SecretString>,
    /// Its place among all that were noted, which tells it from others of its request.
    place: usize,
}

/// What hashes of visitors are for.
const VISITOR: &str = "visitor in the activity log";

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// A journal that writes to this table. It names visitors by hashes with this key; without one, it
    /// names none.
    pub fn new(state: State, seals: Option<SealKeys>) -> Arc<Journal> {
        Arc::new(Journal {
            state,
            seals,
            waiting: Mutex::default(),
            count: AtomicUsize::default(),
            later: Mutex::default(),
            noted: Notify::new(),
        })
    }

    /// Notes an entry. It is written later.
    pub(crate) fn note(
        &self,
        connection: &ConnectionId,
        entry: LogEntry,
        visitor: Option<SecretString>,
    ) {
        let place = self.count.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING {
            waiting.remove(0);
            tracing::warn!("the activity log cannot keep up: an entry is lost");
        }
        waiting.push(Noted { connection: connection.clone(), entry, visitor, place });
        self.noted.notify_one();
    }

    /// Does this work when no caller waits for it.
    pub fn do_later(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.later.lock().push(work.boxed());
        self.noted.notify_one();
    }

    /// Does the work that was left for later, and writes the noted entries.
    pub async fn flush(&self) {
        let later = std::mem::take(&mut *self.later.lock());
        futures::future::join_all(later).await;
        let mut waiting = std::mem::take(&mut *self.waiting.lock());
        while let Some(Noted { connection, .. }) = waiting.first() {
            let connection = connection.clone();
            let (ours, others): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|noted| noted.connection == connection);
            waiting = others;
            let entries = self.entries(ours).await;
            if let Err(error) = self.state.record_at(&connection, &entries).await {
                let entries_of = entries.len();
                tracing::warn!(%error, %connection, entries_of, "the activity log was not written");
                if error.is_unavailable() {
                    self.put_back(&connection, entries);
                }
            }
        }
    }

    /// The entries at their places, with the hashes of their visitors.
    async fn entries(&self, noted: Vec<Noted>) -> Vec<(usize, LogEntry)> {
        let has_visitors = noted.iter().any(|noted| noted.visitor.is_some());
        let seals = match &self.seals {
            Some(seals) if has_visitors => {
                let seals = seals.seals().await;
                seals.inspect_err(|error| tracing::warn!(%error, "visitors are not named")).ok()
            }
            _ => None,
        };
        let hashed = |noted: Noted| {
            let Noted { connection, mut entry, visitor, place } = noted;
            if let (Some(seals), Some(visitor)) = (&seals, &visitor) {
                let parts = [connection.as_str(), visitor.expose_secret()];
                entry.visitor = Some(seals.names(VISITOR, &parts).current().to_owned());
            }
            (place, entry)
        };
        noted.into_iter().map(hashed).collect()
    }

    /// Keeps entries that could not be written for the next attempt, as many as there is room for.
    fn put_back(&self, connection: &ConnectionId, entries: Vec<(usize, LogEntry)>) {
        let mut waiting = self.waiting.lock();
        let room = WAITING.saturating_sub(waiting.len());
        let again = entries.into_iter().take(room).map(|(place, entry)| Noted {
            connection: connection.clone(),
            entry,
            visitor: None,
            place,
        });
        waiting.extend(again);
    }

    /// Writes entries as soon as they are noted, in a process that keeps running.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.noted.notified().await;
            self.flush().await;
        }
    }
}
