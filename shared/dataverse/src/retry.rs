//! When to try again, and how long to wait before.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// How often a request is sent again after a failure other than throttling. Throttling is waited
/// out until the deadline.
const FAILED_TRIES: usize = 4;

/// Whether a request may be sent again after its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read, or a create under a key of our own: sending it twice changes nothing more.
    Safe,
    /// Anything else: it is sent again only if it certainly was not carried out.
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

/// A `Retry-After` that asks for more than this is not believed.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The wait that the `Retry-After` header asks for, at most an hour. The header has a date or
/// seconds, which may have a fraction.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = seconds(text).or_else(|| {
        let at = rfc2822::parse(text).ok()?.timestamp();
        Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
    });
    wait.map(|wait| wait.min(LONGEST))
}

/// Reads digits, perhaps with a point and further digits, and rounds up to a millisecond.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    // Too many digits for a number mean a long time.
    let whole = Duration::from_secs(whole.parse().unwrap_or(u64::MAX));
    let (shown, rest) = fraction.split_at(fraction.len().min(3));
    let mut milliseconds: u64 = format!("{shown:0<3}").parse().ok()?;
    milliseconds += u64::from(rest.bytes().any(|digit| digit != b'0'));
    Some(whole.saturating_add(Duration::from_millis(milliseconds)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
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
    fn fractions_are_rounded_up_to_a_millisecond() {
        assert_eq!(of("2.5"), Some(Duration::from_millis(2_500)));
        assert_eq!(of("0.0001"), Some(Duration::from_millis(1)));
        assert_eq!(of("1.9990"), Some(Duration::from_millis(1_999)));
        assert_eq!(of("1.9999"), Some(Duration::from_secs(2)));
        for text in ["-1", "+1", "1e3", ".5", "5.", "1.2.3", "inf", "NaN", ""] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn nobody_waits_longer_than_an_hour() {
        for text in [
            "3601",
            "18446744073709551615",
            "18446744073709551615.9999",
            "99999999999999999999999999999999999999999999",
            "Mon, 23 Nov 2116 12:00:00 GMT",
        ] {
            assert_eq!(of(text), Some(Duration::from_secs(3_600)), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_there(text in "[ -~]{0,40}|[0-9]{1,30}(\\.[0-9]{0,30})?") {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_str(&text).unwrap());
            let wait = retry_after(&headers, Timestamp::MIN);
            proptest::prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = waits().collect();
        assert_eq!(waits.len(), FAILED_TRIES);
        assert!(waits[0] >= Duration::from_millis(200) && waits[3] >= Duration::from_millis(1600));
    }
}
