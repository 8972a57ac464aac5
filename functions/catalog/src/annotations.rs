//! What a client may know of a tool's effect before it calls it.

use serde_json::{Value, json};
use toolkit::Definition;

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
    /// Those of a tool. What replaces values, or may end something, is destructive to the protocol.
    pub fn of(tool: &Definition) -> Annotations {
        Annotations {
            read_only: !tool.effect.writes(),
            destructive: tool.effect.replaces(),
            idempotent: tool.is_idempotent,
            open_world: tool.reaches_out,
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
