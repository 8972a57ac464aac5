//! The table in the page on security: who may call each tool, and what of it is not for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crm::visible::{Access, Shape};
use toolkit::Definition;

use crate::parts::Part;

/// A line for each tool.
pub(crate) fn of_tools(tools: &[&Definition]) -> Part {
    let heads = "tool | who may call | arguments for staff only | fields for staff only";
    let mut text = format!("| {heads} |\n|{}\n", " --- |".repeat(4));
    for tool in tools {
        let (name, who) = (tool.name, level(tool.access));
        let arguments = held_back(&tool.arguments, tool.access);
        let result = held_back(&tool.result, tool.access);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {who} | {arguments} | {result} |");
    }
    Part { name: "matrix", text }
}

fn level(access: Access) -> String {
    match access {
        Access::Chosen(choice) => format!("chosen: `{}`", choice.as_str()),
        access => access.as_str().to_owned(),
    }
}

/// The fields that need more than the tool: those for staff, then the others, by what they need.
fn held_back(shape: &Shape, of_tool: Access) -> String {
    if of_tool == Access::Staff {
        return "all".to_owned();
    }
    let paths = shape.paths();
    let mut groups: BTreeMap<(bool, Access), Vec<String>> = BTreeMap::new();
    for (path, access) in &paths {
        let is_more = match access {
            Access::Open => false,
            Access::Verified => of_tool == Access::Open,
            Access::Chosen(_) | Access::Staff => *access != of_tool,
        };
        // What is around it says it already.
        let is_inside = paths.iter().any(|(outer, of_outer)| {
            of_outer == access
                && path.strip_prefix(outer.as_str()).is_some_and(|it| it.starts_with('.'))
        });
        if is_more && !is_inside {
            let group = groups.entry((*access != Access::Staff, *access)).or_default();
            group.push(format!("`{path}`"));
        }
    }
    let groups = groups.into_iter().map(|((_, access), paths)| {
        let needs = match access {
            Access::Chosen(choice) => format!("`{}`: ", choice.as_str()),
            Access::Verified => "verified: ".to_owned(),
            _ => String::new(),
        };
        format!("{needs}{}", paths.join(", "))
    });
    groups.collect::<Vec<_>>().join("; ")
}
