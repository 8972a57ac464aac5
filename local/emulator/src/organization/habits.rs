//! What organizations do differently, though nobody has set it.

use crate::message::UnknownNames;

/// How this organization answers where Microsoft's documentation and what was recorded leave room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habits {
    /// How unknown names are refused.
    pub unknown_names: UnknownNames,
    /// Whether a lambda's body may only use columns of the element itself, as Microsoft's
    /// documentation of filters has it, and no path through a lookup.
    pub refuse_lambda_paths: bool,
}
