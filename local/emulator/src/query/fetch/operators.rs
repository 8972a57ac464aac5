//! The operators of conditions.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::refusal;
use crate::data::{Column, ColumnKind, Metadata, Value};
use crate::message::ApiError;
use crate::organization::Moment;
use crate::query::comparable::{Family, family, text_value};
use crate::query::condition::{self, ConditionArguments};
use crate::query::filter::{Filter, PropertyPath};
use crate::query::like::Like;
use crate::query::syntax::{Argument, Comparison, Literal};

/// Operators that Dataverse has and this emulator does not.
const NOT_EMULATED: [&str; 29] = [
    "above",
    "eq-or-above",
    "eq-or-under",
    "eq-userlanguage",
    "eq-useroruserhierarchy",
    "eq-useroruserhierarchyandteams",
    "in-fiscal-period",
    "in-fiscal-period-and-year",
    "in-fiscal-year",
    "in-or-after-fiscal-period-and-year",
    "in-or-before-fiscal-period-and-year",
    "last-fiscal-period",
    "last-fiscal-year",
    "last-x-fiscal-periods",
    "last-x-fiscal-years",
    "next-fiscal-period",
    "next-fiscal-year",
    "next-x-fiscal-periods",
    "next-x-fiscal-years",
    "not-under",
    "this-fiscal-period",
    "this-fiscal-year",
    "under",
    // No table has a column that holds several options.
    "contain-values",
    "not-contain-values",
    // Hierarchies of positions and managers.
    "eq-userhierarchy",
    "eq-roleteams",
    "eq-rolebusinessid",
    "eq-userroles",
];

/// Whether a column may be compared in this way with another column, and how.
pub(super) fn of_columns(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "eq" => Comparison::Equal,
        "ne" | "neq" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        _ => return None,
    })
}

/// The filter of a condition with values. `teams` are those of the caller.
pub(super) fn filter(
    column: &'static Column,
    operator: &str,
    values: &[String],
    moment: Moment,
    teams: &[Uuid],
) -> Result<Filter, ApiError> {
    let path = || PropertyPath { scope: 0, steps: Vec::new(), column };
    if NOT_EMULATED.contains(&operator) {
        return Err(ApiError::not_emulated(&format!("the operator '{operator}' of FetchXML")));
    }
    if let Some(comparison) = of_columns(operator) {
        let value = value_of(column, one(values)?)?;
        return Ok(Filter::Compare(path(), comparison, value));
    }
    Ok(match operator {
        "null" | "not-null" => {
            none(values)?;
            let comparison =
                if operator == "null" { Comparison::Equal } else { Comparison::NotEqual };
            Filter::Compare(path(), comparison, Value::Null)
        }
        "in" | "not-in" => {
            if values.is_empty() {
                return Err(refusal::bad_condition());
            }
            let any = values.iter().map(|value| {
                Ok(Filter::Compare(path(), Comparison::Equal, value_of(column, value)?))
            });
            negated(Filter::Or(any.collect::<Result<_, ApiError>>()?), operator == "not-in")
        }
        "between" | "not-between" => {
            let [low, high] = values else { return Err(refusal::bad_condition()) };
            let (low, high) = (value_of(column, low)?, value_of(column, high)?);
            let both = vec![
                Filter::Compare(path(), Comparison::GreaterOrEqual, low),
                Filter::Compare(path(), Comparison::LessOrEqual, high),
            ];
            negated(Filter::And(both), operator == "not-between")
        }
        "like" | "begins-with" | "ends-with" | "not-like" | "not-begin-with" | "not-end-with" => {
            if family(column) != Family::Text {
                return Err(refusal::invalid_operator());
            }
            let value = one(values)?;
            let pattern = if operator.ends_with("like") {
                Like::whole(value)
            } else if operator.starts_with("begins") || operator == "not-begin-with" {
                Like::starts_with(value)
            } else {
                Like::ends_with(value)
            };
            negated(Filter::Like(path(), pattern), operator.starts_with("not-"))
        }
        "eq-userteams" | "eq-useroruserteams" => {
            none(values)?;
            if family(column) != Family::Id {
                return Err(refusal::invalid_operator());
            }
            let user = (operator == "eq-useroruserteams").then_some(&moment.user);
            let ids = teams.iter().chain(user);
            Filter::Or(
                ids.map(|id| Filter::Compare(path(), Comparison::Equal, Value::Guid(*id)))
                    .collect(),
            )
        }
        _ => return named(path(), operator, values, moment),
    })
}

/// The operators about the caller and about time. The conditions of OData are the same.
fn named(
    property: PropertyPath,
    operator: &str,
    values: &[String],
    moment: Moment,
) -> Result<Filter, ApiError> {
    let name = condition_name(operator);
    let time = family(property.column) == Family::Time;
    let of_caller = name.ends_with("UserId") || name.ends_with("BusinessId");
    let of_time = is_spelled(operator) && condition::is_of_time(&name);
    if !(of_caller || of_time) {
        return Err(refusal::invalid_operator());
    }
    let hours = name.ends_with("Hours") || name.ends_with("Minutes");
    let only_day = matches!(property.column.kind, ColumnKind::Date);
    if (of_time && !time) || (hours && only_day) {
        return Err(refusal::invalid_operator());
    }
    let takes_one =
        name.contains('X') || matches!(name.as_str(), "On" | "OnOrBefore" | "OnOrAfter");
    let mut arguments = Vec::new();
    if takes_one {
        let value = Literal::Text(one(values)?.trim().to_owned());
        arguments.push(("PropertyValue".to_owned(), Argument::One(value)));
    } else {
        none(values)?;
    }
    condition::filter(&name, property, ConditionArguments::new(arguments), moment)
        .map_err(|_| if of_caller { refusal::invalid_operator() } else { refusal::invalid_value() })
}

/// Whether an operator is spelled as those of FetchXML are. The last minutes cannot be asked for.
fn is_spelled(operator: &str) -> bool {
    operator.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-')
        && !matches!(operator, "last-x-minutes" | "next-x-minutes")
}

/// The condition of OData that an operator stands for: `LastXDays` for `last-x-days`.
fn condition_name(operator: &str) -> String {
    match operator {
        "eq-userid" => return "EqualUserId".to_owned(),
        "ne-userid" => return "NotEqualUserId".to_owned(),
        "eq-businessid" => return "EqualBusinessId".to_owned(),
        "ne-businessid" => return "NotEqualBusinessId".to_owned(),
        "last-seven-days" => return "Last7Days".to_owned(),
        "next-seven-days" => return "Next7Days".to_owned(),
        _ => {}
    }
    let mut name = String::new();
    for word in operator.split('-') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name.replace("Olderthan", "OlderThan")
}

fn negated(filter: Filter, negate: bool) -> Filter {
    if negate { Filter::Not(Box::new(filter)) } else { filter }
}

fn one(values: &[String]) -> Result<&str, ApiError> {
    match values {
        [value] => Ok(value),
        _ => Err(refusal::bad_condition()),
    }
}

fn none(values: &[String]) -> Result<(), ApiError> {
    // Clients write an empty value beside `null` and `today`.
    let empty = values.iter().all(|value| value.trim().is_empty());
    if empty { Ok(()) } else { Err(refusal::bad_condition()) }
}

/// A text as a value of the column.
fn value_of(column: &Column, text: &str) -> Result<Value, ApiError> {
    let trimmed = text.trim();
    let value = match family(column) {
        Family::Id => Uuid::try_parse(trimmed).ok().map(Value::Guid),
        Family::Time => time(trimmed),
        Family::Text if matches!(column.kind, ColumnKind::EntityName) => {
            entity_name(trimmed).map(Value::text)
        }
        Family::Other => None,
        _ => text_value(column, text),
    };
    value.ok_or_else(refusal::invalid_value)
}

/// A date, or a point in time. Without a zone it is in that of the user, which is UTC here.
fn time(text: &str) -> Option<Value> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Value::DateTime(time));
    }
    if text.len() > "2026-01-01".len() {
        let civil: DateTime = text.parse().ok()?;
        return TimeZone::UTC.to_timestamp(civil).ok().map(Value::DateTime);
    }
    text.parse::<Date>().ok().map(Value::Date)
}

/// The name of a table, which may be given by its number: 4210 for `phonecall`.
fn entity_name(text: &str) -> Option<&str> {
    let Ok(code) = text.parse::<i32>() else { return Some(text) };
    let tables = Metadata::get().tables().iter();
    tables.into_iter().find(|table| table.object_type_code == code).map(|table| table.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::{condition_name, is_spelled};
    use crate::query::condition;

    #[test]
    fn operators_about_time_are_conditions() {
        for (operator, name) in [
            ("last-x-days", "LastXDays"),
            ("olderthan-x-months", "OlderThanXMonths"),
            ("on-or-before", "OnOrBefore"),
            ("this-month", "ThisMonth"),
            ("today", "Today"),
            ("last-seven-days", "Last7Days"),
        ] {
            assert_eq!(condition_name(operator), name);
            assert!(condition::is_of_time(name), "{name}");
        }
        for operator in ["nonsense", "last-x-parsecs", "last-fiscal-month", "On", "to-day", ""] {
            let known = is_spelled(operator) && condition::is_of_time(&condition_name(operator));
            assert!(!known, "{operator}");
        }
    }
}
