//! When an appointment is, and who has another one at that time.

use crate::appointment::ahead;
use crm::tables::parties::{self, Part};
use crm::time::{Minute, Moment};
use dataverse::{Comparison, Filter, Order, Query, Record};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Deserializer};
use toolkit::ToolError;

/// How long a meeting takes.
#[derive(Clone, Copy)]
pub(crate) struct Minutes(i64);

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Minutes, D::Error> {
        match i64::deserialize(deserializer)? {
            minutes @ 5..=1440 => Ok(Minutes(minutes)),
            _ => Err(serde::de::Error::custom("must be a whole number from 5 to 1440")),
        }
    }
}

crm::plain_schema!(Minutes, "integer");

/// The longest that an organization allows where it has not been told otherwise.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 24);

/// "Now" has often passed when it arrives.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// How many other appointments at that time are named.
const CLASHES: u32 = 2;

/// From when to when.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Period {
    /// The end is given itself, or by how long the meeting takes.
    pub(crate) fn of(
        Moment(start): Moment,
        end: Option<Moment>,
        minutes: Option<Minutes>,
    ) -> Result<Period, ToolError> {
        let end = match (end, minutes) {
            (Some(_), Some(_)) => {
                return Err(ToolError::invalid("end, duration_minutes", "give only one of them"));
            }
            (Some(Moment(end)), None) => Some(end),
            (None, minutes) => {
                let Minutes(minutes) = minutes.unwrap_or(Minutes(30));
                start.checked_add(SignedDuration::from_mins(minutes)).ok()
            }
        };
        let minute = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Trunc);
        let in_minutes = |time: Timestamp| time.round(minute).ok();
        let (Some(start), Some(end)) = (in_minutes(start), end.and_then(in_minutes)) else {
            return Err(ToolError::invalid("start", "is beyond the calendar"));
        };
        if end <= start {
            return Err(ToolError::invalid("end", "must be after the start"));
        }
        if end.duration_since(start) > LONGEST {
            let problem = "must be at most 10 days after the start: schedule several appointments";
            return Err(ToolError::invalid("end", problem));
        }
        Ok(Period { start, end })
    }

    /// Refuses what is over.
    pub(crate) fn check_future(self, now: Timestamp) -> Result<(), ToolError> {
        if now.duration_since(self.start) <= LATE {
            return Ok(());
        }
        let problem = format!("is in the past: it is {} now", Minute(now));
        Err(ToolError::invalid("start", problem).next_step(
            "Ask for a time to come, and check the year; log a meeting that has taken place with \
             dynamics365_create_activity.",
        ))
    }
}

/// Appointments of somebody that overlap the period. What ends when it begins does not.
pub(crate) fn busy(party: Filter, parts: &[Part], period: Period) -> Query {
    ahead()
        .select(["scheduledstart", "scheduledend"])
        .filter(Filter::compare("scheduledstart", Comparison::Less, period.end))
        .filter(Filter::compare("scheduledend", Comparison::Greater, period.start))
        .filter(Filter::some(parties::OF_APPOINTMENT, party.and(Part::any_of(parts))))
        .order_by(Order::ascending("scheduledstart"))
        .top(CLASHES)
}

/// Says that somebody has another appointment at that time, and from when to when. What it is about
/// is for those who meet, not for a visitor.
pub(crate) fn clash(who: &str, appointments: &[Record]) -> Option<String> {
    let others: Vec<_> = appointments
        .iter()
        .filter_map(|other| {
            let (start, end) = (other.time("scheduledstart")?, other.time("scheduledend")?);
            Some(format!("from {} to {}", Minute(start), Minute(end)))
        })
        .collect();
    let others = others.join(", and ");
    (!others.is_empty()).then(|| {
        format!(
            "It clashes with another appointment of the {who}: {others}. Say so, and offer another \
             time."
        )
    })
}
