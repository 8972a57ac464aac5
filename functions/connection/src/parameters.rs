//! Parameters that several operations take.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Moment, Self::Err> {
        let problem = "must be a point in time such as 2026-12-01T00:00:00Z";
        text.trim().parse().map(Moment).map_err(|_| problem)
    }
}

toolkit::text_parameter!(Moment, {"type": "string", "format": "date-time"});

/// Where the next page begins: the `next` of an earlier answer.
#[derive(Clone, Debug)]
pub(crate) struct Next<C>(pub(crate) C);

/// The error for a text that is not a `next`.
pub(crate) const FOREIGN: &str = "must be the `next` of an earlier answer";

impl<C: FromStr> FromStr for Next<C> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Next<C>, Self::Err> {
        text.trim().parse().map(Next).map_err(|_| FOREIGN)
    }
}

toolkit::text_parameter!(Next<C: FromStr>, {"type": "string"});

impl<C: fmt::Display> serde::Serialize for Next<C> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
