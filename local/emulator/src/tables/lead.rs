//! Leads. A qualified or disqualified lead is closed.

use super::people;
use crate::write::{States, TableRules};

pub(super) const RULES: TableRules = TableRules {
    table: "lead",
    defaults: &[("leadqualitycode", 2), ("preferredcontactmethodcode", 1), ("prioritycode", 1)],
    starts_true: &["followemail"],
    duplicates: &[&["emailaddress1"]],
    states: States { closed: &[1, 2], ..States::PLAIN },
    compute: people::name,
    ..TableRules::PLAIN
};
