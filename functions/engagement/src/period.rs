//! The time of an appointment, and other appointments at that time.

use crate::appointment::ahead;
use crm::activity;
use crm::figure::Figure;
use crm::tables::collections;
use crm::tables::parties::Part;
use crm::time::{Minute, Moment};
use dataverse::{Comparison, Filter, Order, Query, Record};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Deserializer};
use toolkit::ToolError;

/// The length of a meeting in minutes.
#[derive(Clone, Copy)]
pub(crate) struct Minutes(i64);

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Minutes, D::Error> {
        match Figure::deserialize(deserializer)?.whole() {
            Some(minutes @ 5..=1440) => Ok(Minutes(minutes)),
            _ => Err(serde::de::Error::custom("must be a whole number from 5 to 1440")),
        }
    }
}

crm::plain_schema!(Minutes, "integer");

/// The longest appointment that an organization allows by default.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 24);

/// The longest appointment that a visitor may book, and how far ahead. The host's calendar is not
/// theirs.
const LONGEST_OF_VISITOR: SignedDuration = SignedDuration::from_hours(2);
const FARTHEST_OF_VISITOR: SignedDuration = SignedDuration::from_hours(180 * 24);

/// How late a start may be. A start of "now" is often over when the call arrives.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// The most other appointments that are named.
const CLASHES: u32 = 2;

/// The time of an appointment.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Period {
    /// Makes the period from its start and either its end or its length.
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

    /// Refuses a period that a visitor may not book.
    pub(crate) fn check_for_visitor(self, now: Timestamp) -> Result<(), ToolError> {
        if self.end.duration_since(self.start) > LONGEST_OF_VISITOR {
            return Err(ToolError::invalid("end", "must be at most 2 hours after the start"));
        }
        if self.start.duration_since(now) > FARTHEST_OF_VISITOR {
            return Err(ToolError::invalid("start", "must be within 180 days"));
        }
        Ok(())
    }

    /// Refuses a period that begins in the past.
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

/// Appointments of somebody that overlap the period. An appointment that ends when the period
/// begins does not overlap.
pub(crate) fn busy(party: Filter, parts: &[Part], period: Period) -> Query {
    ahead()
        .select(["scheduledstart", "scheduledend", activity::ALL_DAY])
        .filter(Filter::compare("scheduledstart", Comparison::Less, period.end))
        .filter(Filter::compare("scheduledend", Comparison::Greater, period.start))
        .filter(Filter::some(collections::APPOINTMENT_PARTIES, party.and(Part::any_of(parts))))
        .order_by(Order::ascending("scheduledstart"))
        .top(CLASHES)
}

/// Says that somebody has other appointments at that time, and when these begin and end. It does
/// not say what they are about, because a visitor must not know that.
pub(crate) fn clash(who: &str, appointments: &[Record]) -> Option<String> {
    let others: Vec<_> = appointments
        .iter()
        .filter_map(|other| {
            let (start, end) = activity::period(other);
            let (start, end) = (start?, end?);
            Some(match activity::is_all_day(other) {
                true if start == end => format!("all day on {start}"),
                true => format!("all day from {start} to {end}"),
                false => format!("from {start} to {end}"),
            })
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
