//! When to try again, and how long to wait before.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Tries after failures other than throttling. Throttling is waited out until the deadline.
const FAILED_TRIES: usize = 4;

/// Whether a request may be sent again after its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read, or a create under a key of our own: the second time changes nothing.
    Safe,
    /// Anything else: only a request that certainly was not carried out is sent again.
    Unsafe,
}

/// The waits between tries: about 0.2, 0.4, 0.8 and 1.6 seconds, each with jitter.
pub(crate) fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(FAILED_TRIES)
        .with_jitter()
        .build()
}

/// The `Retry-After` header: whole seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static(text));
        retry_after(&headers, "2026-11-23T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn seconds_or_a_date() {
        assert_eq!(of("17"), Some(Duration::from_secs(17)));
        assert_eq!(of("Mon, 23 Nov 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(of("Mon, 23 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = waits().collect();
        assert_eq!(waits.len(), FAILED_TRIES);
        assert!(waits[0] >= Duration::from_millis(200) && waits[3] >= Duration::from_millis(1600));
    }
}
