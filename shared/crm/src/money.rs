//! Amounts of money, as callers give them and as the tools show them.

use crate::figure::Figure;
use crate::tables::lookups;
use crate::visible::Visible;
use dataverse::{Expand, Record};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct Money {
    /// How much.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    #[schemars(with = "f64")]
    #[open]
    pub amount: Decimal,
    /// Of which currency, as its ISO 4217 code.
    #[open]
    pub currency: Option<String>,
}

impl Money {
    /// The amount in a column. The row must have been read with [`currency`].
    pub fn of(record: &Record, column: &str) -> Option<Money> {
        Some(Money { amount: record.decimal(column)?, currency: currency_of(record) })
    }
}

/// Expands the currency of a row.
pub fn currency() -> Expand {
    Expand::new(lookups::CURRENCY_OF).select(["isocurrencycode"])
}

/// The ISO 4217 code of a row's currency. The row must have been read with [`currency`].
pub fn currency_of(record: &Record) -> Option<String> {
    let currency = record.one("transactioncurrencyid")?;
    currency.text("isocurrencycode").map(str::to_owned)
}

/// A decimal as a JSON number, with exactly its digits.
pub fn number(amount: Decimal) -> Value {
    // A decimal is always a JSON number.
    serde_json::from_str(&amount.normalize().to_string()).unwrap_or(Value::Null)
}

macro_rules! amounts {
    ($($(#[$doc:meta])* $name:ident: $minimum:literal to $maximum:literal,
        $places:literal places, $problem:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(Decimal);

        impl $name {
            /// Takes a number that is within the bounds and has few enough decimals.
            pub fn parse(number: Decimal) -> Option<$name> {
                let number = number.normalize();
                let fits = number >= Decimal::new($minimum, $places)
                    && number <= Decimal::from($maximum)
                    && number.scale() <= $places;
                fits.then_some($name(number))
            }

            /// The number.
            pub fn get(self) -> Decimal {
                self.0
            }
        }

        impl From<$name> for Value {
            fn from(amount: $name) -> Value {
                number(amount.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = Figure::deserialize(deserializer)?.exact();
                number.and_then(Self::parse).ok_or_else(|| serde::de::Error::custom($problem))
            }
        }

        $crate::plain_schema!($name, "number");
    )*};
}

amounts! {
    /// An amount of money, without its currency.
    Amount: 0 to 100_000_000_000_i64, 4 places,
        "must be a number from 0 to 100,000,000,000 with at most 4 decimals";
    /// How much of a product. Dataverse stores five decimals.
    Quantity: 1 to 100_000_000_000_i64, 5 places,
        "must be a number above 0 with at most 5 decimals";
    /// A percentage, from 0 to 100.
    Percentage: 0 to 100, 2 places,
        "must be a number from 0 to 100 with at most 2 decimals";
}

/// How likely something is: a whole number from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(i64);

impl Probability {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<Probability> for Value {
    fn from(probability: Probability) -> Value {
        probability.0.into()
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Figure::deserialize(deserializer)?.whole() {
            Some(percent @ 0..=100) => Ok(Probability(percent)),
            _ => Err(serde::de::Error::custom("must be a whole number from 0 to 100")),
        }
    }
}

crate::plain_schema!(Probability, "integer");

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Option<String> {
        serde_json::from_str::<Amount>(text).ok().map(|amount| Value::from(amount).to_string())
    }

    #[test]
    fn amounts_are_exact_and_bounded() {
        for (text, expected) in [
            ("24000", Some("24000")),
            ("0.1", Some("0.1")),
            ("1234567890.1234", Some("1234567890.1234")),
            ("24000.00", Some("24000")),
            ("2.4e4", Some("24000")),
            ("0", Some("0")),
            ("-1", None),
            ("0.12345", None),
            ("1e12", None),
            ("1e400", None),
            (&format!("1.{}", "0".repeat(100)), None),
            ("\"5\"", Some("5")),
            ("\"24,000\"", Some("24000")),
            ("\"five\"", None),
        ] {
            assert_eq!(amount(text).as_deref(), expected, "{text}");
        }
        assert!(serde_json::from_str::<Quantity>("0").is_err());
        assert!(serde_json::from_str::<Quantity>("0.25").is_ok());
        assert!(serde_json::from_str::<Percentage>("100.5").is_err());
        assert!(serde_json::from_str::<Probability>("101").is_err());
    }
}
