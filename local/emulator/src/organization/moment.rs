//! The circumstances of a request. Some answers depend on them.

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
    /// The installed apps.
    pub(crate) apps: Apps,
    /// How the organization answers in cases that are left open.
    pub(crate) habits: Habits,
}
