//! The values of a new row before its body is applied.

use super::context::Context;
use super::rules::TableRules;
use crate::data::{ColumnKind, Ownership, Value};
use crate::organization::{Row, platform};

/// Sets the values that depend on the table, the caller and the time.
pub(super) fn fill(context: &Context<'_>, rules: &TableRules, row: &mut Row) {
    let table = row.table.table();
    for column in table.columns() {
        if matches!(column.kind, ColumnKind::Boolean { .. }) && !column.is_custom() {
            let yes = rules.starts_true.contains(&column.name.as_str());
            row.set(column.id, Value::Boolean(yes));
        }
    }
    for (column, number) in rules.defaults {
        row.set_value(column, Value::Integer(*number));
    }
    row.set_value("createdon", Value::DateTime(context.now));
    row.set_value("modifiedon", Value::DateTime(context.now));
    context.stamp(row, "_createdby_value");
    context.stamp(row, "_modifiedby_value");
    if table.ownership == Ownership::User {
        context.stamp(row, "_ownerid_value");
    }
    let has_money =
        table.columns().iter().any(|column| matches!(column.kind, ColumnKind::Money { .. }));
    if has_money && let Some(currency) = platform::base_currency(context.store) {
        row.set_value("_transactioncurrencyid_value", Value::Reference(currency));
    }
}
