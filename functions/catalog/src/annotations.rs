//! What a client may know of a tool's effect before it calls it.

use serde_json::{Value, json};
use toolkit::{Access, Definition, Scope};

/// The hints of the Model Context Protocol, which the neutral format has, too.
///
/// All four are given: left out, a client would have to take a tool for one that destroys.
/// Source: `ToolAnnotations` in modelcontextprotocol/modelcontextprotocol, schema 2025-11-25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// It may replace what is there; else it only adds.
    pub destructive: bool,
    /// The same call again changes nothing more.
    pub idempotent: bool,
    /// It reaches beyond the organization's CRM.
    pub open_world: bool,
}

impl Annotations {
    /// Those of a tool.
    ///
    /// A tool whose name says `update` replaces values, and setting them again is nothing new. All
    /// others that write add a record; that a repeated call adds none depends on its headers. Only
    /// an appointment leaves the organization: its attendees may be invited.
    pub fn of(tool: &Definition) -> Annotations {
        let reads = tool.access == Access::Read;
        let replaces = tool.name.starts_with("dynamics365_update_");
        Annotations {
            read_only: reads,
            destructive: replaces,
            idempotent: reads || replaces,
            open_world: tool.name == "dynamics365_schedule_appointment",
        }
    }

    /// By the protocol's names.
    pub fn to_value(self) -> Value {
        json!({
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        })
    }
}

/// The scope that an API key needs for a tool.
pub(crate) fn scope(tool: &Definition) -> Scope {
    match tool.access {
        Access::Read => Scope::Read,
        Access::Write => Scope::Write,
    }
}
