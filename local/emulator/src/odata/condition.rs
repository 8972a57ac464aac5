//! Dataverse's own filter functions: `Microsoft.Dynamics.CRM.LastXDays(…)` and its kin.
//!
//! Times are reckoned in UTC, which is the emulated users' time zone; weeks start on Sunday.

use super::bind::{Binder, Family, Filter, PropertyPath, family, text_value};
use super::syntax::{Argument, Comparison, Condition, Literal};
use crate::api::ApiError;
use crate::data::Value;
use http::StatusCode;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// A span of time: from (included) to (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan {
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// Conditions that Dataverse has and this emulator has not.
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

/// Looks up the names and values of a condition.
pub(super) fn bind(binder: &mut Binder<'_>, condition: &Condition) -> Result<Filter, ApiError> {
    let name = condition.name.as_str();
    if NOT_EMULATED.contains(&name) {
        return Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            0,
            format!("The emulator does not know the condition Microsoft.Dynamics.CRM.{name}."),
        ));
    }
    let mut given = Given::new(binder, condition)?;
    let property = given.property(binder)?;
    let filter = if let Some(filter) = of_values(binder, name, &property, &mut given)? {
        filter
    } else {
        let span =
            time_span(binder.moment().now, name, &mut given)?.ok_or_else(|| unknown(name))?;
        if family(property.column) != Family::Time {
            return Err(mismatch(name, &property));
        }
        Filter::Within(property, span)
    };
    given.nothing_left(name)?;
    Ok(filter)
}

/// The arguments that are not used yet.
struct Given(Vec<(String, Argument)>);

impl Given {
    fn new(binder: &Binder<'_>, condition: &Condition) -> Result<Self, ApiError> {
        let resolved = condition
            .arguments
            .iter()
            .map(|(name, argument)| Ok((name.clone(), binder.argument(argument)?)))
            .collect::<Result<_, ApiError>>()?;
        Ok(Self(resolved))
    }

    fn take(&mut self, name: &str) -> Result<Argument, ApiError> {
        let index = self.0.iter().position(|(given, _)| given == name);
        let index = index.ok_or_else(|| {
            ApiError::odata(format!("The parameter '{name}' of the condition is missing."))
        })?;
        Ok(self.0.remove(index).1)
    }

    fn property(&mut self, binder: &mut Binder<'_>) -> Result<PropertyPath, ApiError> {
        match self.take("PropertyName")? {
            Argument::One(Literal::Text(name)) => {
                // A lookup goes by its logical name here too.
                let path: Vec<String> = name.split('/').map(str::to_owned).collect();
                binder.property(&path)
            }
            _ => Err(ApiError::odata("PropertyName must be a string.")),
        }
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

/// Conditions that compare with given values or with the caller.
fn of_values(
    binder: &Binder<'_>,
    name: &str,
    property: &PropertyPath,
    given: &mut Given,
) -> Result<Option<Filter>, ApiError> {
    let value = |text: &str| -> Result<Value, ApiError> {
        text_value(property.column, text).ok_or_else(|| mismatch(name, property))
    };
    let equals = |value| Filter::Compare(property.clone(), Comparison::Equal, value);
    let filter = match name {
        "In" | "NotIn" => {
            let values = given.many()?;
            let any =
                values.iter().map(|v| Ok(equals(value(v)?))).collect::<Result<_, ApiError>>()?;
            negated(Filter::Or(any), name == "NotIn")
        }
        "Between" | "NotBetween" => {
            let values = given.many()?;
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
            let moment = binder.moment();
            let own = if name.ends_with("UserId") { moment.user } else { moment.business_unit };
            negated(equals(Value::Guid(own)), name.starts_with("Not"))
        }
        // No column of these tables holds several options.
        "ContainValues" | "DoesNotContainValues" => return Err(mismatch(name, property)),
        _ => return Ok(None),
    };
    Ok(Some(filter))
}

fn negated(filter: Filter, negate: bool) -> Filter {
    if negate { Filter::Not(Box::new(filter)) } else { filter }
}

fn time_span(now: Timestamp, name: &str, given: &mut Given) -> Result<Option<TimeSpan>, ApiError> {
    let today = TimeZone::UTC.to_datetime(now).date();
    if let Some(span) = calendar_span(today, name) {
        return span.map(Some);
    }
    if let Some(rest) = name.strip_prefix("LastX").or_else(|| name.strip_prefix("NextX")) {
        let next = name.starts_with("Next");
        let Some(unit) = unit(rest) else { return Ok(None) };
        let count = given.count()?;
        return relative(now, today, unit, count, next).map(Some);
    }
    if let Some(rest) = name.strip_prefix("OlderThanX") {
        let Some(unit) = unit(rest) else { return Ok(None) };
        let to = shifted(now, unit, -given.count()?)?;
        return Ok(Some(TimeSpan { from: None, to: Some(to) }));
    }
    let day = |given: &mut Given| -> Result<Date, ApiError> {
        let text = given.one()?;
        let day = text.parse::<Timestamp>().map(|time| TimeZone::UTC.to_datetime(time).date());
        day.or_else(|_| text.parse::<Date>())
            .map_err(|_| ApiError::odata(format!("'{text}' is not a date.")))
    };
    Ok(Some(match name {
        "On" => days(day(given)?, 1)?,
        "OnOrBefore" => TimeSpan { from: None, ..days(day(given)?, 1)? },
        "OnOrAfter" => TimeSpan { to: None, ..days(day(given)?, 1)? },
        _ => return Ok(None),
    }))
}

/// Spans that the calendar gives: today, last month, next year.
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
enum Unit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name {
        "Minutes" => Unit::Minutes,
        "Hours" => Unit::Hours,
        "Days" => Unit::Days,
        "Weeks" => Unit::Weeks,
        "Months" => Unit::Months,
        "Years" => Unit::Years,
        _ => return None,
    })
}

/// The last or next so many units. Units of a day and more reach to whole days.
fn relative(
    now: Timestamp,
    today: Date,
    unit: Unit,
    count: i64,
    next: bool,
) -> Result<TimeSpan, ApiError> {
    let far = shifted(now, unit, if next { count } else { -count })?;
    let whole_days = !matches!(unit, Unit::Hours | Unit::Minutes);
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

fn shifted(now: Timestamp, unit: Unit, count: i64) -> Result<Timestamp, ApiError> {
    let span = match unit {
        Unit::Minutes => return moved(now, SignedDuration::from_mins(count)),
        Unit::Hours => return moved(now, SignedDuration::from_hours(count)),
        Unit::Days => return moved(now, SignedDuration::from_hours(24 * count)),
        Unit::Weeks => return moved(now, SignedDuration::from_hours(7 * 24 * count)),
        Unit::Months => Span::new().try_months(count),
        Unit::Years => Span::new().try_years(count),
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
