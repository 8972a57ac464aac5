//! The privileges that the tools need the application user to have.

use std::collections::{BTreeMap, BTreeSet};

use auth::Privileges;

use crate::Definition;

/// The privileges that tools need, each with the tools that need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Needs {
    /// The privileges that these tools need.
    pub fn of(tools: &[Definition]) -> Needs {
        let mut needs: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for definition in tools {
            for privilege in definition.all_privileges() {
                needs.entry(privilege).or_default().insert(definition.name);
            }
        }
        Needs(needs)
    }

    /// The needed privileges that are not among these.
    pub fn missing(&self, privileges: &Privileges) -> Vec<String> {
        let missing = self.0.keys().filter(|privilege| !privileges.has(privilege));
        missing.map(|privilege| (*privilege).to_owned()).collect()
    }

    /// The tools that need this privilege.
    pub fn tools(&self, privilege: &str) -> impl Iterator<Item = &'static str> {
        self.0.get(privilege).into_iter().flatten().copied()
    }
}
