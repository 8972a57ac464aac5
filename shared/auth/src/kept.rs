//! What is read seldom, and kept: one reading however many wait, and what was read stays in use
//! while it cannot be read again.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

/// This long before it is due, it is read again while all go on with what there is.
const AHEAD: Duration = Duration::from_secs(60);

/// Who finds it overdue waits for what is new until it has been read for this long, and then goes on
/// with what there is.
const MOMENT: Duration = Duration::from_millis(250);

/// What was read stays in use for this long while it cannot be read again.
const OUTLIVES: Duration = Duration::from_secs(24 * 60 * 60);

/// A reading that failed is not tried again for this long, where there is something to go on with.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// It is never read more often than this, whatever the reason.
const SELDOM: Duration = Duration::from_secs(5);

/// What went wrong when something was read.
pub trait Failure: Clone + Send + Sync + 'static {
    /// Whether it says nothing of what is there: what was read before stays in use then.
    fn may_pass(&self) -> bool;

    /// The reading came to an end without a result: a panic, or the end of the process.
    fn stopped() -> Self;
}

type Reading<T, E> = Shared<BoxFuture<'static, Result<T, E>>>;

/// Something that is read, and kept. Cheap to clone.
///
/// It is read again when it is due, ahead of time where it is used then; nobody waits for that
/// longer than a moment, and nobody at all after it failed.
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
    /// The last reading, where it failed: when it ended, and how.
    failed: Option<(Instant, E)>,
    /// When it was last begun to be read.
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
    /// Nothing yet. It is read with `read`, and again after `due_after`.
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
    /// If there is none and it cannot be read, or what is there now is an error. Who asks within
    /// five seconds after a failure gets that one.
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

    /// The value, read anew because there is reason to think that it changed. `None`: it was read
    /// a moment ago, or could not be.
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

    /// The reading that is under way, or one that begins now. It goes on whether or not somebody
    /// waits for it.
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
        // One whose runtime has ended has a result that nobody concluded.
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

    /// What is read next, how long that takes, and how often it was.
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
        // The next one does not wait for the same reading.
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
        // Eight seconds each, thirty seconds apart.
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
