//! The keys that issuers publish, fetched and kept.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use parking_lot::Mutex;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use rustls::ClientConfig;
use url::Url;

use crate::PublishedAlgorithm;
use crate::network::{NotPublic, Resolver, check_numbers, is_loopback};
use crate::published::{self, PublishedKey};
use crate::verified::Verified;

/// How long fetching may take, with all that belongs to it.
const LONGEST_FETCH: Duration = Duration::from_secs(2);

/// The most bytes of a set of keys.
const LONGEST_SET: usize = 64 * 1024;

/// How long keys are used before they are fetched again.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// How long keys are used while they cannot be fetched again, counted from when they were fetched.
const OUTLIVES: SignedDuration = SignedDuration::from_hours(24);

/// The shortest time between two fetches from one URL.
const SELDOM: SignedDuration = SignedDuration::from_mins(1);

/// The shortest time between two fetches from one URL while there are no keys of it at all.
const WITHOUT_KEYS: SignedDuration = SignedDuration::from_secs(5);

/// How many URLs are known. Those that were used last are kept.
const URLS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Why the keys of an issuer cannot be had. It says nothing about any token, and contains nothing
/// of what the issuer's server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// They would travel in the clear.
    #[error("the address of the keys does not begin with https://")]
    NotHttps,
    /// The host is, or its name leads to, an address that is not one of the public internet.
    #[error("the address of the keys leads into a network that is not public")]
    NotPublic,
    /// There is no connection to the server, or it broke.
    #[error("the server of the keys cannot be reached")]
    Unreachable,
    /// The server did not answer in time.
    #[error("the server of the keys took longer than 2 seconds")]
    TooSlow,
    /// The server answered with another status than 200. It may have sent us elsewhere.
    #[error("the server of the keys answered with the status {0}, not with 200")]
    Status(u16),
    /// The answer is too long.
    #[error("the answer of the server of the keys is longer than 64 KiB")]
    TooLong,
    /// The answer is something else.
    #[error("the answer of the server of the keys is no set of JSON Web Keys")]
    Unreadable,
    /// This process stopped in the middle.
    #[error("fetching the keys was interrupted")]
    Interrupted,
}

impl KeysError {
    /// The errors of the HTTP client contain the URL. They do not leave this function.
    fn of(error: &reqwest::Error) -> KeysError {
        if NotPublic::is_cause_of(error) { KeysError::NotPublic } else { KeysError::Unreachable }
    }
}

impl From<NotPublic> for KeysError {
    fn from(_: NotPublic) -> KeysError {
        KeysError::NotPublic
    }
}

type Set = Arc<[PublishedKey]>;
type Fetching = Shared<BoxFuture<'static, Result<Set, KeysError>>>;

/// The keys that issuers publish, by their URLs. Cheap to clone.
///
/// - However many callers wait, keys are fetched once.
/// - Keys are kept for 15 minutes. While they cannot be fetched again, they are used for a day.
/// - A key that is not among them may be new, so they are fetched again, but only once a minute.
/// - They are fetched from public addresses only, without redirects and proxies. Fetching takes two
///   seconds at most.
#[derive(Clone)]
pub struct KeySets {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    allow_local: bool,
    urls: Mutex<LruCache<Url, Arc<Mutex<Entry>>>>,
    verified: Verified,
}

/// What is known of one URL.
#[derive(Default)]
struct Entry {
    /// The keys, and when they were fetched.
    set: Option<(Set, Timestamp)>,
    /// When the last fetch began.
    begun: Option<Timestamp>,
    /// How the last fetch failed; `None` if it did not fail.
    failed: Option<KeysError>,
    fetching: Option<Fetching>,
}

impl fmt::Debug for KeySets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeySets").finish_non_exhaustive()
    }
}

impl KeySets {
    /// Knows no keys yet, and fetches them when they are needed.
    ///
    /// The configuration of TLS, which is slow to make, is the caller's. All else of the HTTP client
    /// is made here, because it decides which addresses can be reached.
    ///
    /// `allow_local` allows addresses that are not public, and HTTP to this machine: for tests, and
    /// for a stack on one's own machine.
    ///
    /// # Errors
    ///
    /// If there is no HTTP client, because the configuration of TLS does not suit it.
    pub fn new(tls: ClientConfig, allow_local: bool) -> Result<KeySets, reqwest::Error> {
        KeySets::with_resolver(tls, allow_local, Resolver::of_system(allow_local))
    }

    pub(crate) fn with_resolver(
        tls: ClientConfig,
        allow_local: bool,
        resolver: Resolver,
    ) -> Result<KeySets, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("dynamics365-tools/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls)
            .https_only(!allow_local)
            .dns_resolver(resolver)
            // It would resolve the name in our place.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // A small answer must not become a large one.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .referer(false)
            // Keys are fetched too seldom to keep sockets for them.
            .pool_max_idle_per_host(0)
            .build()?;
        let urls = Mutex::new(LruCache::new(URLS));
        Ok(KeySets {
            inner: Arc::new(Inner { http, allow_local, urls, verified: Verified::default() }),
        })
    }

    /// The tokens that were found to be right before.
    pub(crate) fn verified(&self) -> &Verified {
        &self.inner.verified
    }

    /// The key with this id, if it is one for one of these algorithms.
    ///
    /// # Errors
    ///
    /// If the keys cannot be had, so that nobody knows whether there is such a key.
    pub(crate) async fn key(
        &self,
        url: &Url,
        kid: &str,
        algorithms: &[PublishedAlgorithm],
        now: Timestamp,
    ) -> Result<Option<PublishedKey>, KeysError> {
        let find = |set: &Set| {
            let is_it = |key: &&PublishedKey| key.kid == kid && algorithms.contains(&key.algorithm);
            set.iter().find(is_it).cloned()
        };
        let entry = self.entry(url);
        let (fetching, known) = {
            let mut state = entry.lock();
            let known = state.known(now, OUTLIVES).and_then(&find);
            if known.is_some() && state.known(now, FRESH).is_some() {
                return Ok(known);
            }
            if !state.may_be_fetched(now) {
                return match (known, state.failed) {
                    (None, Some(error)) => Err(error),
                    (known, _) => Ok(known),
                };
            }
            (self.fetching(&entry, &mut state, url, now), known)
        };
        match (fetching.await, known) {
            (Ok(set), _) => Ok(find(&set)),
            (Err(_), Some(known)) => Ok(Some(known)),
            (Err(error), None) => Err(error),
        }
    }

    fn entry(&self, url: &Url) -> Arc<Mutex<Entry>> {
        Arc::clone(self.inner.urls.lock().get_or_insert_ref(url, Arc::default))
    }

    /// The fetch that is under way, or a new one. It goes on whether or not somebody waits for it.
    fn fetching(
        &self,
        entry: &Arc<Mutex<Entry>>,
        state: &mut Entry,
        url: &Url,
        now: Timestamp,
    ) -> Fetching {
        if let (Some(fetching), true) = (&state.fetching, state.is_fetching()) {
            return fetching.clone();
        }
        state.begun = Some(now);
        // If it ends without a result, it has failed.
        state.failed = Some(KeysError::Interrupted);
        let (inner, entry, url) = (Arc::clone(&self.inner), Arc::clone(entry), url.clone());
        let task = tokio::spawn(async move {
            let fetched = tokio::time::timeout(LONGEST_FETCH, inner.fetch(&url)).await;
            let result = fetched.unwrap_or(Err(KeysError::TooSlow));
            if let Err(error) = &result {
                let host = url.host_str().unwrap_or_default();
                tracing::warn!(host, %error, "an issuer's keys were not fetched");
            }
            entry.lock().conclude(&result, now);
            result
        });
        let fetching = task.map(|result| result.unwrap_or(Err(KeysError::Interrupted)));
        let fetching = fetching.boxed().shared();
        state.fetching = Some(fetching.clone());
        fetching
    }
}

impl Inner {
    async fn fetch(&self, url: &Url) -> Result<Set, KeysError> {
        if !self.allow_local {
            if url.scheme() != "https" {
                return Err(KeysError::NotHttps);
            }
            check_numbers(url)?;
        } else if url.scheme() != "https" && !is_loopback(url) {
            return Err(KeysError::NotHttps);
        }
        let asked = self.http.get(url.clone()).header(ACCEPT, "application/json").send().await;
        let mut response = asked.map_err(|error| KeysError::of(&error))?;
        if response.status() != StatusCode::OK {
            return Err(KeysError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| KeysError::of(&error))? {
            if body.len() + chunk.len() > LONGEST_SET {
                return Err(KeysError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        published::read(&body).map(Set::from).ok_or(KeysError::Unreadable)
    }
}

impl Entry {
    /// The keys, if they are younger than this.
    fn known(&self, now: Timestamp, age: SignedDuration) -> Option<&Set> {
        let young = self.set.as_ref().filter(|(_, fetched_at)| is_within(*fetched_at, now, age));
        young.map(|(set, _)| set)
    }

    fn is_fetching(&self) -> bool {
        // If the runtime of a fetch has ended, there is a result, but `conclude` was never called.
        self.fetching.as_ref().is_some_and(|fetching| fetching.peek().is_none())
    }

    fn may_be_fetched(&self, now: Timestamp) -> bool {
        let pause = if self.known(now, OUTLIVES).is_some() { SELDOM } else { WITHOUT_KEYS };
        self.is_fetching() || self.begun.is_none_or(|begun| !is_within(begun, now, pause))
    }

    fn conclude(&mut self, result: &Result<Set, KeysError>, begun: Timestamp) {
        self.fetching = None;
        self.failed = result.as_ref().err().copied();
        if let Ok(set) = result {
            self.set = Some((Arc::clone(set), begun));
        }
    }
}

/// Whether less time lies between the two. Clocks may be set back, and callers look at them in no
/// order.
fn is_within(then: Timestamp, now: Timestamp, time: SignedDuration) -> bool {
    now.duration_since(then).abs() < time
}

#[cfg(test)]
mod tests;
