//! Users.

use super::people;
use crate::write::TableRules;

pub(super) const RULES: TableRules = TableRules {
    table: "systemuser",
    compute: |row| {
        // Users of the sample may have only a full name.
        if ["firstname", "middlename", "lastname"].iter().any(|part| !row.value(part).is_null()) {
            people::name(row);
        }
    },
    ..TableRules::PLAIN
};
