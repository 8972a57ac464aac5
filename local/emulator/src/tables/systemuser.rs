//! Users.

use super::people;
use crate::write::TableRules;

pub(super) const RULES: TableRules = TableRules {
    table: "systemuser",
    compute: |row| {
        // Users of the sample may carry a full name alone.
        if ["firstname", "middlename", "lastname"].iter().any(|part| !row.value(part).is_null()) {
            people::name(row);
        }
    },
    ..TableRules::PLAIN
};
