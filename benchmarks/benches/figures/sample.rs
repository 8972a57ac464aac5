//! Statistics over many measurements of the same thing.

use std::time::Duration;

/// Durations of the same thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub(crate) fn extend(&mut self, further: Sample) {
        self.0.extend(further.0);
    }

    /// The duration that this share of them does not exceed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        sorted.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn mean(&self) -> Duration {
        let count = self.0.len().max(1) as u32;
        self.0.iter().sum::<Duration>() / count
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(0.5)
    }
}

/// In milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
