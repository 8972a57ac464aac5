//! The service protection limits: requests, execution time and concurrency for each user, in a
//! sliding window of five minutes (Microsoft's documentation, "Service protection API limits").

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::message::{ApiError, ApiResponse};

/// One of the three limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionLimit {
    /// There are too many requests.
    #[default]
    Requests,
    /// The requests take too much time.
    ExecutionTime,
    /// There are too many requests at the same time.
    Concurrency,
}

/// The current limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether requests are refused at all.
    pub enabled: bool,
    /// Requests per window.
    pub requests: usize,
    /// Execution time per window.
    pub execution_ms: u64,
    /// Requests at the same time.
    pub concurrent: usize,
    /// The length of the window.
    pub window_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            requests: 6_000,
            execution_ms: 1_200_000,
            concurrent: 52,
            window_seconds: 300,
        }
    }
}

#[derive(Debug, Default)]
struct Usage {
    limits: Limits,
    running: usize,
    arrivals: VecDeque<Instant>,
    executions: VecDeque<(Instant, Duration)>,
    executed: Duration,
}

impl Usage {
    fn forget_before(&mut self, now: Instant) {
        let window = Duration::from_secs(self.limits.window_seconds);
        while self.arrivals.front().is_some_and(|at| now.duration_since(*at) >= window) {
            self.arrivals.pop_front();
        }
        while let Some((at, took)) = self.executions.front().copied()
            && now.duration_since(at) >= window
        {
            self.executed -= took;
            self.executions.pop_front();
        }
    }

    /// The number of seconds until a request of this time leaves the window.
    fn leaves_in(&self, at: Instant, now: Instant) -> u64 {
        let window = Duration::from_secs(self.limits.window_seconds);
        (window.saturating_sub(now.duration_since(at)).as_secs_f64().ceil() as u64).max(1)
    }
}

/// Counts the requests of the application user.
#[derive(Debug, Default)]
pub struct Throttle {
    usage: Arc<Mutex<Usage>>,
}

/// A request that was admitted. It counts as running until this value is dropped.
#[derive(Debug)]
pub struct Admission {
    usage: Arc<Mutex<Usage>>,
    started: Instant,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let now = Instant::now();
        let took = now.duration_since(self.started);
        let mut usage = self.usage.lock();
        usage.running = usage.running.saturating_sub(1);
        usage.executions.push_back((now, took));
        usage.executed += took;
    }
}

impl Throttle {
    /// Admits a request, or says which limit it exceeds and when to come back.
    pub fn admit(&self) -> Result<Admission, (ProtectionLimit, Limits, u64)> {
        let now = Instant::now();
        let mut usage = self.usage.lock();
        usage.forget_before(now);
        let limits = usage.limits;
        // Refused requests count, too: a client that keeps sending waits longer.
        usage.arrivals.push_back(now);
        if limits.enabled {
            if usage.running >= limits.concurrent {
                return Err((ProtectionLimit::Concurrency, limits, 1));
            }
            if let Some(over) = usage.arrivals.len().checked_sub(limits.requests + 1) {
                let wait = usage.leaves_in(usage.arrivals[over], now);
                return Err((ProtectionLimit::Requests, limits, wait));
            }
            if usage.executed > Duration::from_millis(limits.execution_ms) {
                let wait = usage.executions.front().map_or(1, |(at, _)| usage.leaves_in(*at, now));
                return Err((ProtectionLimit::ExecutionTime, limits, wait));
            }
        }
        usage.running += 1;
        Ok(Admission { usage: Arc::clone(&self.usage), started: now })
    }

    /// The current limits.
    pub fn limits(&self) -> Limits {
        self.usage.lock().limits
    }

    /// Sets the limits and forgets the counts.
    pub fn set(&self, limits: Limits) {
        let mut usage = self.usage.lock();
        usage.limits = limits;
        usage.arrivals.clear();
        usage.executions.clear();
        usage.executed = Duration::ZERO;
    }

    /// The two headers that inform about the limits.
    pub fn headers(&self) -> HeaderMap {
        let usage = self.usage.lock();
        let requests = usage.limits.requests.saturating_sub(usage.arrivals.len());
        let time = Duration::from_millis(usage.limits.execution_ms).saturating_sub(usage.executed);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-ms-ratelimit-burst-remaining-xrm-requests", requests.to_string()),
            ("x-ms-ratelimit-time-remaining-xrm-requests", with_thousands(time.as_secs_f64())),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

fn with_thousands(seconds: f64) -> String {
    let text = format!("{seconds:.2}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    format!("{}.{fraction}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The 429 answer for a limit.
pub fn refusal(
    limit: ProtectionLimit,
    limits: Limits,
    retry_after: u64,
    request: &HeaderMap,
) -> ApiResponse {
    let window = limits.window_seconds;
    let (code, message) = match limit {
        ProtectionLimit::Requests => (
            0x8007_2322,
            format!(
                "Number of requests exceeded the limit of {} over time window of {window} seconds.",
                limits.requests
            ),
        ),
        // The service writes two spaces before "milliseconds".
        ProtectionLimit::ExecutionTime => (
            0x8007_2321,
            format!(
                "Combined execution time of incoming requests exceeded limit of {}  milliseconds \
                 over time window of {window} seconds. Decrease number of concurrent requests or \
                 reduce the duration of requests and try again later.",
                grouped(&limits.execution_ms.to_string())
            ),
        ),
        ProtectionLimit::Concurrency => (
            0x8007_2326,
            format!("Number of concurrent requests exceeded the limit of {}.", limits.concurrent),
        ),
    };
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, message);
    let mut response = error.into_response(request);
    response.headers.insert(http::header::RETRY_AFTER, HeaderValue::from(retry_after));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_refuses_what_is_over_it() {
        let throttle = Throttle::default();
        throttle.set(Limits { concurrent: 2, ..Limits::default() });
        let first = throttle.admit().unwrap();
        let _second = throttle.admit().unwrap();
        assert_eq!(throttle.admit().unwrap_err().0, ProtectionLimit::Concurrency);
        drop(first);
        assert!(throttle.admit().is_ok());

        throttle.set(Limits { requests: 3, ..Limits::default() });
        assert!((0..3).all(|_| throttle.admit().is_ok()));
        let (limit, _, wait) = throttle.admit().unwrap_err();
        assert_eq!(limit, ProtectionLimit::Requests);
        assert!((299..=300).contains(&wait), "{wait}");

        throttle.set(Limits { execution_ms: 0, ..Limits::default() });
        let admission = throttle.admit().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        drop(admission);
        assert_eq!(throttle.admit().unwrap_err().0, ProtectionLimit::ExecutionTime);
        throttle.set(Limits { enabled: false, requests: 0, ..Limits::default() });
        assert!(throttle.admit().is_ok());
    }

    #[test]
    fn thousands_are_grouped_as_the_service_writes_them() {
        assert_eq!(with_thousands(1200.0), "1,200.00");
        assert_eq!(grouped("1200000"), "1,200,000");
        assert_eq!(grouped("52"), "52");
    }
}
