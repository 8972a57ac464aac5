//! The tools for activities and notes.

use toolkit::Group;

/// The tools for activities and notes.
pub fn group() -> Group {
    Group::new("activity")
}
