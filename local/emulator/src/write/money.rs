//! Amounts: how they are stored, and their value in the organization's own currency.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::data::{Column, ColumnKind, Value};
use crate::organization::{Row, Store};

/// The decimals of an amount in the base currency.
const BASE_PRECISION: u32 = 4;

/// The value as the platform stores it. Amounts are rounded to the decimals of the currency.
pub(crate) fn as_kept(column: &Column, value: &Value, precision: u32) -> Value {
    match (&column.kind, value) {
        (ColumnKind::Money { .. }, Value::Decimal(amount)) => {
            Value::Decimal(rounded(*amount, precision))
        }
        _ => value.clone(),
    }
}

/// The number of decimals of the row's currency.
pub(crate) fn precision(store: &Store, row: &Row) -> u32 {
    row.value("_transactioncurrencyid_value")
        .as_reference()
        .and_then(|currency| store.follow(currency))
        .and_then(|currency| currency.value("currencyprecision").as_integer())
        .and_then(|precision| precision.try_into().ok())
        .unwrap_or(2)
}

/// Sets the exchange rate and every `…_base` column. The rate is the amount of the row's currency
/// that one unit of the base currency buys.
pub(crate) fn set_base_amounts(store: &Store, row: &mut Row) {
    let table = row.table.table();
    let rate = row
        .value("_transactioncurrencyid_value")
        .as_reference()
        .and_then(|currency| store.follow(currency))
        .and_then(|currency| currency.value("exchangerate").as_decimal())
        .filter(|rate| !rate.is_zero());
    let Some(rate) = rate else { return };
    row.set_value("exchangerate", Value::Decimal(rate));
    for column in table.columns() {
        if let ColumnKind::Money { base_of: Some(amount), .. } = column.kind {
            let base = match row.get(amount) {
                Value::Decimal(amount) => in_base(*amount, rate),
                _ => Value::Null,
            };
            row.set(column.id, base);
        }
    }
}

/// Rounds an amount. Half units are rounded away from zero, as usual for money.
pub(crate) fn rounded(amount: Decimal, precision: u32) -> Decimal {
    amount.round_dp_with_strategy(precision, RoundingStrategy::MidpointAwayFromZero)
}

fn in_base(amount: Decimal, rate: Decimal) -> Value {
    amount
        .checked_div(rate)
        .map_or(Value::Null, |base| Value::Decimal(rounded(base, BASE_PRECISION)))
}
