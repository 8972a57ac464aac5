//! The tables of privileges in the guide to setting a connection up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crm::labels::Choice as _;
use toolkit::Definition;

use crate::parts::Part;

/// What a security role allows with a table, as the columns of Power Platform's editor have it. Where
/// one is the beginning of another, the longer one stands first.
const RIGHTS: [&str; 8] =
    ["Create", "Read", "Write", "Delete", "AppendTo", "Append", "Assign", "Share"];

/// The order of the columns in the editor.
const COLUMNS: [&str; 6] = ["Create", "Read", "Write", "Append", "AppendTo", "Assign"];

/// The right and the table of a privilege such as `prvAppendToIncident`.
fn of(privilege: &str) -> Option<(&'static str, &str)> {
    let rest = privilege.strip_prefix("prv")?;
    RIGHTS.into_iter().find_map(|right| Some((right, rest.strip_prefix(right)?)))
}

/// A line for each table: what all tools together need.
pub(crate) fn of_tables(tools: &[&Definition]) -> Part {
    let privileges = tools.iter().flat_map(|tool| tool.all_privileges());
    let mut tables: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (right, table) in privileges.filter_map(of) {
        tables.entry(table).or_default().insert(right);
    }
    let heads = COLUMNS.map(|column| if column == "AppendTo" { "Append to" } else { column });
    let mut text = format!("| table | {} |\n| --- |{}\n", heads.join(" | "), " :-: |".repeat(6));
    for (table, rights) in tables {
        let cells = COLUMNS.map(|column| if rights.contains(column) { "✓" } else { "" });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {table} | {} |", cells.join(" | "));
    }
    Part { name: "privileges by table", text }
}

/// A line for each tool.
pub(crate) fn of_tools(tools: &[&Definition]) -> Part {
    let code = |privileges: &[&str]| {
        privileges.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
    };
    let mut text = "| tool | privileges |\n| --- | --- |\n".to_owned();
    for tool in tools {
        let mut needs: Vec<_> =
            Some(code(tool.privileges)).filter(|it| !it.is_empty()).into_iter().collect();
        for one in tool.per_kind.iter().filter(|one| !one.privileges.is_empty()) {
            needs.push(format!("{}: {}", one.kind.label(), code(one.privileges)));
        }
        let _ = writeln!(text, "| `{}` | {} |", tool.name, needs.join("; "));
    }
    Part { name: "privileges by tool", text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_privilege_is_a_right_to_a_table_that_has_a_column() {
        for tool in catalog::declarations().iter().filter_map(|one| one.definition.as_ref()) {
            for privilege in tool.all_privileges() {
                let (right, table) = of(privilege).unwrap();
                assert!(COLUMNS.contains(&right) && !table.is_empty(), "{privilege}");
            }
        }
        assert_eq!(of("prvAppendToIncident"), Some(("AppendTo", "Incident")));
        assert_eq!(of("prvAppendIncident"), Some(("Append", "Incident")));
    }
}
