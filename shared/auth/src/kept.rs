//! A value that is read seldom, and kept. However many callers wait, it is read once. While it
//! cannot be read again, the old value stays in use.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

/// How long before it is due a value is read again. Meanwhile, all callers go on with the old
/// value.
const AHEAD: Duration = Duration::from_secs(60);

/// A caller that finds the value overdue waits for the new one until it has been read for this
/// long. Then the caller goes on with the old value.
const MOMENT: Duration = Duration::from_millis(250);

/// How long a value stays in use while it cannot be read again, counted from when it was read.
const OUTLIVES: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a reading that failed is not tried again. If there is no old value, [`Kept::get`] only
/// waits for [`SELDOM`].
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The shortest time between two readings, whatever the reason for the second.
const SELDOM: Duration = Duration::from_secs(5);

/// Why a reading failed.
pub trait Failure: Clone + Send + Sync + 'static {
    /// Whether the error may pass, and says nothing about the value. Then the old value stays in
    /// use.
    fn may_pass(&self) -> bool;

    /// The error of a reading that ended without a result: it panicked, or its process ended.
    fn stopped() -> Self;
}

type Reading<T, E> = Shared<BoxFuture<'static, Result<T, E>>>;

/// A value that is read, and kept. Cheap to clone.
///
/// If the value is used shortly before it is due, it is read again, and nobody waits for that. If
/// it is used after that, the caller waits for the new value, but only for a moment. If the last
/// reading failed, nobody waits.
pub struct Kept<T, E> {
    inner: Arc<Inner<T, E>>,
}

struct Inner<T, E> {
    due_after: Duration,
    read: Box<dyn Fn() -> BoxFuture<'static, Result<T, E>> + Send + Sync>,
    state: Mutex<State<T, E>>,
}

struct State<T, E> {
    /// The value, and when it was read.
    value: Option<(T, Instant)>,
    /// When and how the last reading failed; `None` if it did not fail.
    failed: Option<(Instant, E)>,
    /// When the last reading began.
    begun: Option<Instant>,
    reading: Option<Reading<T, E>>,
}

impl<T, E> Clone for Kept<T, E> {
    fn clone(&self) -> Kept<T, E> {
        Kept { inner: Arc::clone(&self.inner) }
    }
}

impl<T, E> fmt::Debug for Kept<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static, E: Failure> Kept<T, E> {
    /// Begins without a value. `read` reads it when it is first needed, and again after
    /// `due_after`.
    pub fn new<F>(due_after: Duration, read: impl Fn() -> F + Send + Sync + 'static) -> Kept<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let state = State { value: None, failed: None, begun: None, reading: None };
        Kept {
            inner: Arc::new(Inner {
                due_after,
                read: Box::new(move || read().boxed()),
                state: Mutex::new(state),
            }),
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// If there is no value and it cannot be read, or if a new reading finds an error that does not
    /// pass. For five seconds after a failure without an old value, callers get the same error.
    pub async fn get(&self) -> Result<T, E> {
        let now = Instant::now();
        let (reading, meanwhile) = {
            let mut state = self.inner.state.lock();
            match state.value.clone() {
                Some((value, read_at)) if now - read_at < OUTLIVES => {
                    let age = now - read_at;
                    if age < self.inner.due_after.saturating_sub(AHEAD) {
                        return Ok(value);
                    }
                    let failed_before = state.failed.is_some();
                    if state.is_reading() || !state.failed_within(now, AFTER_FAILURE) {
                        let reading = self.reading(&mut state);
                        if age < self.inner.due_after || failed_before {
                            return Ok(value);
                        }
                        (reading, Some((value, state.begun.unwrap_or(now))))
                    } else {
                        return Ok(value);
                    }
                }
                _ => match &state.failed {
                    Some((at, error)) if now - *at < SELDOM && !state.is_reading() => {
                        return Err(error.clone());
                    }
                    _ => (self.reading(&mut state), None),
                },
            }
        };
        let Some((value, begun)) = meanwhile else { return reading.await };
        match timeout_at(begun + MOMENT, reading).await {
            Ok(Err(error)) if !error.may_pass() => Err(error),
            Ok(Ok(anew)) => Ok(anew),
            Ok(Err(_)) | Err(_) => Ok(value),
        }
    }

    /// Whether [`Kept::again`] would read.
    pub fn may_be_read(&self) -> bool {
        self.inner.state.lock().may_be_read(Instant::now())
    }

    /// Reads the value again, because there is reason to think that it has changed. `None` if it
    /// was read, or failed to be read, a short while ago.
    pub async fn again(&self) -> Option<Result<T, E>> {
        let reading = {
            let mut state = self.inner.state.lock();
            if !state.may_be_read(Instant::now()) {
                return None;
            }
            self.reading(&mut state)
        };
        Some(reading.await)
    }

    /// The reading that is under way, or a new one. It goes on whether or not somebody waits for
    /// it.
    fn reading(&self, state: &mut State<T, E>) -> Reading<T, E> {
        if let (Some(reading), true) = (&state.reading, state.is_reading()) {
            return reading.clone();
        }
        state.begun = Some(Instant::now());
        let work = AssertUnwindSafe((self.inner.read)()).catch_unwind();
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            let result = work.await.unwrap_or_else(|_| Err(E::stopped()));
            inner.state.lock().conclude(&result);
            result
        });
        let reading =
            task.map(|result| result.unwrap_or_else(|_| Err(E::stopped()))).boxed().shared();
        state.reading = Some(reading.clone());
        reading
    }
}

impl<T: Clone, E: Failure> State<T, E> {
    fn is_reading(&self) -> bool {
        // If the runtime of a reading has ended, there is a result, but `conclude` was never
        // called.
        self.reading.as_ref().is_some_and(|reading| reading.peek().is_none())
    }

    fn failed_within(&self, now: Instant, time: Duration) -> bool {
        self.failed.as_ref().is_some_and(|(at, _)| now - *at < time)
    }

    fn may_be_read(&self, now: Instant) -> bool {
        let pause = if self.failed.is_some() { AFTER_FAILURE } else { SELDOM };
        self.is_reading() || self.begun.is_none_or(|begun| now - begun >= pause)
    }

    fn conclude(&mut self, result: &Result<T, E>) {
        let now = Instant::now();
        self.reading = None;
        match result {
            Ok(value) => {
                self.value = Some((value.clone(), now));
                self.failed = None;
            }
            Err(error) => {
                self.failed = Some((now, error.clone()));
                if !error.may_pass() {
                    self.value = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::timeout;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Broken {
        Passing,
        Lasting,
    }

    impl Failure for Broken {
        fn may_pass(&self) -> bool {
            *self == Broken::Passing
        }

        fn stopped() -> Broken {
            Broken::Passing
        }
    }

    /// What the next reading gives, how long readings take, and how many there were.
    struct Source {
        answer: Mutex<Result<u32, Broken>>,
        takes: Mutex<Duration>,
        reads: AtomicU32,
    }

    const DUE: Duration = Duration::from_secs(600);

    fn source() -> (Arc<Source>, Kept<u32, Broken>) {
        let source = Arc::new(Source {
            answer: Mutex::new(Ok(1)),
            takes: Mutex::new(Duration::from_millis(50)),
            reads: AtomicU32::new(0),
        });
        let read = Arc::clone(&source);
        let kept = Kept::new(DUE, move || {
            let source = Arc::clone(&read);
            async move {
                source.reads.fetch_add(1, Ordering::SeqCst);
                let takes = *source.takes.lock();
                tokio::time::sleep(takes).await;
                source.answer.lock().clone()
            }
        });
        (source, kept)
    }

    impl Source {
        fn answers(&self, answer: Result<u32, Broken>) {
            *self.answer.lock() = answer;
        }

        fn takes(&self, takes: Duration) {
            *self.takes.lock() = takes;
        }

        fn reads(&self) -> u32 {
            self.reads.load(Ordering::SeqCst)
        }
    }

    async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
        let started = Instant::now();
        (work.await, started.elapsed())
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_once_however_many_wait() {
        let (source, kept) = source();
        let all = futures::future::join_all((0..100).map(|_| kept.get())).await;
        assert!(all.iter().all(|value| *value == Ok(1)));
        assert_eq!(source.reads(), 1);
        pass(500).await;
        assert_eq!(kept.get().await, Ok(1));
        assert_eq!(source.reads(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_use_is_read_ahead_and_nobody_waits() {
        let (source, kept) = source();
        kept.get().await.unwrap();
        source.answers(Ok(2));
        pass(550).await;
        assert_eq!(timed(kept.get()).await, (Ok(1), Duration::ZERO));
        pass(1).await;
        assert_eq!(kept.get().await, Ok(2));
        assert_eq!(source.reads(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_overdue_is_waited_for_but_not_for_long() {
        let (source, kept) = source();
        kept.get().await.unwrap();
        source.answers(Ok(2));
        pass(3600).await;
        assert_eq!(kept.get().await, Ok(2));
        source.answers(Ok(3));
        source.takes(Duration::from_secs(8));
        pass(3600).await;
        assert_eq!(timed(kept.get()).await, (Ok(2), MOMENT));
        // The next caller does not wait for the same reading.
        assert_eq!(timed(kept.get()).await, (Ok(2), Duration::ZERO));
        pass(8).await;
        assert_eq!(kept.get().await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn it_outlives_what_may_pass_for_a_day_and_nobody_waits() {
        let (source, kept) = source();
        kept.get().await.unwrap();
        source.answers(Err(Broken::Passing));
        source.takes(Duration::from_secs(8));
        pass(550).await;
        for _ in 0..300 {
            assert_eq!(timed(kept.get()).await, (Ok(1), Duration::ZERO));
            pass(1).await;
        }
        // Each reading takes eight seconds, and the next one begins thirty seconds later.
        assert!((8..=9).contains(&(source.reads() - 1)), "{}", source.reads());
        pass(23 * 3600).await;
        assert_eq!(timed(kept.get()).await, (Ok(1), Duration::ZERO));
        pass(3600).await;
        assert_eq!(kept.get().await, Err(Broken::Passing));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_gone_at_once() {
        let (source, kept) = source();
        kept.get().await.unwrap();
        source.answers(Err(Broken::Lasting));
        pass(3600).await;
        assert_eq!(kept.get().await, Err(Broken::Lasting));
        let reads = source.reads();
        for _ in 0..40 {
            assert_eq!(timed(kept.get()).await, (Err(Broken::Lasting), Duration::ZERO));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(source.reads(), reads);
        source.answers(Ok(4));
        pass(2).await;
        assert_eq!(kept.get().await, Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_to_read_it_again_is_one_every_five_seconds() {
        let (source, kept) = source();
        kept.get().await.unwrap();
        assert_eq!(kept.again().await, None);
        assert!(!kept.may_be_read());
        source.answers(Ok(2));
        pass(5).await;
        assert!(kept.may_be_read());
        let both = tokio::join!(kept.again(), kept.again());
        assert_eq!(both, (Some(Ok(2)), Some(Ok(2))));
        assert_eq!(kept.get().await, Ok(2));
        source.answers(Err(Broken::Passing));
        pass(5).await;
        assert_eq!(kept.again().await, Some(Err(Broken::Passing)));
        pass(20).await;
        assert_eq!(kept.again().await, None);
        assert_eq!(source.reads(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_panics_or_is_not_waited_for_holds_up_nobody() {
        let kept: Kept<u32, Broken> = Kept::new(DUE, || async { panic!("on purpose") });
        assert_eq!(kept.get().await, Err(Broken::Passing));
        let (source, kept) = source();
        source.takes(Duration::from_secs(2));
        assert!(timeout(Duration::from_secs(1), kept.get()).await.is_err());
        assert_eq!(timed(kept.get()).await, (Ok(1), Duration::from_secs(1)));
        assert_eq!(source.reads(), 1);
    }
}
