//! Tasks. A completed task is 100 percent done.

use super::activity;
use crate::data::Value;
use crate::message::ApiError;
use crate::write::{Change, Context, TableRules};

pub(super) const RULES: TableRules = TableRules {
    table: "task",
    defaults: &[("instancetypecode", 0), ("prioritycode", 1), ("percentcomplete", 0)],
    states: activity::STATES,
    complete,
    ..activity::RULES
};

fn complete(context: &Context<'_>, change: &mut Change<'_>) -> Result<(), ApiError> {
    if activity::ends_as(change) == Some(activity::COMPLETED) {
        change.row.set_value("percentcomplete", Value::Integer(100));
    }
    activity::complete(context, change)
}
