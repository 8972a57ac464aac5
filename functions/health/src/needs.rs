//! What the tools need of the application user.

use std::collections::{BTreeMap, BTreeSet};

use toolkit::Definition;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_privileges_of_all_tools_are_known() {
        let needs = Needs::of(&tools::definitions());
        let all: BTreeSet<String> = needs.0.keys().map(|name| (*name).to_owned()).collect();
        assert!(needs.missing(&all).is_empty());
        let mut fewer = all;
        fewer.remove("prvReadIncident");
        assert_eq!(needs.missing(&fewer), ["prvReadIncident"]);
        assert!(needs.tools("prvReadIncident").any(|tool| tool == "dynamics365_get_case"));
        assert_eq!(needs.tools("prvNone").count(), 0);
    }
}
