//! The privileges of an application user, and how far each reaches.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use dataverse::Record;

/// The privileges that an application user has, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges(BTreeMap<String, Depth>);

/// How far a privilege reaches, as `RetrieveUserPrivileges` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    /// Anything that is not known here, such as `RecordFilter`.
    Other,
    /// Rows of the user's own.
    Basic,
    /// Rows of the user's business unit.
    Local,
    /// Rows of the business unit and of those below it.
    Deep,
    /// All rows.
    Global,
}

/// The rows that a privilege reaches, where it does not reach all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Those that the application user owns.
    OwnRecords,
    /// Those of its business unit, and maybe of the units below.
    BusinessUnit,
    /// Some others.
    SomeRecords,
}

/// Privileges that reach all rows.
impl<N: AsRef<str>> FromIterator<N> for Privileges {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Privileges {
        let names = names.into_iter().map(|name| name.as_ref().to_ascii_lowercase());
        Privileges(names.map(|name| (name, Depth::Global)).collect())
    }
}

impl Privileges {
    /// Reads the rows of `RolePrivileges`. A privilege of several roles reaches as far as the best.
    pub(crate) fn of(rows: &[Record]) -> Privileges {
        let mut all = BTreeMap::new();
        for row in rows {
            let Some(name) = row.text("PrivilegeName") else { continue };
            let depth = match row.text("Depth") {
                Some("Basic") => Depth::Basic,
                Some("Local") => Depth::Local,
                Some("Deep") => Depth::Deep,
                Some("Global") => Depth::Global,
                _ => Depth::Other,
            };
            let held = all.entry(name.to_ascii_lowercase()).or_insert(depth);
            *held = depth.max(*held);
        }
        Privileges(all)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the user has this privilege, however far it reaches.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
    }

    /// The rows that this privilege reaches; `None` if these are all, or if the user lacks it. What is
    /// made is the user's own, so for a privilege to create it makes no difference.
    pub fn reach(&self, name: &str) -> Option<Reach> {
        let name = name.to_ascii_lowercase();
        match self.0.get(&name)? {
            _ if name.starts_with("prvcreate") => None,
            Depth::Global => None,
            Depth::Basic => Some(Reach::OwnRecords),
            Depth::Local | Depth::Deep => Some(Reach::BusinessUnit),
            Depth::Other => Some(Reach::SomeRecords),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn held(rows: &[(&str, &str)]) -> Privileges {
        let row = |(name, depth): &(&str, &str)| -> Record {
            serde_json::from_value(json!({"PrivilegeName": name, "Depth": depth})).unwrap()
        };
        Privileges::of(&rows.iter().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn a_privilege_reaches_as_far_as_the_best_role() {
        let held = held(&[
            ("prvReadLead", "Basic"),
            ("prvReadLead", "Global"),
            ("prvWriteLead", "Deep"),
            ("prvWriteLead", "Local"),
            ("prvReadNote", "Basic"),
            ("prvCreateLead", "Basic"),
            ("prvReadQuote", "RecordFilter"),
        ]);
        for (name, expected) in [
            ("prvReadLead", None),
            ("prvwritelead", Some(Reach::BusinessUnit)),
            ("prvReadNote", Some(Reach::OwnRecords)),
            ("prvCreateLead", None),
            ("prvReadQuote", Some(Reach::SomeRecords)),
        ] {
            assert!(held.has(name), "{name}");
            assert_eq!(held.reach(name), expected, "{name}");
        }
        assert!(!held.has("prvReadContact") && held.reach("prvReadContact").is_none());
        assert_eq!(json!(Reach::OwnRecords), Value::from("own_records"));
    }
}
