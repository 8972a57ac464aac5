//! The names that Dataverse has and this emulator does not.

use std::collections::HashSet;
use std::sync::LazyLock;

const NAMES: &str = include_str!("../../data/not_emulated.txt");

static KNOWN: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| NAMES.lines().filter(|line| !line.starts_with('#')).collect());

/// Whether Dataverse has an entity set, a function or an action with this name, which the emulator
/// does not have.
pub(crate) fn is_not_emulated(name: &str) -> bool {
    KNOWN.contains(name)
}

#[cfg(test)]
mod tests {
    use super::is_not_emulated;
    use crate::data::Metadata;

    #[test]
    fn names_are_of_dataverse_and_not_of_the_emulator() {
        assert!(is_not_emulated("Merge") && is_not_emulated("salesorders"));
        assert!(!is_not_emulated("WhoAmI") && !is_not_emulated("nonsense"));
        assert!(!is_not_emulated("Today"), "it is a condition");
        let tables = Metadata::get().tables().iter();
        assert!(tables.into_iter().all(|table| !is_not_emulated(&table.entity_set)));
    }
}
