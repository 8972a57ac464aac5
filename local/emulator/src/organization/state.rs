//! What an organization is at the moment.

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

/// One organization. Reads share the rows; a write has them to itself for as long as it takes.
pub(crate) struct Organization {
    /// The rows.
    pub(crate) store: RwLock<Store>,
    /// The apps that are installed.
    pub(crate) apps: RwLock<Apps>,
    /// How it answers where it has a choice.
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
    /// With all apps, and these rows and rules.
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

    /// As new, with these rows and rules.
    pub(crate) fn restart(&self, fresh: Store, duplicate_rules: DuplicateRules) {
        *self.apps.write() = Apps::default();
        *self.habits.write() = Habits::default();
        *self.duplicate_rules.write() = duplicate_rules;
        let mut store = self.store.write();
        *store = fresh;
        self.numbers.go_on_after(&store);
    }

    /// The circumstances of a request that this user makes now.
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
