//! The table of all tools in the toolkit: whom each is for. Functions that do not have a tool's code know
//! by it whether they may name the tool to a caller.

use std::fmt::Write as _;

use crm::visible::Access;
use toolkit::Definition;

use crate::parts::Part;

/// A line for each tool.
pub(crate) fn of_tools(tools: &[&Definition]) -> Part {
    let mut text = String::new();
    for Definition { name, access, is_for_staff, scope, .. } in tools {
        let access = match access {
            Access::Chosen(choice) => format!("Chosen(Choice::{choice:?})"),
            access => format!("{access:?}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "(\"{name}\", {access}, {is_for_staff}, {scope:?}),");
    }
    Part { name: "tools", text }
}
