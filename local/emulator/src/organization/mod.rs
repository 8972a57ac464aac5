//! One organization: its rows, its settings, its time, the privileges of users, and the limits.

mod apps;
mod caller;
mod clock;
mod duplicates;
mod habits;
mod moment;
mod numbers;
pub(crate) mod platform;
mod privileges;
mod reach;
mod state;
mod store;
pub(crate) mod throttle;

pub(crate) use apps::Apps;
pub(crate) use caller::Caller;
pub(crate) use clock::Clock;
pub(crate) use duplicates::{AddedRule, DuplicateRules};
pub(crate) use moment::Moment;
pub(crate) use numbers::{Numbering, Numbers};
pub(crate) use privileges::{Access, Depth, Privileges, Role, privilege_id, privilege_name};
pub(crate) use reach::Seen;
pub(crate) use state::Organization;
pub(crate) use store::{Occupied, Row, Store};
