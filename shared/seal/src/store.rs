//! Reads the key from its secret, keeps it, and learns of rotations.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth::{Failure, Kept, SecretError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::{KeyError, SealError, SealingKey, Seals};

/// The secret is read again after this long.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// The shortest time between two readings that happen because something was made by an unknown key.
const SELDOM: Duration = Duration::from_secs(60);

/// How long a caller waits for such a reading.
const PATIENCE: Duration = Duration::from_secs(3);

/// A version of a secret, as Secrets Manager labels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The version in use.
    Current,
    /// The version before the last rotation.
    Previous,
}

impl Stage {
    /// The staging label.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Current => "AWSCURRENT",
            Stage::Previous => "AWSPREVIOUS",
        }
    }
}

/// Reads the versions of the secret with the key.
pub trait ReadsSecret: Send + Sync + 'static {
    /// The text of a version. If the secret has no such version, that is [`SecretError::NotFound`].
    fn read(&self, stage: Stage) -> impl Future<Output = Result<SecretString, SecretError>> + Send;
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealKeysError {
    /// The secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret holds no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SealKeysError {
    /// Advice for the people who run the service.
    pub fn cure(&self) -> &'static str {
        use SecretError::*;
        match self {
            SealKeysError::Key(KeyError::TooShort) => {
                "store a new value of 64 random letters and digits in the secret"
            }
            SealKeysError::Secret(NotFound { .. }) => {
                "deploy the template again, which makes the secret; restore it, if it is marked for \
                 deletion"
            }
            SealKeysError::Secret(NotText { .. }) => "store the secret as text",
            SealKeysError::Secret(Denied { .. } | NotWritable { .. }) => {
                "let the function's role read the secret, and use its KMS key"
            }
            SealKeysError::Secret(Unavailable { .. }) => {
                "nothing, if it passes; else look at the way to AWS Secrets Manager"
            }
            SealKeysError::Secret(NoDescriptor | Exists { .. })
            | SealKeysError::Key(KeyError::Underivable) => "report it: this is a defect",
        }
    }

    /// Whether the error may disappear soon without a correction.
    pub fn is_retryable(&self) -> bool {
        matches!(self, SealKeysError::Secret(SecretError::Unavailable { .. }))
    }
}

impl Failure for SealKeysError {
    /// Whatever is wrong with the secret now, what was sealed before still opens.
    fn may_pass(&self) -> bool {
        true
    }

    fn stopped() -> SealKeysError {
        SealKeysError::Secret(SecretError::stopped())
    }
}

/// Why a record was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There are no keys, so nobody knows whether it would open.
    #[error(transparent)]
    Keys(#[from] SealKeysError),
    /// It does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The keys of a deployment, from its secret. Cheap to clone.
///
/// The secret is read once in five minutes. While it cannot be read, its last value stays in use for a
/// day. So for some minutes after a rotation, one process may use the new key and another one only
/// knows the old one. The second finds out by the id of the key, and reads the secret again, at most
/// once a minute.
#[derive(Clone)]
pub struct SealKeys {
    kept: Kept<Arc<Seals>, SealKeysError>,
    /// When the secret was last read because of an unknown key.
    read_anew: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealKeys").finish_non_exhaustive()
    }
}

impl SealKeys {
    /// The keys in this secret.
    pub fn new(secret: impl ReadsSecret) -> SealKeys {
        let secret = Arc::new(secret);
        let kept = Kept::new(READ_AGAIN_AFTER, move || read(Arc::clone(&secret)));
        SealKeys { kept, read_anew: Arc::default() }
    }

    /// The keys as they are known now, to seal, hash and name with.
    ///
    /// # Errors
    ///
    /// The secret was never read, or not for a day.
    pub async fn seals(&self) -> Result<Arc<Seals>, SealKeysError> {
        self.kept.get().await
    }

    /// Opens a record ([`Seals::open`]).
    pub async fn open(
        &self,
        purpose: &str,
        bound_to: &[&str],
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let mut seals = self.seals().await?;
        if seals.is_foreign(sealed) {
            seals = self.newer_than(&seals).await.unwrap_or(seals);
        }
        Ok(seals.open(purpose, bound_to, sealed)?)
    }

    /// Whether this is the text of the hash of these parts ([`Seals::is`]).
    ///
    /// # Errors
    ///
    /// There are no keys, so nobody knows.
    pub async fn is(
        &self,
        purpose: &str,
        parts: &[&str],
        hashed: &str,
    ) -> Result<bool, SealKeysError> {
        let mut seals = self.seals().await?;
        if seals.is_foreign_hash(hashed) {
            seals = self.newer_than(&seals).await.unwrap_or(seals);
        }
        Ok(seals.is(purpose, parts, hashed))
    }

    /// The keys, if they are others than those that the caller knows. The secret is read again for
    /// that, but at most once a minute.
    ///
    /// Whoever looks for a row under its [`Seals::names`] and finds none asks here before it says
    /// that there is none: another process may have learned of a rotation and named the row by the
    /// new key.
    pub async fn newer_than(&self, known: &Arc<Seals>) -> Option<Arc<Seals>> {
        {
            // Whoever comes while the secret is being read waits here, and sees the result below.
            let mut last = self.read_anew.lock().await;
            let is_time = last.is_none_or(|last| last.elapsed() >= SELDOM);
            if is_time && self.kept.may_be_read() {
                *last = Some(Instant::now());
                // The reading goes on without this caller, and writes to the log why it failed.
                let _ = timeout(PATIENCE, self.kept.again()).await;
            }
        }
        let newest = self.kept.get().await.ok()?;
        (!Arc::ptr_eq(&newest, known)).then_some(newest)
    }
}

async fn read(secret: Arc<impl ReadsSecret>) -> Result<Arc<Seals>, SealKeysError> {
    let both = both(&*secret).await;
    if let Err(error) = &both {
        let to_do = error.cure();
        tracing::error!(%error, to_do, "the sealing key could not be read");
    }
    both.map(Arc::new)
}

/// Reads both versions. The current one comes first: if a rotation happens in between, the version
/// that was the current one is then among the two.
async fn both(secret: &impl ReadsSecret) -> Result<Seals, SealKeysError> {
    let current = SealingKey::new(secret.read(Stage::Current).await?.expose_secret())?;
    let previous = match secret.read(Stage::Previous).await {
        Ok(text) => SealingKey::new(text.expose_secret()).map_err(SealKeysError::from),
        // Nothing was rotated yet.
        Err(SecretError::NotFound { .. }) => return Ok(Seals::new(current, None)),
        Err(error @ SecretError::NotText { .. }) => Err(error.into()),
        Err(error) => return Err(error.into()),
    };
    let previous = previous.inspect_err(|error| {
        tracing::error!(%error, "the previous sealing key is left out: what it sealed is lost");
    });
    Ok(Seals::new(current, previous.ok()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Locked;

    use super::*;

    /// What the secret holds, and which versions were read.
    #[derive(Default)]
    struct World {
        current: Option<String>,
        previous: Option<String>,
        fails: Option<SecretError>,
        read: Vec<Stage>,
    }

    #[derive(Clone, Default)]
    struct Secret(Arc<Locked<World>>);

    impl ReadsSecret for Secret {
        async fn read(&self, stage: Stage) -> Result<SecretString, SecretError> {
            // As long as Secrets Manager may take.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut world = self.0.lock().unwrap();
            world.read.push(stage);
            if let Some(error) = &world.fails {
                return Err(error.clone());
            }
            let text = match stage {
                Stage::Current => &world.current,
                Stage::Previous => &world.previous,
            };
            let missing = || SecretError::NotFound { name: "dynamics365/sealing-key".to_owned() };
            text.clone().map(SecretString::from).ok_or_else(missing)
        }
    }

    impl Secret {
        fn new() -> (Secret, SealKeys) {
            let secret = Secret::default();
            secret.rotate('a');
            (secret.clone(), SealKeys::new(secret))
        }

        fn rotate(&self, to: char) {
            let mut world = self.0.lock().unwrap();
            world.previous = world.current.replace(to.to_string().repeat(64));
        }

        fn fails(&self, error: Option<SecretError>) {
            self.0.lock().unwrap().fails = error;
        }

        /// How often both versions were read.
        fn reads(&self) -> usize {
            let currents = |stage: &&Stage| **stage == Stage::Current;
            self.0.lock().unwrap().read.iter().filter(currents).count()
        }
    }

    fn unavailable() -> SecretError {
        SecretError::Unavailable { problem: "no answer in time".to_owned() }
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    const BOUND: &[&str] = &["default"];

    #[tokio::test(start_paused = true)]
    async fn it_is_read_once_and_a_missing_previous_version_is_normal() {
        let (secret, keys) = Secret::new();
        let all = futures::future::join_all((0..20).map(|_| keys.seals())).await;
        let seals = all[0].clone().unwrap();
        assert_eq!(secret.0.lock().unwrap().read, [Stage::Current, Stage::Previous]);
        assert_eq!(seals.names("x", &["y"]).all().count(), 1);
        let sealed = seals.seal("call", BOUND, b"secret").unwrap();
        assert_eq!(keys.open("call", BOUND, &sealed).await.unwrap(), b"secret");
        let hashed = seals.hash("code", &["1"]);
        assert!(keys.is("code", &["1"], hashed.as_str()).await.unwrap());
        assert!(!keys.is("code", &["2"], hashed.as_str()).await.unwrap());
        let other = keys.open("code", BOUND, &sealed).await;
        assert_eq!(other, Err(OpenError::Seal(SealError::NotOpened)));
        assert_eq!(secret.reads(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_learned_after_five_minutes() {
        let (secret, keys) = Secret::new();
        let before = keys.seals().await.unwrap().seal("call", BOUND, b"secret").unwrap();
        secret.rotate('b');
        pass(301).await;
        let seals = keys.seals().await.unwrap();
        assert_eq!(seals.names("x", &["y"]).all().count(), 2);
        assert_eq!(keys.open("call", BOUND, &before).await.unwrap(), b"secret");
        assert!(
            Seals::new(SealingKey::new(&"b".repeat(64)).unwrap(), None)
                .open("call", BOUND, &seals.seal("call", BOUND, b"new").unwrap())
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_newer_key_made_is_a_reason_to_read_again() {
        let (secret, keys) = Secret::new();
        keys.seals().await.unwrap();
        pass(10).await;
        secret.rotate('b');
        // Another process knows of it.
        let newer = SealKeys::new(secret.clone()).seals().await.unwrap();
        let sealed = newer.seal("call", BOUND, b"secret").unwrap();
        let hashed = newer.hash("code", &["1"]);
        let reads = secret.reads();
        let (opened, is) = tokio::join!(
            keys.open("call", BOUND, &sealed),
            keys.is("code", &["1"], hashed.as_str())
        );
        assert_eq!((opened.unwrap(), is), (b"secret".to_vec(), Ok(true)));
        assert_eq!(secret.reads() - reads, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_unknown_key_made_is_a_reason_only_once_a_minute() {
        let (secret, keys) = Secret::new();
        let older = Seals::new(SealingKey::new(&"o".repeat(64)).unwrap(), None);
        let sealed = older.seal("call", BOUND, b"secret").unwrap();
        let hashed = older.hash("code", &["1"]);
        keys.seals().await.unwrap();
        pass(10).await;
        for second in 0..170 {
            assert_eq!(
                keys.open("call", BOUND, &sealed).await,
                Err(OpenError::Seal(SealError::NotOpened))
            );
            assert_eq!(keys.is("code", &["1"], hashed.as_str()).await, Ok(false));
            assert_eq!(secret.reads(), 2 + second / 60, "{second}");
            pass(1).await;
        }
        // What is broken, or no hash at all, is none.
        let reads = secret.reads();
        pass(61).await;
        assert!(keys.open("call", BOUND, b"\x01 broken").await.is_err());
        assert_eq!(keys.is("code", &["1"], "no hash").await, Ok(false));
        assert_eq!(secret.reads(), reads);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_no_row_can_ask_for_newer_names() {
        let (secret, keys) = Secret::new();
        let known = keys.seals().await.unwrap();
        pass(10).await;
        secret.rotate('b');
        let newer = keys.newer_than(&known).await.unwrap();
        let names = newer.names("visitor", &["1"]);
        assert_eq!(names.all().nth(1), Some(known.names("visitor", &["1"]).current()));
        assert!(keys.newer_than(&newer).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_with_what_it_had() {
        let (secret, keys) = Secret::new();
        let sealed = keys.seals().await.unwrap().seal("call", BOUND, b"secret").unwrap();
        let denied = SecretError::Denied { name: "x".to_owned(), code: "AccessDenied".to_owned() };
        let gone = SecretError::NotFound { name: "x".to_owned() };
        for error in [unavailable(), denied, gone] {
            secret.fails(Some(error));
            for _ in 0..10 {
                pass(400).await;
                assert_eq!(keys.open("call", BOUND, &sealed).await.unwrap(), b"secret");
            }
        }
        // A text that is no key is not taken, either.
        secret.fails(None);
        secret.0.lock().unwrap().current = Some("short".to_owned());
        pass(400).await;
        assert_eq!(keys.open("call", BOUND, &sealed).await.unwrap(), b"secret");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_key_there_is_an_error_that_says_what_to_do() {
        let (secret, keys) = Secret::new();
        secret.fails(Some(unavailable()));
        let error = keys.seals().await.unwrap_err();
        assert!(error.is_retryable());
        assert!(error.cure().contains("Secrets Manager"));
        assert!(matches!(keys.open("call", BOUND, b"x").await, Err(OpenError::Keys(_))));
        assert!(keys.is("code", &["1"], "x").await.is_err());
        secret.fails(None);
        secret.0.lock().unwrap().current = Some("short".to_owned());
        pass(6).await;
        let error = keys.seals().await.unwrap_err();
        assert_eq!(error, SealKeysError::Key(KeyError::TooShort));
        assert!(!error.is_retryable());
        secret.rotate('a');
        pass(6).await;
        // The previous one is the short one now, and is left out.
        assert_eq!(keys.seals().await.unwrap().names("x", &["y"]).all().count(), 1);
    }
}
