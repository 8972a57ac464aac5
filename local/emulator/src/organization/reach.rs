//! Which rows a privilege reaches: those of the user, of the business unit, of the units below it,
//! or all.

use std::sync::Arc;

use uuid::Uuid;

use super::platform;
use super::privileges::{Access, Depth, Privileges};
use super::store::{Row, Store};
use crate::data::{Metadata, Ownership};

/// The lookups from a part to the row that it belongs to. Who reaches that row reaches its parts.
const WHOLES: [&str; 3] = ["_quoteid_value", "_opportunityid_value", "_activityid_value"];

/// The most business units above each other.
const UNITS: usize = 100;

/// Whether a privilege of this depth reaches a row.
pub(crate) fn reaches(store: &Store, user: Uuid, depth: Depth, row: &Row) -> bool {
    if depth == Depth::Global {
        return true;
    }
    let table = row.table.table();
    let (owner, unit) = match table.ownership {
        Ownership::Organization => return true,
        Ownership::Business => (Some(row.id), row.value("_businessunitid_value").as_id()),
        Ownership::User => {
            (row.value("_ownerid_value").as_id(), row.value("_owningbusinessunit_value").as_id())
        }
        Ownership::None => {
            let whole = WHOLES.iter().find_map(|lookup| row.value(lookup).as_reference());
            let whole = whole.and_then(|whole| store.follow(whole));
            return whole.is_none_or(|whole| reaches(store, user, depth, whole));
        }
    };
    let own = owner
        .is_some_and(|owner| owner == user || platform::teams_of(store, user).contains(&owner));
    match depth {
        _ if own => true,
        Depth::Basic => false,
        Depth::Local => unit.is_some() && unit == platform::business_unit(store, user),
        Depth::Deep => is_below(store, unit, platform::business_unit(store, user)),
        Depth::Global => true,
    }
}

/// Whether a business unit is this one or below it.
fn is_below(store: &Store, unit: Option<Uuid>, above: Option<Uuid>) -> bool {
    let Some(units) = Metadata::get().table("businessunit") else { return false };
    let mut at = unit;
    for _ in 0..UNITS {
        match at {
            None => return false,
            same if same == above => return true,
            Some(id) => {
                let row = store.get(units, id);
                at = row.and_then(|row| row.value("_parentbusinessunitid_value").as_id());
            }
        }
    }
    false
}

/// The rows that a caller may read.
pub(crate) struct Seen<'a> {
    whole: &'a Store,
    /// `None` if the caller may read all.
    part: Option<Store>,
}

impl<'a> Seen<'a> {
    /// The rows that a user with these privileges may read.
    pub(crate) fn by(user: Uuid, privileges: &Privileges, whole: &'a Store) -> Self {
        let limited = privileges.is_limited(Access::Read);
        let part = limited.then(|| {
            whole.only(|row: &Arc<Row>| {
                let depth = privileges.depth(Access::Read, row.table.table());
                // Tables that may not be read at all are refused by their name.
                depth.is_none_or(|depth| reaches(whole, user, depth, row))
            })
        });
        Self { whole, part }
    }

    /// The rows that may be read.
    pub(crate) fn rows(&self) -> &Store {
        self.part.as_ref().unwrap_or(self.whole)
    }
}
