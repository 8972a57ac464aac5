//! The current state of an organization.

use std::fmt;

use jiff::Timestamp;
use parking_lot::RwLock;
use uuid::Uuid;

use super::apps::Apps;
use super::duplicates::DuplicateRules;
use super::habits::Habits;
use super::moment::Moment;
use super::numbers::Numbers;
use super::platform;
use super::store::Store;

/// One organization. Reads share the rows. A write locks them until it is done.
pub(crate) struct Organization {
    /// The rows.
    pub(crate) store: RwLock<Store>,
    /// The installed apps.
    pub(crate) apps: RwLock<Apps>,
    /// How it answers in cases that are left open.
    pub(crate) habits: RwLock<Habits>,
    /// The published rules for duplicates.
    pub(crate) duplicate_rules: RwLock<DuplicateRules>,
    /// The automatic numbers.
    pub(crate) numbers: Numbers,
}

impl fmt::Debug for Organization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Organization").finish_non_exhaustive()
    }
}

impl Organization {
    /// An organization with all apps, these rows and these rules.
    pub(crate) fn new(store: Store, numbers: Numbers, duplicate_rules: DuplicateRules) -> Self {
        numbers.go_on_after(&store);
        Self {
            store: RwLock::new(store),
            apps: RwLock::default(),
            habits: RwLock::default(),
            duplicate_rules: RwLock::new(duplicate_rules),
            numbers,
        }
    }

    /// Resets the organization to a new one with these rows and rules.
    pub(crate) fn restart(&self, fresh: Store, duplicate_rules: DuplicateRules) {
        *self.apps.write() = Apps::default();
        *self.habits.write() = Habits::default();
        *self.duplicate_rules.write() = duplicate_rules;
        let mut store = self.store.write();
        *store = fresh;
        self.numbers.go_on_after(&store);
    }

    /// The circumstances of a request that this user sends now.
    pub(crate) fn moment(&self, store: &Store, user: Uuid) -> Moment {
        Moment {
            now: Timestamp::now(),
            user,
            business_unit: platform::business_unit(store, user).unwrap_or(Uuid::nil()),
            apps: *self.apps.read(),
            habits: *self.habits.read(),
        }
    }
}
