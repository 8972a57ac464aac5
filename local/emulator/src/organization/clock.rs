//! The emulator's time, which a control call can move so that tokens and secrets run out.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The time of day plus a shift that all copies share.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The emulated time.
    pub fn now(&self) -> Timestamp {
        let shift = SignedDuration::from_secs(self.shift_seconds.load(Ordering::Relaxed));
        // A shift beyond the calendar's end is refused by `advance`, so this never saturates.
        Timestamp::now().saturating_add(shift).unwrap_or(Timestamp::MAX)
    }

    /// Moves the time; false if it would leave the calendar.
    pub fn advance(&self, seconds: i64) -> bool {
        let current = self.shift_seconds.load(Ordering::Relaxed);
        let Some(shift) = current.checked_add(seconds) else { return false };
        if Timestamp::now().checked_add(SignedDuration::from_secs(shift)).is_err() {
            return false;
        }
        self.shift_seconds.store(shift, Ordering::Relaxed);
        true
    }

    /// Back to the real time.
    pub fn reset(&self) {
        self.shift_seconds.store(0, Ordering::Relaxed);
    }
}
