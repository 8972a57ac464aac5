//! Parameters that several operations take.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use state::Ended;
use toolkit::ErrorCode;
use uuid::Uuid;

/// A point in time, or a day, which is meant in UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// A point in time.
    At(Timestamp),
    /// A day.
    On(Date),
}

impl Moment {
    /// The moment at which it begins.
    pub(crate) fn begins(self) -> Timestamp {
        match self {
            Moment::At(time) => time,
            Moment::On(day) => midnight(day),
        }
    }

    /// The moment before which it ends.
    pub(crate) fn ends(self) -> Timestamp {
        match self {
            Moment::At(time) => time,
            Moment::On(day) => day.tomorrow().map_or(Timestamp::MAX, midnight),
        }
    }
}

fn midnight(day: Date) -> Timestamp {
    let moment = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
    moment.unwrap_or(Timestamp::MAX)
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Moment, Self::Err> {
        let text = text.trim();
        let day = || (text.len() == 10).then(|| text.parse().ok()).flatten();
        let problem = "must be a point in time such as 2026-12-01T00:00:00Z, or a day such as \
                       2026-12-01";
        match text.parse() {
            Ok(time) => Ok(Moment::At(time)),
            Err(_) => day().map(Moment::On).ok_or(problem),
        }
    }
}

toolkit::text_parameter!(Moment, {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]});

/// How calls ended: `ok`, `failed` for all that did not end well, or the code of an error.
#[derive(Clone, Debug)]
pub(crate) struct Outcome(pub(crate) Ended);

/// All outcomes that can be asked for.
pub(crate) fn outcomes() -> Vec<&'static str> {
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
    ["ok", "failed"].into_iter().chain(codes).collect()
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Outcome, String> {
        match text.trim() {
            "failed" => Ok(Outcome(Ended::Failed)),
            text if outcomes().contains(&text) => Ok(Outcome(Ended::With(text.to_owned()))),
            _ => Err(format!("must be one of {}", outcomes().join(", "))),
        }
    }
}

toolkit::text_parameter!(Outcome, {"type": "string", "enum": outcomes()});

/// The id of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordId(pub(crate) Uuid);

impl FromStr for RecordId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<RecordId, Self::Err> {
        let problem = "must be the id of a record, such as d61abde7-181e-5f77-b59e-84c544c5040b";
        Uuid::parse_str(text.trim()).map(RecordId).map_err(|_| problem)
    }
}

toolkit::text_parameter!(RecordId, {"type": "string", "format": "uuid"});

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
