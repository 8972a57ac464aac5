//! Formatted values: values as people in the United States see them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::data::{Column, ColumnKind, Metadata, Reference, Value};
use crate::organization::{Row, Store, platform};

/// Formats values for a user whose time zone is UTC.
pub(crate) struct Formatter<'a> {
    store: &'a Store,
    base_currency: Option<Reference>,
}

impl<'a> Formatter<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, base_currency: platform::base_currency(store) }
    }

    /// The formatted value. Text and ids have none.
    pub(crate) fn formatted(&self, row: &Row, column: &Column, value: &Value) -> Option<String> {
        match (&column.kind, value) {
            (ColumnKind::Boolean { no, yes }, Value::Boolean(flag)) => {
                Some(if *flag { yes } else { no }.clone())
            }
            (_, Value::Integer(number)) => {
                let label = column.option_label(*number).map(str::to_owned);
                Some(label.unwrap_or_else(|| grouped(Decimal::from(*number), 0)))
            }
            (_, Value::BigInteger(number)) => Some(grouped(Decimal::from(*number), 0)),
            (ColumnKind::Money { base_of, .. }, Value::Decimal(number)) => {
                let currency = if base_of.is_some() {
                    self.base_currency
                } else {
                    let own = row.value("_transactioncurrencyid_value").as_reference();
                    own.or(self.base_currency)
                };
                Some(self.money(currency, *number))
            }
            (_, Value::Decimal(number)) => Some(grouped(*number, decimal_places(column))),
            (_, Value::Double(number)) => {
                Decimal::from_f64_retain(*number).map(|number| grouped(number, 5))
            }
            (ColumnKind::EntityName, Value::Text(name)) => {
                Metadata::get().table(name).map(|table| table.label.clone())
            }
            (_, Value::DateTime(time)) => Some(date_and_time(*time)),
            (_, Value::Date(day)) => Some(day_of(*day)),
            (_, Value::Reference(reference)) => {
                self.store.follow(*reference)?.name().map(str::to_owned)
            }
            _ => None,
        }
    }

    fn money(&self, currency: Option<Reference>, amount: Decimal) -> String {
        let currency = currency.and_then(|reference| self.store.follow(reference));
        let symbol = currency.and_then(|row| row.value("currencysymbol").as_text()).unwrap_or("$");
        let places = currency
            .and_then(|row| row.value("currencyprecision").as_integer())
            .and_then(|places| u32::try_from(places).ok())
            .unwrap_or(2);
        let digits = grouped(amount.abs(), places);
        if amount.is_sign_negative() && !amount.is_zero() {
            format!("({symbol}{digits})")
        } else {
            format!("{symbol}{digits}")
        }
    }
}

/// The number of decimal places of a decimal column.
fn decimal_places(column: &Column) -> u32 {
    match column.name.as_str() {
        "exchangerate" => 12,
        "quantity" => 5,
        _ => 2,
    }
}

/// Writes `1234.5` as `1,234.50`.
fn grouped(number: Decimal, places: u32) -> String {
    let mut rounded =
        number.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(places);
    let text = rounded.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut result = String::new();
    if rounded.is_sign_negative() && !rounded.is_zero() {
        result.push('-');
    }
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            result.push(',');
        }
        result.push(digit);
    }
    if !fraction.is_empty() {
        result.push('.');
        result.push_str(fraction);
    }
    result
}

/// A point in time in answers: in UTC, without fractions of a second.
pub(crate) fn date_time(time: Timestamp) -> String {
    let utc = TimeZone::UTC.to_datetime(time);
    let seconds = utc.with().subsec_nanosecond(0).build().unwrap_or(utc);
    format!("{seconds}Z")
}

fn date_and_time(time: Timestamp) -> String {
    let utc: DateTime = TimeZone::UTC.to_datetime(time);
    let (hour, half) = match utc.hour() {
        0 => (12, "AM"),
        hour @ 1..12 => (hour, "AM"),
        12 => (12, "PM"),
        hour => (hour - 12, "PM"),
    };
    format!("{} {hour}:{:02} {half}", day_of(utc.date()), utc.minute())
}

fn day_of(day: Date) -> String {
    format!("{}/{}/{}", day.month(), day.day(), day.year())
}

#[cfg(test)]
mod tests {
    use super::{date_and_time, date_time, grouped};
    use rust_decimal::Decimal;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(Decimal::from(9_999), 0), "9,999");
        assert_eq!(grouped(Decimal::new(200_000_005, 4), 2), "20,000.00");
        assert_eq!(grouped(Decimal::new(-12_345_675, 2), 2), "-123,456.75");
        assert_eq!(grouped(Decimal::from(100), 0), "100");
        assert_eq!(grouped(Decimal::new(5, 1), 0), "1");
    }

    #[test]
    fn dates_read_as_in_the_united_states() {
        let time = "2023-04-07T14:59:30.25Z".parse().unwrap();
        assert_eq!(date_and_time(time), "4/7/2023 2:59 PM");
        assert_eq!(date_time(time), "2023-04-07T14:59:30Z");
        assert_eq!(date_and_time("2025-09-22T00:05:00Z".parse().unwrap()), "9/22/2025 12:05 AM");
    }
}
