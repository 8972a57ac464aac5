//! Dataverse's own filter functions, such as `Microsoft.Dynamics.CRM.LastXDays(…)`.
//!
//! Times are in UTC, which is the time zone of the emulated users. Weeks start on Sunday.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::comparable::{Family, family, text_value};
use super::filter::{Filter, PropertyPath, TimeSpan};
use super::syntax::{Argument, Comparison, Literal};
use crate::data::Value;
use crate::message::ApiError;
use crate::organization::Moment;

/// Conditions that Dataverse supports and this emulator does not.
const NOT_EMULATED: [&str; 22] = [
    "Above",
    "AboveOrEqual",
    "EqualRoleBusinessId",
    "EqualUserLanguage",
    "EqualUserOrUserHierarchy",
    "EqualUserOrUserHierarchyAndTeams",
    "EqualUserOrUserTeams",
    "EqualUserTeams",
    "InFiscalPeriod",
    "InFiscalPeriodAndYear",
    "InFiscalYear",
    "InOrAfterFiscalPeriodAndYear",
    "InOrBeforeFiscalPeriodAndYear",
    "LastFiscalPeriod",
    "LastFiscalYear",
    "NextFiscalPeriod",
    "NextFiscalYear",
    "NotUnder",
    "ThisFiscalPeriod",
    "ThisFiscalYear",
    "Under",
    "UnderOrEqual",
];

/// Refuses a condition that is not emulated.
pub(super) fn emulated(name: &str) -> Result<(), ApiError> {
    if !NOT_EMULATED.contains(&name) {
        return Ok(());
    }
    Err(ApiError::not_emulated(&format!("the condition Microsoft.Dynamics.CRM.{name}")))
}

/// Whether this is a condition about time that is emulated.
pub(super) fn is_of_time(name: &str) -> bool {
    let counted = ["LastX", "NextX", "OlderThanX"]
        .iter()
        .any(|start| name.strip_prefix(start).is_some_and(|rest| unit(rest).is_some()));
    counted
        || matches!(name, "On" | "OnOrBefore" | "OnOrAfter")
        || calendar_span(Date::default(), name).is_some()
}

/// The filter of a condition. `arguments` are all arguments except the property.
pub(super) fn filter(
    name: &str,
    property: PropertyPath,
    mut arguments: ConditionArguments,
    moment: Moment,
) -> Result<Filter, ApiError> {
    let filter = if let Some(filter) = of_values(moment, name, &property, &mut arguments)? {
        filter
    } else {
        let span = time_span(moment.now, name, &mut arguments)?.ok_or_else(|| unknown(name))?;
        if family(property.column) != Family::Time {
            return Err(mismatch(name, &property));
        }
        Filter::Within(property, span)
    };
    arguments.nothing_left(name)?;
    Ok(filter)
}

/// The arguments of a condition that are not used yet, by name.
pub(super) struct ConditionArguments(Vec<(String, Argument)>);

impl ConditionArguments {
    /// Arguments with their aliases resolved.
    pub(super) fn new(arguments: Vec<(String, Argument)>) -> Self {
        Self(arguments)
    }

    /// The path of the condition's property.
    pub(super) fn property(&mut self) -> Result<Vec<String>, ApiError> {
        match self.take("PropertyName")? {
            Argument::One(Literal::Text(name)) => Ok(name.split('/').map(str::to_owned).collect()),
            _ => Err(ApiError::odata("PropertyName must be a string.")),
        }
    }

    fn take(&mut self, name: &str) -> Result<Argument, ApiError> {
        let index = self.0.iter().position(|(given, _)| given == name);
        let index = index.ok_or_else(|| {
            ApiError::odata(format!("The parameter '{name}' of the condition is missing."))
        })?;
        Ok(self.0.remove(index).1)
    }

    fn one(&mut self) -> Result<String, ApiError> {
        Ok(match self.take("PropertyValue")? {
            Argument::One(Literal::Text(text)) => text,
            Argument::One(literal) => literal.to_string(),
            _ => return Err(ApiError::odata("PropertyValue must be one value.")),
        })
    }

    fn many(&mut self) -> Result<Vec<String>, ApiError> {
        match self.take("PropertyValues")? {
            Argument::Many(values) => Ok(values),
            _ => Err(ApiError::odata("PropertyValues must be a list of strings.")),
        }
    }

    fn count(&mut self) -> Result<i64, ApiError> {
        self.one()?
            .parse()
            .ok()
            .filter(|count| (1..=36_500).contains(count))
            .ok_or_else(|| ApiError::odata("PropertyValue must be a positive whole number."))
    }

    fn nothing_left(&self, condition: &str) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::odata(format!(
                "The condition Microsoft.Dynamics.CRM.{condition} has no parameter '{name}'."
            ))),
        }
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::odata(format!(
        "An unknown function with name 'Microsoft.Dynamics.CRM.{name}' was found. This may also be \
         a function import or a key lookup on a navigation property, which is not allowed."
    ))
}

fn mismatch(name: &str, property: &PropertyPath) -> ApiError {
    ApiError::odata(format!(
        "The condition Microsoft.Dynamics.CRM.{name} cannot be used with '{}' of type '{}'.",
        property.column.name,
        property.column.edm_type()
    ))
}

/// Conditions that compare with given values, or with the caller.
fn of_values(
    moment: Moment,
    name: &str,
    property: &PropertyPath,
    arguments: &mut ConditionArguments,
) -> Result<Option<Filter>, ApiError> {
    let value = |text: &str| -> Result<Value, ApiError> {
        text_value(property.column, text).ok_or_else(|| mismatch(name, property))
    };
    let equals = |value| Filter::Compare(property.clone(), Comparison::Equal, value);
    let filter = match name {
        "In" | "NotIn" => {
            let values = arguments.many()?;
            let any =
                values.iter().map(|v| Ok(equals(value(v)?))).collect::<Result<_, ApiError>>()?;
            negated(Filter::Or(any), name == "NotIn")
        }
        "Between" | "NotBetween" => {
            let values = arguments.many()?;
            let [low, high] = values.as_slice() else {
                return Err(ApiError::odata("PropertyValues must hold two values."));
            };
            let low = Filter::Compare(property.clone(), Comparison::GreaterOrEqual, value(low)?);
            let high = Filter::Compare(property.clone(), Comparison::LessOrEqual, value(high)?);
            negated(Filter::And(vec![low, high]), name == "NotBetween")
        }
        "EqualUserId" | "NotEqualUserId" | "EqualBusinessId" | "NotEqualBusinessId" => {
            if family(property.column) != Family::Id {
                return Err(mismatch(name, property));
            }
            let own = if name.ends_with("UserId") { moment.user } else { moment.business_unit };
            negated(equals(Value::Guid(own)), name.starts_with("Not"))
        }
        // No column of these tables holds several options at once.
        "ContainValues" | "DoesNotContainValues" => return Err(mismatch(name, property)),
        _ => return Ok(None),
    };
    Ok(Some(filter))
}

fn negated(filter: Filter, negate: bool) -> Filter {
    if negate { Filter::Not(Box::new(filter)) } else { filter }
}

fn time_span(
    now: Timestamp,
    name: &str,
    arguments: &mut ConditionArguments,
) -> Result<Option<TimeSpan>, ApiError> {
    let today = TimeZone::UTC.to_datetime(now).date();
    if let Some(span) = calendar_span(today, name) {
        return span.map(Some);
    }
    if let Some(rest) = name.strip_prefix("LastX").or_else(|| name.strip_prefix("NextX")) {
        let next = name.starts_with("Next");
        let Some(unit) = unit(rest) else { return Ok(None) };
        let count = arguments.count()?;
        return relative(now, today, unit, count, next).map(Some);
    }
    if let Some(rest) = name.strip_prefix("OlderThanX") {
        let Some(unit) = unit(rest) else { return Ok(None) };
        let to = shifted(now, unit, -arguments.count()?)?;
        return Ok(Some(TimeSpan { from: None, to: Some(to) }));
    }
    let day = |arguments: &mut ConditionArguments| -> Result<Date, ApiError> {
        let text = arguments.one()?;
        let day = text.parse::<Timestamp>().map(|time| TimeZone::UTC.to_datetime(time).date());
        day.or_else(|_| text.parse::<Date>())
            .map_err(|_| ApiError::odata(format!("'{text}' is not a date.")))
    };
    Ok(Some(match name {
        "On" => days(day(arguments)?, 1)?,
        "OnOrBefore" => TimeSpan { from: None, ..days(day(arguments)?, 1)? },
        "OnOrAfter" => TimeSpan { to: None, ..days(day(arguments)?, 1)? },
        _ => return Ok(None),
    }))
}

/// Periods of the calendar: today, last month, next year.
fn calendar_span(today: Date, name: &str) -> Option<Result<TimeSpan, ApiError>> {
    let simple = match name {
        "Yesterday" => Some((-1, 1)),
        "Today" => Some((0, 1)),
        "Tomorrow" => Some((1, 1)),
        "Last7Days" => Some((-7, 8)),
        "Next7Days" => Some((0, 8)),
        _ => None,
    };
    if let Some((start, length)) = simple {
        return Some(add(today, Span::new().days(start)).and_then(|from| days(from, length)));
    }
    let (offset, unit) = if let Some(unit) = name.strip_prefix("Last") {
        (-1, unit)
    } else if let Some(unit) = name.strip_prefix("This") {
        (0, unit)
    } else {
        (1, name.strip_prefix("Next")?)
    };
    let (start, step) = match unit {
        "Week" => {
            let since_sunday = i64::from(today.weekday().since(Weekday::Sunday));
            (add(today, Span::new().days(-since_sunday)), Span::new().weeks(1))
        }
        "Month" => (Ok(today.first_of_month()), Span::new().months(1)),
        "Year" => (Ok(today.first_of_year()), Span::new().years(1)),
        _ => return None,
    };
    Some(start.and_then(|start| {
        let from = add(start, step * offset)?;
        Ok(TimeSpan { from: Some(midnight(from)?), to: Some(midnight(add(from, step)?)?) })
    }))
}

#[derive(Clone, Copy)]
enum TimeUnit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

fn unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "Minutes" => TimeUnit::Minutes,
        "Hours" => TimeUnit::Hours,
        "Days" => TimeUnit::Days,
        "Weeks" => TimeUnit::Weeks,
        "Months" => TimeUnit::Months,
        "Years" => TimeUnit::Years,
        _ => return None,
    })
}

/// The last or next `count` units. Units of a day or more cover whole days.
fn relative(
    now: Timestamp,
    today: Date,
    unit: TimeUnit,
    count: i64,
    next: bool,
) -> Result<TimeSpan, ApiError> {
    let far = shifted(now, unit, if next { count } else { -count })?;
    let whole_days = !matches!(unit, TimeUnit::Hours | TimeUnit::Minutes);
    let far_day = TimeZone::UTC.to_datetime(far).date();
    Ok(match (next, whole_days) {
        (false, true) => TimeSpan { from: Some(midnight(far_day)?), to: Some(now) },
        (false, false) => TimeSpan { from: Some(far), to: Some(now) },
        (true, true) => {
            let end = midnight(add(far_day, Span::new().days(1))?)?;
            TimeSpan { from: Some(now.max(midnight(today)?)), to: Some(end) }
        }
        (true, false) => TimeSpan { from: Some(now), to: Some(far) },
    })
}

fn shifted(now: Timestamp, unit: TimeUnit, count: i64) -> Result<Timestamp, ApiError> {
    let span = match unit {
        TimeUnit::Minutes => return moved(now, SignedDuration::from_mins(count)),
        TimeUnit::Hours => return moved(now, SignedDuration::from_hours(count)),
        TimeUnit::Days => return moved(now, SignedDuration::from_hours(24 * count)),
        TimeUnit::Weeks => return moved(now, SignedDuration::from_hours(7 * 24 * count)),
        TimeUnit::Months => Span::new().try_months(count),
        TimeUnit::Years => Span::new().try_years(count),
    };
    let shifted = span.and_then(|span| TimeZone::UTC.to_datetime(now).checked_add(span));
    shifted.and_then(|time| TimeZone::UTC.to_timestamp(time)).map_err(out_of_range)
}

fn moved(now: Timestamp, by: SignedDuration) -> Result<Timestamp, ApiError> {
    now.checked_add(by).map_err(out_of_range)
}

fn days(from: Date, length: i64) -> Result<TimeSpan, ApiError> {
    let to = add(from, Span::new().days(length))?;
    Ok(TimeSpan { from: Some(midnight(from)?), to: Some(midnight(to)?) })
}

fn add(day: Date, span: Span) -> Result<Date, ApiError> {
    day.checked_add(span).map_err(out_of_range)
}

fn midnight(day: Date) -> Result<Timestamp, ApiError> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(out_of_range)
}

fn out_of_range(_: jiff::Error) -> ApiError {
    ApiError::odata("The date is out of range.")
}
