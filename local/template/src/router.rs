//! The router of `cargo lambda watch` in `Cargo.toml`: the binary that answers each path.

use std::fmt::Write as _;

use toolkit::Declaration;

use crate::parts::Part;

/// The path of the Model Context Protocol. The protocol describes itself, and has no declared
/// operations.
const MCP: (&str, &str) = ("/mcp", "mcp");

/// A line for each path.
pub(crate) fn router(operations: &[Declaration]) -> Part {
    let mut lines: Vec<(&str, &str)> = Vec::new();
    let places = operations.iter().map(|operation| (&*operation.path, operation.group));
    for place in places.chain([MCP]) {
        // Several operations may have the same path with different methods.
        if !lines.contains(&place) {
            lines.push(place);
        }
    }
    let mut text = String::new();
    for (path, binary) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\"{path}\" = \"{binary}\"");
    }
    Part { name: "router", text }
}
