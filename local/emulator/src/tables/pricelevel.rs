//! Price lists.

use crate::write::TableRules;

pub(super) const RULES: TableRules =
    TableRules { table: "pricelevel", required: &["name"], ..TableRules::PLAIN };
