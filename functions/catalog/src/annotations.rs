//! What a client learns about a tool's effect before it calls the tool.

use serde_json::{Value, json};
use toolkit::Definition;

/// The hints of the Model Context Protocol, which the neutral format has, too.
///
/// All four are always given. Without them, a client must assume that a tool is destructive.
/// Source: `ToolAnnotations` in modelcontextprotocol/modelcontextprotocol, schema 2025-11-25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// It may replace or end something; otherwise it only adds.
    pub destructive: bool,
    /// Repeating the call changes nothing more.
    pub idempotent: bool,
    /// It reaches beyond the organization's CRM.
    pub open_world: bool,
}

impl Annotations {
    /// The hints of a tool.
    pub fn of(tool: &Definition) -> Annotations {
        Annotations {
            read_only: !tool.effect.writes(),
            destructive: tool.effect.replaces(),
            idempotent: tool.is_idempotent,
            open_world: tool.reaches_out,
        }
    }

    /// The hints under the protocol's names.
    pub fn to_value(self) -> Value {
        json!({
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        })
    }
}
