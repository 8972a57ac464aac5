//! The tools for leads.

use toolkit::Group;

/// The tools for leads.
pub fn group() -> Group {
    Group::new("lead")
}
