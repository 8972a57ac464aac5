//! The deadline that a caller asks for.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;
use tokio::time::Instant;

use super::header;
use crate::{Incoming, ToolError};

/// The header by which a caller asks for an answer sooner, in milliseconds. The answer to a call that
/// takes longer is `deadline_exceeded`.
const DEADLINE_MS: HeaderName = HeaderName::from_static("x-deadline-ms");

/// The deadlines that a caller may ask for, in milliseconds. API Gateway itself gives up after 30
/// seconds, and the functions answer before that.
const DEADLINES_MS: RangeInclusive<u64> = 100..=28_000;

impl Incoming {
    /// When the answer to this request, which came now, must be there: sooner than its deadline, if its
    /// header `X-Deadline-Ms` asks for that.
    ///
    /// # Errors
    ///
    /// The header is no such number.
    pub fn answer_by(&self, now: Instant) -> Result<Instant, ToolError> {
        let Some(text) = header(&self.headers, &DEADLINE_MS)? else { return Ok(self.deadline) };
        let wanted = text.parse().ok().filter(|wanted| DEADLINES_MS.contains(wanted));
        let wanted = wanted.ok_or_else(|| {
            ToolError::invalid(
                "header X-Deadline-Ms",
                format!(
                    "must be a whole number of milliseconds from {} to {}",
                    DEADLINES_MS.start(),
                    DEADLINES_MS.end()
                ),
            )
        })?;
        Ok(self.deadline.min(now + Duration::from_millis(wanted)))
    }
}
