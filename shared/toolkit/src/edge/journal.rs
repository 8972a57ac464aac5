//! Writes the activity log at times when no caller waits for it.

use std::fmt;
use std::sync::Arc;

use auth::ConnectionId;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
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
    waiting: Mutex<Vec<(ConnectionId, LogEntry)>>,
    /// Work that does not have to be done before an answer.
    later: Mutex<Vec<BoxFuture<'static, ()>>>,
    noted: Notify,
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// A journal that writes to this table.
    pub fn new(state: State) -> Arc<Journal> {
        Arc::new(Journal {
            state,
            waiting: Mutex::default(),
            later: Mutex::default(),
            noted: Notify::new(),
        })
    }

    /// Notes an entry. It is written later.
    pub fn note(&self, connection: &ConnectionId, entry: LogEntry) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING {
            waiting.remove(0);
            tracing::warn!("the activity log cannot keep up: an entry is lost");
        }
        waiting.push((connection.clone(), entry));
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
        while let Some((connection, _)) = waiting.first() {
            let connection = connection.clone();
            let (ours, others): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(of, _)| *of == connection);
            waiting = others;
            let entries: Vec<LogEntry> = ours.into_iter().map(|(_, entry)| entry).collect();
            if let Err(error) = self.state.record(&connection, &entries).await {
                let entries_of = entries.len();
                tracing::warn!(%error, %connection, entries_of, "the activity log was not written");
                if error.is_unavailable() {
                    self.put_back(&connection, entries);
                }
            }
        }
    }

    /// Keeps entries that could not be written for the next attempt, as many as there is room for.
    fn put_back(&self, connection: &ConnectionId, entries: Vec<LogEntry>) {
        let mut waiting = self.waiting.lock();
        let room = WAITING.saturating_sub(waiting.len());
        let again = entries.into_iter().take(room).map(|entry| (connection.clone(), entry));
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
