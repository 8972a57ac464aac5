//! Which tools the application user's roles allow.

use auth::{Privileges, Reach};
use crm::record::RecordType;
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::Definition;

/// Whether a tool can be used.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ToolAvailability")]
pub(crate) struct Availability {
    name: &'static str,
    /// For one kind of record at least.
    available: bool,
    /// The privileges that the application user lacks for it, whatever the record.
    missing_privileges: Option<Vec<&'static str>>,
    /// The kinds of records for which it cannot be used.
    unavailable_for: Option<Vec<Unavailable>>,
    /// The privileges that do not reach all records. A role may be meant to be like this.
    limited: Option<Vec<Limited>>,
}

/// A privilege that does not reach all records.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Limited {
    privilege: &'static str,
    reaches: Reach,
}

/// A kind of record for which a tool cannot be used.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "UnavailableKind")]
struct Unavailable {
    record_type: RecordType,
    missing_privileges: Vec<&'static str>,
}

/// Every tool, and what a user with the privileges `held` lacks for it.
pub(crate) fn of(tools: &[Definition], held: &Privileges) -> Vec<Availability> {
    tools.iter().map(|tool| availability(tool, held)).collect()
}

fn availability(tool: &Definition, held: &Privileges) -> Availability {
    let always = missing(tool.privileges, held);
    let unavailable: Vec<_> = tool
        .per_kind
        .iter()
        .map(|one| Unavailable {
            record_type: one.kind,
            missing_privileges: missing(one.privileges, held),
        })
        .filter(|one| !one.missing_privileges.is_empty())
        .collect();
    let limited = |privilege: &'static str| {
        held.reach(privilege).map(|reaches| Limited { privilege, reaches })
    };
    let limited: Vec<_> = tool.all_privileges().filter_map(limited).collect();
    let has_kind = tool.per_kind.is_empty() || unavailable.len() < tool.per_kind.len();
    Availability {
        name: tool.name,
        available: always.is_empty() && has_kind,
        missing_privileges: (!always.is_empty()).then_some(always),
        unavailable_for: (!unavailable.is_empty()).then_some(unavailable),
        limited: (!limited.is_empty()).then_some(limited),
    }
}

fn missing(needed: &[&'static str], held: &Privileges) -> Vec<&'static str> {
    needed.iter().filter(|privilege| !held.has(privilege)).copied().collect()
}
