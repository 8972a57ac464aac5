//! The time of the emulator. A control call can move it, so that tokens and secrets expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The real time plus a shift. All copies share the shift.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The emulated time.
    pub fn now(&self) -> Timestamp {
        let shift = SignedDuration::from_secs(self.shift_seconds.load(Ordering::Relaxed));
        // `advance` refuses a shift beyond the end of the calendar, so this never saturates.
        Timestamp::now().saturating_add(shift).unwrap_or(Timestamp::MAX)
    }

    /// Moves the time. Returns false if it would leave the calendar.
    pub fn advance(&self, seconds: i64) -> bool {
        let current = self.shift_seconds.load(Ordering::Relaxed);
        let Some(shift) = current.checked_add(seconds) else { return false };
        if Timestamp::now().checked_add(SignedDuration::from_secs(shift)).is_err() {
            return false;
        }
        self.shift_seconds.store(shift, Ordering::Relaxed);
        true
    }

    /// Goes back to the real time.
    pub fn reset(&self) {
        self.shift_seconds.store(0, Ordering::Relaxed);
    }
}
