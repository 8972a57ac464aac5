//! Who asks, when, and what kind of organization: some answers depend on it.

use jiff::Timestamp;
use uuid::Uuid;

use super::apps::Apps;
use super::habits::Habits;

/// The circumstances of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The emulated time.
    pub(crate) now: Timestamp,
    /// The `systemuserid` of the caller.
    pub(crate) user: Uuid,
    /// The caller's business unit.
    pub(crate) business_unit: Uuid,
    /// The apps that are installed.
    pub(crate) apps: Apps,
    /// How the organization answers where it has a choice.
    pub(crate) habits: Habits,
}
