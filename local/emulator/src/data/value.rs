//! The values of columns, and how Dataverse compares them.

use super::ids::TableId;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

/// A link to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The table of the row. It is never an abstract table.
    pub table: TableId,
    /// The primary key of the row.
    pub id: Uuid,
}

/// A value as the store keeps it. Choices, states and statuses are [`Value::Integer`], money is
/// [`Value::Decimal`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number or an option.
    Integer(i32),
    /// A 64-bit whole number.
    BigInteger(i64),
    /// A decimal number or money.
    Decimal(Decimal),
    /// A floating point number.
    Double(f64),
    /// Text.
    Text(Arc<str>),
    /// An identifier.
    Guid(Uuid),
    /// A lookup.
    Reference(Reference),
    /// A point in time.
    DateTime(Timestamp),
    /// A day.
    Date(Date),
}

impl Value {
    /// Text as a value.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number or option.
    pub fn as_integer(&self) -> Option<i32> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The flag.
    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The decimal number or amount.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The point in time.
    pub fn as_date_time(&self) -> Option<Timestamp> {
        match self {
            Self::DateTime(time) => Some(*time),
            _ => None,
        }
    }

    /// The link.
    pub fn as_reference(&self) -> Option<Reference> {
        match self {
            Self::Reference(reference) => Some(*reference),
            _ => None,
        }
    }

    /// The id in a key, or the id of the row that a lookup points at.
    pub fn as_id(&self) -> Option<Uuid> {
        match self {
            Self::Guid(id) => Some(*id),
            Self::Reference(reference) => Some(reference.id),
            _ => None,
        }
    }

    /// Compares two values as Dataverse does. Numbers of different types are compared by size. Case
    /// and accents make no difference in text. `None` for null, and for types that cannot be
    /// compared.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(compare_text(a, b)),
            (Self::DateTime(a), Self::DateTime(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::DateTime(a), Self::Date(b)) => Some(a.cmp(&midnight(*b)?)),
            (Self::Date(a), Self::DateTime(b)) => Some(midnight(*a)?.cmp(b)),
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                self.as_f64()?.partial_cmp(&other.as_f64()?)
            }
            _ => match (self.as_id(), other.as_id()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => Some(self.as_number()?.cmp(&other.as_number()?)),
            },
        }
    }

    /// Compares two values for a sorted result. In ascending order, nulls come first, as in SQL
    /// Server.
    pub fn sort_order(&self, other: &Self) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (false, false) => self.compare(other).unwrap_or(Ordering::Equal),
            (null, other_null) => other_null.cmp(&null),
        }
    }

    fn as_number(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Some(Decimal::from(*number)),
            Self::BigInteger(number) => Some(Decimal::from(*number)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Double(number) => Some(*number),
            _ => self.as_number().and_then(|number| number.try_into().ok()),
        }
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// Compares two texts like the collation of an English (United States) organization: case, accents
/// and spaces at the end make no difference.
pub fn compare_text(a: &str, b: &str) -> Ordering {
    fold_whole(a).cmp(&fold_whole(b))
}

/// The form of a text in which it is compared: `Kővári` and `KOVARI` have the same form.
///
/// Microsoft's table of language collations lists `CI_AI` for English (United States).
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let plain = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    Cow::Owned(plain.flat_map(char::to_lowercase).collect::<String>().replace('ß', "ss"))
}

/// Like [`fold`], but without spaces at the end, which equality ignores.
pub fn fold_whole(text: &str) -> Cow<'_, str> {
    match fold(text) {
        Cow::Borrowed(folded) => Cow::Borrowed(folded.trim_end_matches(' ')),
        Cow::Owned(mut folded) => {
            folded.truncate(folded.trim_end_matches(' ').len());
            Cow::Owned(folded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, fold};
    use rust_decimal::Decimal;
    use std::cmp::Ordering;

    #[test]
    fn text_compares_without_case_and_accents() {
        for (a, b) in
            [("Zoë", "ZOE"), ("Kővári", "kovari"), ("Lucía Ferran", "lucia ferran"), ("a", "A  ")]
        {
            assert_eq!(Value::text(a).compare(&Value::text(b)), Some(Ordering::Equal), "{a} {b}");
        }
        assert_ne!(Value::text("O'Rell").compare(&Value::text("ORell")), Some(Ordering::Equal));
        assert_eq!(fold("Straße"), "strasse");
    }

    #[test]
    fn numbers_compare_across_types() {
        let ten = Value::Decimal(Decimal::new(100, 1));
        assert_eq!(ten.compare(&Value::Integer(10)), Some(Ordering::Equal));
        assert_eq!(ten.compare(&Value::Double(10.5)), Some(Ordering::Less));
        assert_eq!(ten.compare(&Value::Null), None);
        assert_eq!(ten.compare(&Value::text("10")), None);
    }

    #[test]
    fn nulls_sort_first() {
        assert_eq!(Value::Null.sort_order(&Value::Integer(1)), Ordering::Less);
        assert_eq!(Value::Integer(1).sort_order(&Value::Null), Ordering::Greater);
        assert_eq!(Value::Null.sort_order(&Value::Null), Ordering::Equal);
    }
}
