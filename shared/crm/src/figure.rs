//! Numbers from callers, as models write them.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::text::undecorated;

/// A number from a caller: a number of JSON, or a text that can only mean one.
///
/// Every argument that is a number reads it, so that all take the same texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure(Option<Decimal>);

impl Figure {
    /// The number. `None` if what was given is not a number, or is longer than any that is stored.
    pub fn exact(self) -> Option<Decimal> {
        self.0
    }

    /// The number, if it is a whole one, however it is written: `5`, `5.0`, `5e0`.
    pub fn whole(self) -> Option<i64> {
        let number = self.0?.normalize();
        if number.scale() == 0 { number.try_into().ok() } else { None }
    }
}

impl From<&str> for Figure {
    fn from(text: &str) -> Figure {
        Figure(written(text))
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Figure, D::Error> {
        Ok(Figure(match Value::deserialize(deserializer)? {
            Value::Number(number) => digits(&number.to_string()),
            Value::String(text) => written(&text),
            _ => None,
        }))
    }
}

/// Reads a number of JSON, with exactly its digits.
fn digits(text: &str) -> Option<Decimal> {
    // No number needs more characters than this.
    const LONGEST: usize = 64;
    let text = Some(text).filter(|text| text.len() <= LONGEST)?;
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// Reads a number in a text: with commas or spaces between thousands, and a point before decimals.
/// What means another number in another country (`12.000`, `1,5`) is none.
fn written(text: &str) -> Option<Decimal> {
    // In accounts, what stands in brackets is negative.
    let text = Some(undecorated(text)).filter(|_| !text.contains(['(', ')']))?;
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let mut groups = unsigned.split([',', ' ', '\u{a0}', '\u{202f}', '\'', '’', '_']);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let is_grouped = !rest.is_empty();
    let are_thousands =
        rest.iter().all(|group| group.len() == 3) && (!is_grouped || first.len() <= 3);
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    let are_digits = all_digits(first) && rest.iter().chain(&decimals).all(|part| all_digits(part));
    let thousands_by_point = decimals.is_some_and(|decimals| decimals.len() == 3);
    let is_unclear =
        thousands_by_point && !is_grouped && first.len() <= 3 && !first.starts_with('0');
    if !are_thousands || !are_digits || is_unclear {
        return None;
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let point = if decimals.is_some() { "." } else { "" };
    digits(&format!("{sign}{first}{}{point}{}", rest.concat(), decimals.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figure(json: &str) -> Option<String> {
        serde_json::from_str::<Figure>(json).unwrap().exact().map(|number| number.to_string())
    }

    #[test]
    fn what_can_only_mean_one_number_is_that_number() {
        for (json, expected) in [
            ("5", Some("5")),
            ("5.0", Some("5.0")),
            ("\"5\"", Some("5")),
            ("\" 5 \"", Some("5")),
            ("\"12,000\"", Some("12000")),
            ("\"1,234,567.50\"", Some("1234567.50")),
            ("\"12 000\"", Some("12000")),
            ("\"12'000\"", Some("12000")),
            ("\"-3\"", Some("-3")),
            ("\"0.125\"", Some("0.125")),
            ("\"12345.678\"", Some("12345.678")),
            ("\"1,5\"", None),
            ("\"12.000\"", None),
            ("\"12.000,00\"", None),
            ("\"1,2345\"", None),
            ("\"1234,567\"", None),
            ("\"five\"", None),
            ("\"5 EUR\"", None),
            ("\"\"", None),
            ("\".5\"", None),
            ("true", None),
            ("[5]", None),
        ] {
            assert_eq!(figure(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_zeros() {
        let whole = |json: &str| serde_json::from_str::<Figure>(json).unwrap().whole();
        for json in ["5", "5.0", "5e0", "\"5.0\"", "0.5e1"] {
            assert_eq!(whole(json), Some(5), "{json}");
        }
        assert_eq!(whole("5.5"), None);
        assert_eq!(whole("1e300"), None);
    }

    proptest! {
        #[test]
        fn no_text_stops_it(text in "[0-9,. '_e+-]{0,80}|\\PC{0,10}") {
            let _ = written(&text);
        }

        #[test]
        fn a_number_as_text_is_the_number(number in any::<i32>()) {
            prop_assert_eq!(written(&number.to_string()), Some(Decimal::from(number)));
        }
    }
}
