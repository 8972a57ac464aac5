//! Which tools the application user's roles allow.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use toolkit::Definition;

/// Whether a tool can be used.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Availability {
    name: &'static str,
    available: bool,
    /// The privileges that the application user lacks for it.
    missing_privileges: Option<Vec<&'static str>>,
}

/// Every tool, and what is missing for it.
pub(crate) fn of(tools: &[Definition], privileges: &BTreeSet<String>) -> Vec<Availability> {
    tools
        .iter()
        .map(|tool| {
            let missing = missing(tool, privileges);
            Availability {
                name: tool.name,
                available: missing.is_empty(),
                missing_privileges: (!missing.is_empty()).then_some(missing),
            }
        })
        .collect()
}

fn missing(tool: &Definition, privileges: &BTreeSet<String>) -> Vec<&'static str> {
    let lacks = |privilege: &&&'static str| {
        !privileges.iter().any(|held| held.eq_ignore_ascii_case(privilege))
    };
    tool.privileges.iter().filter(lacks).copied().collect()
}
