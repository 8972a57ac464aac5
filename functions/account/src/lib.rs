//! The tools for accounts.

use toolkit::Group;

/// The tools for accounts.
pub fn group() -> Group {
    Group::new("account")
}
