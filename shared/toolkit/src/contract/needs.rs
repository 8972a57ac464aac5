//! The privileges that the tools need the application user to have.

use std::collections::{BTreeMap, BTreeSet};

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

    /// The needed privileges that are not in this set.
    pub fn missing(&self, privileges: &BTreeSet<String>) -> Vec<String> {
        let held =
            |privilege: &str| privileges.iter().any(|one| one.eq_ignore_ascii_case(privilege));
        let missing = self.0.keys().filter(|privilege| !held(privilege));
        missing.map(|privilege| (*privilege).to_owned()).collect()
    }

    /// The tools that need this privilege.
    pub fn tools(&self, privilege: &str) -> impl Iterator<Item = &'static str> {
        self.0.get(privilege).into_iter().flatten().copied()
    }
}
