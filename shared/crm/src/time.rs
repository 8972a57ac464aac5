//! Points in time, as callers give them and as the tools show them.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::undecorated;

/// A point in time as the tools show it: in UTC and to the minute, such as `2026-12-01T09:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub Timestamp);

impl std::fmt::Display for Minute {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.strftime("%Y-%m-%dT%H:%MZ"))
    }
}

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is not accepted as a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is not a date.
    #[error("must be a date such as 2026-12-01")]
    NotDate,
    /// It is not a date with a time.
    #[error("must be a date and time such as 2026-12-01T10:00+01:00")]
    NotTime,
    /// It has no time zone, so nobody knows which point in time it means.
    #[error(
        "must say its time zone: add Z, an offset as in 2026-12-01T10:00+01:00, or a zone as in \
         2026-12-01T10:00[Europe/Berlin]"
    )]
    NoZone,
    /// The time zone is unknown, or it does not have this offset at that time.
    #[error("has a time zone that is unknown or that does not go with its offset")]
    Zone,
    /// When clocks are changed, one hour is missing or occurs twice. The time is in that hour.
    #[error(
        "does not exist or occurs twice where clocks are changed on that day: give an offset such \
         as +01:00"
    )]
    ClockChange,
}

/// A point in time from a caller: ISO 8601 with an offset or with the name of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Reads the text that a caller gave. A time without offset and time zone is refused, not
    /// guessed.
    pub fn parse(text: &str) -> Result<Moment, TimeError> {
        const LONGEST: usize = 100;
        let text = Some(text.trim()).filter(|text| text.len() <= LONGEST);
        let text = text.ok_or(TimeError::NotTime)?;
        let pieces = Pieces::parse(text).map_err(|_| TimeError::NotTime)?;
        let time = pieces.time().ok_or(TimeError::NotTime)?;
        let at = DateTime::from_parts(pieces.date(), time);
        match (pieces.to_numeric_offset(), pieces.time_zone_annotation()) {
            (None, None) => Err(TimeError::NoZone),
            // With both an offset and a time zone, the two must agree.
            (Some(_), Some(_)) => {
                let zoned: ZonedDateTime = text.parse().map_err(|_| TimeError::Zone)?;
                Ok(Moment(zoned.timestamp()))
            }
            (Some(offset), None) => {
                offset.to_timestamp(at).map(Moment).map_err(|_| TimeError::NotTime)
            }
            (None, Some(_)) => {
                let zone = pieces.to_time_zone().map_err(|_| TimeError::Zone)?;
                let zone = zone.ok_or(TimeError::Zone)?;
                let zoned = zone.to_ambiguous_zoned_datetime(at).unambiguous();
                Ok(Moment(zoned.map_err(|_| TimeError::ClockChange)?.timestamp()))
            }
        }
    }
}

/// A day from a caller, such as `2026-12-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

impl Day {
    /// Reads the text that a caller gave.
    pub fn parse(text: &str) -> Result<Day, TimeError> {
        let text = text.trim();
        // The parser alone would also accept a date with a time.
        let date = (text.len() == 10).then(|| text.parse().ok()).flatten();
        date.map(Day).ok_or(TimeError::NotDate)
    }
}

impl From<Day> for serde_json::Value {
    fn from(day: Day) -> serde_json::Value {
        day.0.to_string().into()
    }
}

/// When something is due: a day or a point in time.
///
/// Dataverse has only points in time for it. A day is noon of that day in UTC, which is the same day
/// in nearly every time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A day.
    Day(Date),
    /// A point in time.
    At(Timestamp),
}

impl Due {
    /// Reads the text that a caller gave.
    pub fn parse(text: &str) -> Result<Due, TimeError> {
        let Ok(Day(date)) = Day::parse(text) else {
            return Moment::parse(text).map(|moment| Due::At(moment.0));
        };
        let due = Due::Day(date);
        if due.stored().is_some() { Ok(due) } else { Err(TimeError::NotDate) }
    }

    /// The point in time that is stored. `None` if it is beyond the calendar.
    pub fn stored(self) -> Option<Timestamp> {
        match self {
            Due::Day(date) => {
                let noon = DateTime::from_parts(date, Time::constant(12, 0, 0, 0));
                noon.to_zoned_datetime(TimeZone::UTC).ok().map(|noon| noon.timestamp())
            }
            Due::At(time) => Some(time),
        }
    }
}

/// A day, or a point in time, as the tools show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A day, such as `2026-12-01`.
    Day(Date),
    /// A point in time.
    At(Minute),
}

impl When {
    /// The day of a [`Due::Day`] that was stored, or the time.
    pub fn due(stored: Timestamp) -> When {
        let day = TimeZone::UTC.to_datetime(stored).date();
        if Due::Day(day).stored() == Some(stored) { When::Day(day) } else { stored.into() }
    }

    /// The first and the last day of something that takes whole days. It begins and ends at midnight
    /// where it was put into a calendar, and in UTC up to half a day before or after that.
    pub fn all_day(start: Timestamp, end: Option<Timestamp>) -> (When, When) {
        const HALF: SignedDuration = SignedDuration::from_hours(12);
        let day = |time: Timestamp| {
            TimeZone::UTC.to_datetime(time.checked_add(HALF).unwrap_or(time)).date()
        };
        let first = day(start);
        // The last day ends when the next one begins.
        let last = end.and_then(|end| day(end).yesterday().ok()).unwrap_or(first);
        (When::Day(first), When::Day(last.max(first)))
    }
}

impl From<Timestamp> for When {
    fn from(time: Timestamp) -> When {
        When::At(Minute(time))
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            When::Day(day) => day.fmt(formatter),
            When::At(minute) => minute.fmt(formatter),
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! text_of_time {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(undecorated(&text)).map_err(serde::de::Error::custom)
            }
        }
        text_of_time!(@schema $name);
    )*};
    (@schema $name:ident) => {
        $crate::plain_schema!($name, "string");
    };
}

text_of_time! { Moment Day Due }
text_of_time! { @schema Minute }
text_of_time! { @schema When }

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Result<String, TimeError> {
        Moment::parse(text).map(|moment| Minute(moment.0).to_string())
    }

    #[test]
    fn a_time_says_its_zone() {
        for text in [
            "2026-12-01T10:00+01:00",
            "2026-12-01T09:00:00Z",
            "2026-12-01 09:00z",
            "2026-12-01T10:00[Europe/Berlin]",
            "2026-12-01T10:00+01:00[Europe/Berlin]",
        ] {
            assert_eq!(moment(text).as_deref(), Ok("2026-12-01T09:00Z"), "{text}");
        }
        assert_eq!(moment("2026-12-01T10:00"), Err(TimeError::NoZone));
        assert_eq!(moment("2026-12-01"), Err(TimeError::NotTime));
        assert_eq!(moment("tomorrow"), Err(TimeError::NotTime));
        assert_eq!(moment("2026-12-01T10:00[Europe/Nowhere]"), Err(TimeError::Zone));
        assert_eq!(moment("2026-12-01T10:00+05:00[Europe/Berlin]"), Err(TimeError::Zone));
    }

    #[test]
    fn an_hour_that_is_missing_or_occurs_twice_is_refused() {
        for text in ["2027-03-28T02:30[Europe/Berlin]", "2026-10-25T02:30[Europe/Berlin]"] {
            assert_eq!(moment(text), Err(TimeError::ClockChange), "{text}");
        }
        assert_eq!(moment("2026-10-25T02:30+01:00").as_deref(), Ok("2026-10-25T01:30Z"));
        assert_eq!(
            moment("2026-10-25T02:30+02:00[Europe/Berlin]").as_deref(),
            Ok("2026-10-25T00:30Z")
        );
    }

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(Day::parse(" 2026-12-01 ").unwrap().0.to_string(), "2026-12-01");
        for text in ["2026-12-01T10:00Z", "01.12.2026", "2026-02-30", "next week", ""] {
            assert_eq!(Day::parse(text), Err(TimeError::NotDate), "{text}");
        }
        let shown = |text: &str| {
            let stored = Due::parse(text).unwrap().stored().unwrap();
            (Minute(stored).to_string(), When::due(stored).to_string())
        };
        let of = |stored: &str, shown: &str| (stored.to_owned(), shown.to_owned());
        assert_eq!(shown("2026-12-01"), of("2026-12-01T12:00Z", "2026-12-01"));
        assert_eq!(shown("2026-12-01T10:00Z"), of("2026-12-01T10:00Z", "2026-12-01T10:00Z"));
        assert_eq!(Due::parse("2026-12-01T10:00"), Err(TimeError::NoZone));
    }

    #[test]
    fn whole_days_are_days_wherever_they_were_put_into_a_calendar() {
        let days = |start: &str, end: &str| {
            let (first, last) = When::all_day(start.parse().unwrap(), end.parse().ok());
            (first.to_string(), last.to_string())
        };
        let one = ("2026-12-01".to_owned(), "2026-12-01".to_owned());
        // In UTC, Berlin, Seattle, Auckland; as Outlook ends a day, and as others do.
        for (start, end) in [
            ("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
            ("2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z"),
            ("2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"),
            ("2026-11-30T12:00:00Z", "2026-12-01T12:00:00Z"),
            ("2026-12-01T00:00:00Z", "2026-12-01T23:59:00Z"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", ""),
        ] {
            assert_eq!(days(start, end), one, "{start} {end}");
        }
        let three = days("2026-11-30T23:00:00Z", "2026-12-03T23:00:00Z");
        assert_eq!(three, ("2026-12-01".to_owned(), "2026-12-03".to_owned()));
    }
}
