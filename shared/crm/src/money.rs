//! Amounts of money with their currency.

use dataverse::{Expand, Record};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Money {
    /// How much.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    #[schemars(with = "f64")]
    pub amount: Decimal,
    /// Of which currency, as its ISO 4217 code.
    pub currency: Option<String>,
}

impl Money {
    /// The amount in a column. The row must have been read with [`currency`].
    pub fn of(record: &Record, column: &str) -> Option<Money> {
        let currency =
            record.one("transactioncurrencyid").and_then(|row| row.text("isocurrencycode"));
        Some(Money { amount: record.decimal(column)?, currency: currency.map(str::to_owned) })
    }
}

/// Brings a row's currency along.
pub fn currency() -> Expand {
    Expand::new("transactioncurrencyid").select(["isocurrencycode"])
}
