//! Decides which values can be compared.

use rust_decimal::Decimal;

use super::parser;
use super::syntax::Literal;
use crate::data::{Column, ColumnKind, Value};

/// A literal as a value that can be compared with the column. `None` if the types differ.
///
/// A text cannot stand for an id: ids are written without quotes.
pub(crate) fn literal_value(column: &Column, literal: &Literal) -> Option<Value> {
    let value = match literal {
        Literal::Null => return Some(Value::Null),
        Literal::Boolean(flag) => Value::Boolean(*flag),
        Literal::Integer(number) => Value::BigInteger(*number),
        Literal::Decimal(number) => Value::Decimal(*number),
        Literal::Double(number) => Value::Double(*number),
        Literal::Text(text) => Value::text(text),
        Literal::Guid(id) => Value::Guid(*id),
        Literal::DateTime(time) => Value::DateTime(*time),
        Literal::Date(day) => Value::Date(*day),
        Literal::Enumeration(..) => return None,
    };
    (value_family(&value) == Some(family(column))).then_some(value)
}

/// The text argument of a Dataverse function as a value of the column.
pub(super) fn text_value(column: &Column, text: &str) -> Option<Value> {
    match family(column) {
        Family::Text => Some(Value::text(text)),
        Family::Number => text.trim().parse::<Decimal>().ok().map(Value::Decimal),
        Family::Boolean => match text {
            "1" | "true" => Some(Value::Boolean(true)),
            "0" | "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        _ => {
            let literal = parser::literal(text).ok()?;
            literal_value(column, &literal)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Number,
    Boolean,
    Time,
    Id,
    Other,
}

pub(super) fn family(column: &Column) -> Family {
    match column.kind {
        ColumnKind::Guid | ColumnKind::Lookup { .. } => Family::Id,
        ColumnKind::Text { .. } | ColumnKind::EntityName => Family::Text,
        ColumnKind::Integer { .. }
        | ColumnKind::BigInteger
        | ColumnKind::Decimal { .. }
        | ColumnKind::Double
        | ColumnKind::Money { .. }
        | ColumnKind::Choice(_)
        | ColumnKind::State(_)
        | ColumnKind::Status(_) => Family::Number,
        ColumnKind::Boolean { .. } => Family::Boolean,
        ColumnKind::DateTime | ColumnKind::Date => Family::Time,
        ColumnKind::Image => Family::Other,
    }
}

fn value_family(value: &Value) -> Option<Family> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(_) => Family::Boolean,
        Value::Integer(_) | Value::BigInteger(_) | Value::Decimal(_) | Value::Double(_) => {
            Family::Number
        }
        Value::Text(_) => Family::Text,
        Value::Guid(_) | Value::Reference(_) => Family::Id,
        Value::DateTime(_) | Value::Date(_) => Family::Time,
    })
}
