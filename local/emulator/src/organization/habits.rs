//! Differences between organizations that are not settings.

use crate::message::UnknownNames;

/// How this organization answers in cases that Microsoft's documentation and recordings leave open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habits {
    /// The form in which unknown names are refused.
    pub unknown_names: UnknownNames,
    /// Whether the body of a lambda may only use columns of the element itself and no path through
    /// a lookup, as in Microsoft's documentation of filters.
    pub refuse_lambda_paths: bool,
    /// Whether the owner of an activity is only `ownerid`, as on premises, and not also
    /// `ownerid_appointment` and so on.
    pub lack_typed_owners: bool,
}
