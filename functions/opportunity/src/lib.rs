//! The tools for opportunities.

use toolkit::Group;

/// The tools for opportunities.
pub fn group() -> Group {
    Group::new("opportunity")
}
