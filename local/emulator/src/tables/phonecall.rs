//! Calls, with the people who call and are called.

use super::activity;
use crate::write::TableRules;

pub(super) const RULES: TableRules = TableRules {
    table: "phonecall",
    defaults: &[("instancetypecode", 0), ("prioritycode", 1)],
    starts_true: &["directioncode"],
    states: activity::STATES,
    ..activity::RULES
};
