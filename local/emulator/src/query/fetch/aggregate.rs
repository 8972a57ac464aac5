//! Makes groups of rows, and one value of each group and measure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::join::{Tuple, read, sort_key};
use super::query::{Measure, MeasureKind, Sort};
use super::tree::{Aggregate, DateGrouping};
use crate::data::value::fold_whole;
use crate::data::{Column, Value};
use crate::organization::{Row, Store};
use crate::query::render::json_value;

/// A group of rows: the values of its measures, and its first row of each table.
pub(super) struct Group<'s> {
    pub(super) values: Vec<Value>,
    pub(super) first: Tuple<'s>,
}

/// The groups of the rows of a result.
pub(super) fn groups<'s>(
    store: &Store,
    tuples: Vec<Tuple<'s>>,
    sources: usize,
    measures: &[Measure],
    order: &[Sort<usize>],
    raw: bool,
) -> Vec<Group<'s>> {
    let keys: Vec<&Measure> =
        measures.iter().filter(|it| matches!(it.kind, MeasureKind::Group(_))).collect();
    let mut found: BTreeMap<Vec<String>, Vec<Tuple<'s>>> = BTreeMap::new();
    if keys.is_empty() {
        // Without a key all rows are one group, even if there are none.
        found.insert(Vec::new(), Vec::new());
    }
    for tuple in tuples {
        let key = keys.iter().map(|measure| {
            comparable(measure.place.column, &key_of(measure, read(&tuple, measure.place)))
        });
        found.entry(key.collect()).or_default().push(tuple);
    }
    let mut groups: Vec<Group<'s>> = found
        .into_values()
        .map(|rows| Group {
            values: measures.iter().map(|measure| value(measure, &rows)).collect(),
            first: rows.into_iter().next().unwrap_or_else(|| vec![None::<&Arc<Row>>; sources]),
        })
        .collect();
    groups.sort_by(|left, right| {
        let orders = order.iter().map(|sort| {
            let place = measures[sort.key].place;
            let key = |group: &Group<'_>| sort_key(store, &group.values[sort.key], place, raw);
            let order = key(left).sort_order(&key(right));
            if sort.descending { order.reverse() } else { order }
        });
        orders.into_iter().find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
    groups
}

/// A text that is the same for values that Dataverse does not tell apart.
pub(super) fn comparable(column: &Column, value: &Value) -> String {
    match value.as_text() {
        Some(text) => format!("\"{}", fold_whole(text)),
        None => json_value(column, value),
    }
}

fn key_of(measure: &Measure, value: &Value) -> Value {
    match measure.kind {
        MeasureKind::Group(Some(by)) => part(value, by),
        _ => value.clone(),
    }
}

/// The number of a part of a date.
fn part(value: &Value, by: DateGrouping) -> Value {
    let day = match value {
        Value::DateTime(time) => TimeZone::UTC.to_datetime(*time).date(),
        Value::Date(day) => *day,
        _ => return Value::Null,
    };
    let number = match by {
        DateGrouping::Day => i64::from(day.day()),
        DateGrouping::Week => week(day),
        DateGrouping::Month => i64::from(day.month()),
        DateGrouping::Quarter => i64::from((day.month() - 1) / 3 + 1),
        DateGrouping::Year => i64::from(day.year()),
    };
    Value::BigInteger(number)
}

/// The number of a week, which starts on Sunday. The first is that of January 1, as in SQL Server.
fn week(day: Date) -> i64 {
    let before = i64::from(day.first_of_year().weekday().to_sunday_zero_offset());
    (i64::from(day.day_of_year()) - 1 + before) / 7 + 1
}

fn value(measure: &Measure, rows: &[Tuple<'_>]) -> Value {
    let values = || rows.iter().map(|row| read(row, measure.place)).filter(|it| !it.is_null());
    match measure.kind {
        MeasureKind::Group(_) => {
            rows.first().map_or(Value::Null, |row| key_of(measure, read(row, measure.place)))
        }
        MeasureKind::Aggregate(aggregate) => match aggregate {
            Aggregate::Count => count(rows.len()),
            Aggregate::CountColumn { distinct: false } => count(values().count()),
            Aggregate::CountColumn { distinct: true } => {
                let column = measure.place.column;
                count(values().map(|it| comparable(column, it)).collect::<HashSet<_>>().len())
            }
            Aggregate::Largest => extreme(values(), Ordering::Greater),
            Aggregate::Smallest => extreme(values(), Ordering::Less),
            Aggregate::Sum => sum(values()),
            Aggregate::Average => average(values()),
        },
    }
}

fn count(number: usize) -> Value {
    Value::BigInteger(i64::try_from(number).unwrap_or(i64::MAX))
}

fn extreme<'v>(values: impl Iterator<Item = &'v Value>, wanted: Ordering) -> Value {
    let best =
        values.reduce(|best, value| if value.compare(best) == Some(wanted) { value } else { best });
    best.cloned().unwrap_or(Value::Null)
}

/// The sum in the type of the column. It is null if there is nothing to add.
fn sum<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    values.fold(Value::Null, |sum, value| match (sum, value) {
        (Value::Null, Value::Integer(number)) => Value::BigInteger(i64::from(*number)),
        (Value::Null, value) => value.clone(),
        (Value::BigInteger(sum), Value::Integer(number)) => {
            Value::BigInteger(sum.saturating_add(i64::from(*number)))
        }
        (Value::BigInteger(sum), Value::BigInteger(number)) => {
            Value::BigInteger(sum.saturating_add(*number))
        }
        (Value::Decimal(sum), Value::Decimal(number)) => {
            Value::Decimal(sum.saturating_add(*number))
        }
        (Value::Double(sum), Value::Double(number)) => Value::Double(sum + number),
        (sum, _) => sum,
    })
}

/// The average in the type of the column. As in SQL, that of whole numbers is a whole number.
fn average<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    let all: Vec<&Value> = values.collect();
    let number = i64::try_from(all.len()).unwrap_or(i64::MAX);
    match sum(all.into_iter()) {
        Value::BigInteger(sum) => Value::BigInteger(sum / number.max(1)),
        Value::Decimal(sum) => {
            Value::Decimal(sum.checked_div(Decimal::from(number)).unwrap_or_default())
        }
        Value::Double(sum) => f64::try_from(Decimal::from(number))
            .map_or(Value::Null, |number| Value::Double(sum / number)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{DateGrouping, part, sum, week};
    use crate::data::Value;

    #[test]
    fn weeks_start_on_sunday() {
        for (day, number) in [("2026-01-01", 1), ("2026-01-04", 2), ("2026-12-31", 53)] {
            assert_eq!(week(day.parse().unwrap()), number, "{day}");
        }
    }

    #[test]
    fn dates_have_parts() {
        let time = Value::DateTime("2026-11-30T12:00:00Z".parse().unwrap());
        for (by, number) in [
            (DateGrouping::Day, 30),
            (DateGrouping::Month, 11),
            (DateGrouping::Quarter, 4),
            (DateGrouping::Year, 2026),
        ] {
            assert_eq!(part(&time, by), Value::BigInteger(number));
        }
        assert_eq!(part(&Value::Null, DateGrouping::Day), Value::Null);
    }

    #[test]
    fn nothing_has_no_sum() {
        assert_eq!(sum([].into_iter()), Value::Null);
        let values = [Value::Integer(2), Value::Integer(i32::MAX)];
        assert_eq!(sum(values.iter()), Value::BigInteger(2 + i64::from(i32::MAX)));
    }
}
