//! What the tools need of the application user.

use std::collections::{BTreeMap, BTreeSet};

use crate::Definition;

/// The privileges that tools need, and which tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Needs {
    /// What these tools need.
    pub fn of(tools: &[Definition]) -> Needs {
        let mut needs: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for definition in tools {
            for privilege in definition.all_privileges() {
                needs.entry(privilege).or_default().insert(definition.name);
            }
        }
        Needs(needs)
    }

    /// Those that are not among these.
    pub fn missing(&self, privileges: &BTreeSet<String>) -> Vec<String> {
        let held =
            |privilege: &str| privileges.iter().any(|one| one.eq_ignore_ascii_case(privilege));
        let missing = self.0.keys().filter(|privilege| !held(privilege));
        missing.map(|privilege| (*privilege).to_owned()).collect()
    }

    /// The tools that need this one.
    pub fn tools(&self, privilege: &str) -> impl Iterator<Item = &'static str> {
        self.0.get(privilege).into_iter().flatten().copied()
    }
}
