//! Reads JSON values as column values, and checks them against their columns.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::refusal;
use crate::data::{Column, ColumnKind, Table, Value};
use crate::message::ApiError;

/// Reads a JSON value as the type of the column, like the OData reader of Dataverse. A text that is
/// a number is accepted as a number. Nothing else is converted.
pub(crate) fn read(entity_set: &str, column: &Column, json: &Json) -> Result<Value, ApiError> {
    if json.is_null() {
        return Ok(Value::Null);
    }
    let wrong = || refusal::wrong_type(entity_set, &shown(json), column);
    let number = || match json {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    let text = || json.as_str().ok_or_else(wrong);
    Ok(match &column.kind {
        ColumnKind::Text { .. } | ColumnKind::EntityName => match text()? {
            // Dataverse does not store empty texts.
            "" => Value::Null,
            text => Value::text(text),
        },
        ColumnKind::Image => {
            text()?;
            Value::Null
        }
        ColumnKind::Guid | ColumnKind::Lookup { .. } => {
            Value::Guid(Uuid::try_parse(text()?).map_err(|_| wrong())?)
        }
        ColumnKind::Integer { .. }
        | ColumnKind::Choice(_)
        | ColumnKind::State(_)
        | ColumnKind::Status(_) => {
            Value::Integer(number().and_then(|n| n.parse().ok()).ok_or_else(wrong)?)
        }
        ColumnKind::BigInteger => {
            Value::BigInteger(number().and_then(|n| n.parse().ok()).ok_or_else(wrong)?)
        }
        ColumnKind::Decimal { .. } | ColumnKind::Money { .. } => {
            Value::Decimal(number().and_then(|n| decimal(&n)).ok_or_else(wrong)?)
        }
        ColumnKind::Double => {
            Value::Double(number().and_then(|n| n.parse().ok()).ok_or_else(wrong)?)
        }
        ColumnKind::Boolean { .. } => Value::Boolean(match json {
            Json::Bool(flag) => *flag,
            Json::String(text) if text.eq_ignore_ascii_case("true") => true,
            Json::String(text) if text.eq_ignore_ascii_case("false") => false,
            _ => return Err(wrong()),
        }),
        ColumnKind::DateTime => Value::DateTime(date_time(entity_set, text()?, &wrong)?),
        ColumnKind::Date => {
            let text = text()?;
            let date = if text.len() == 10 { Date::from_str(text).ok() } else { None };
            Value::Date(date.ok_or_else(wrong)?)
        }
    })
}

fn shown(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn date_time(
    entity_set: &str,
    text: &str,
    wrong: &dyn Fn() -> ApiError,
) -> Result<Timestamp, ApiError> {
    if let Ok(time) = Timestamp::from_str(text) {
        // Dataverse stores whole seconds.
        return Timestamp::from_second(time.as_second()).map_err(|_| wrong());
    }
    if DateTime::from_str(text).is_ok() {
        return Err(refusal::odata(
            entity_set,
            &format!(
                "The time zone information is missing on the DateTimeOffset value '{text}'. A \
                 DateTimeOffset value must contain the time zone information."
            ),
        ));
    }
    Err(wrong())
}

/// Checks a value against the column's length, range and options.
pub(crate) fn check(table: &Table, column: &Column, value: &Value) -> Result<(), ApiError> {
    match (&column.kind, value) {
        (ColumnKind::Text { max_length, .. }, Value::Text(text)) => {
            let forbidden =
                |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}'..);
            if let Some(character) = text.chars().find(forbidden) {
                return Err(refusal::invalid_character(column, character));
            }
            match max_length {
                Some(limit) if text.encode_utf16().count() > *limit as usize => {
                    Err(refusal::too_long(table, column, *limit))
                }
                _ => Ok(()),
            }
        }
        (ColumnKind::Integer { min, max }, Value::Integer(number)) => {
            if (*min..=*max).contains(number) {
                Ok(())
            } else {
                Err(refusal::integer_out_of_range())
            }
        }
        (
            ColumnKind::Decimal { min, max } | ColumnKind::Money { min, max, .. },
            Value::Decimal(number),
        ) => {
            if (Decimal::from(*min)..=Decimal::from(*max)).contains(number) {
                Ok(())
            } else {
                Err(refusal::decimal_out_of_range())
            }
        }
        (ColumnKind::Choice(options), Value::Integer(number)) => {
            // If the options of a choice are not published, its value cannot be checked.
            if options.is_empty() || options.iter().any(|option| option.value == *number) {
                Ok(())
            } else {
                Err(refusal::option_out_of_range(table, column, *number))
            }
        }
        (ColumnKind::State(options), Value::Integer(number)) => {
            if options.iter().any(|option| option.value == *number) {
                Ok(())
            } else {
                Err(refusal::option_out_of_range(table, column, *number))
            }
        }
        (ColumnKind::DateTime, Value::DateTime(time)) => {
            // The smallest value of SQL Server's datetime.
            if time.as_second() < -6_847_804_800 {
                return Err(refusal::bad_request(
                    0x8004_e103,
                    format!(
                        "DateTime is less than minumum value supported by CrmDateTime. Actual value: \
                         {time}, Minimum value supported: 01/01/1753 00:00:00"
                    ),
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::Metadata;

    fn column(table: &str, name: &str) -> &'static Column {
        Metadata::get().table(table).unwrap().column(name).unwrap()
    }

    fn read_checked(table: &str, name: &str, json: &Json) -> Result<Value, ApiError> {
        let of = Metadata::get().table(table).unwrap();
        let value = read(&of.entity_set, column(table, name), json)?;
        check(of, column(table, name), &value)?;
        Ok(value)
    }

    fn code(table: &str, name: &str, json: &Json) -> u32 {
        read_checked(table, name, json).unwrap_err().code
    }

    #[test]
    fn values_of_the_wrong_type_are_refused_by_the_reader() {
        for (table, name, json) in [
            ("contact", "lastname", json!(5)),
            ("contact", "donotemail", json!(1)),
            ("incident", "prioritycode", json!("High")),
            ("incident", "prioritycode", json!(1.5)),
            ("opportunity", "estimatedvalue", json!("a lot")),
            ("opportunity", "estimatedclosedate", json!("2025-12-15T00:00:00Z")),
            ("opportunity", "estimatedclosedate", json!("2025-02-30")),
            ("task", "scheduledend", json!("2025-12-15T10:00:00")),
            ("task", "scheduledend", json!("tomorrow")),
            ("contact", "lastname", json!({"a": 1})),
        ] {
            assert_eq!(code(table, name, &json), 0x8004_8d19, "{name} {json}");
        }
    }

    #[test]
    fn values_out_of_bounds_have_a_code_each() {
        assert_eq!(code("task", "subject", &json!("x".repeat(201))), 0x8004_4331);
        assert_eq!(code("incident", "prioritycode", &json!(4)), 0x8004_431a);
        assert_eq!(code("opportunity", "closeprobability", &json!(101)), 0x8004_432f);
        assert_eq!(code("quote", "discountpercentage", &json!(100.5)), 0x8004_4330);
        assert_eq!(code("task", "description", &json!("a\u{8}b")), 0x8004_0278);
        assert_eq!(code("task", "scheduledend", &json!("1600-01-01T00:00:00Z")), 0x8004_e103);
    }

    #[test]
    fn length_counts_as_dotnet_counts() {
        // Each of these letters is two UTF-16 code units.
        assert!(read_checked("task", "subject", &json!("🙂".repeat(100))).is_ok());
        assert_eq!(code("task", "subject", &json!("🙂".repeat(101))), 0x8004_4331);
    }

    #[test]
    fn values_are_read_as_their_types() {
        let read = |table, name, json| read_checked(table, name, &json).unwrap();
        assert_eq!(read("contact", "lastname", json!("")), Value::Null);
        assert_eq!(read("incident", "prioritycode", json!("1")), Value::Integer(1));
        assert_eq!(
            read("opportunity", "estimatedvalue", json!(24000.50)),
            Value::Decimal(Decimal::new(240_005, 1))
        );
        assert_eq!(
            read("task", "scheduledend", json!("2025-10-10T18:00:00.987+02:00")),
            Value::DateTime("2025-10-10T16:00:00Z".parse().unwrap())
        );
    }
}
