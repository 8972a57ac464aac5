//! The tools for quotes, products, appointments and emails.

use toolkit::Group;

/// The tools for quotes, products, appointments and emails.
pub fn group() -> Group {
    Group::new("engagement")
}
