//! Security roles, and the privileges that they give.
//!
//! The default application user has `Salesperson` and `Customer Service Representative`. Together,
//! these cover every table that the tools write to. Every privilege of a role applies to the whole
//! organization, unless a control call gives it a smaller depth.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use crate::data::{Metadata, Ownership, Table};

/// Which rows a privilege reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Depth {
    /// Those of the user and of the user's teams.
    Basic,
    /// Those of the user's business unit.
    Local,
    /// Those of the user's business unit and of the units below it.
    Deep,
    /// All.
    Global,
}

impl Depth {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Local => "Local",
            Self::Deep => "Deep",
            Self::Global => "Global",
        }
    }
}

/// The kind of access to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// To create a row.
    Create,
    /// To read, filter by, or expand a row.
    Read,
    /// To change a row.
    Write,
    /// To delete a row.
    Delete,
    /// To set a lookup of a row.
    Append,
    /// To set a lookup that points at a row.
    AppendTo,
    /// To give a row another owner.
    Assign,
    /// To share a row.
    Share,
}

impl Access {
    /// Every kind of access.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Append,
        Self::AppendTo,
        Self::Assign,
        Self::Share,
    ];
    const READ_ONLY: [Self; 2] = [Self::Read, Self::AppendTo];

    /// The name, as in the names of privileges.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Delete => "Delete",
            Self::Append => "Append",
            Self::AppendTo => "AppendTo",
            Self::Assign => "Assign",
            Self::Share => "Share",
        }
    }
}

/// A security role that the emulated organization knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May do everything.
    SystemAdministrator,
    /// Accounts, contacts, leads, opportunities and quotes, but no tables of Customer Service.
    Salesperson,
    /// Accounts, contacts and cases, but no tables of Sales except the products.
    CustomerServiceRepresentative,
    /// Accounts, contacts, activities and notes.
    BasicUser,
}

impl Role {
    /// All roles, in the order of a list of them.
    pub const ALL: [Self; 4] = [
        Self::SystemAdministrator,
        Self::Salesperson,
        Self::CustomerServiceRepresentative,
        Self::BasicUser,
    ];

    /// The roles of the application user in the sample.
    pub const OF_APPLICATION_USER: [Self; 2] =
        [Self::Salesperson, Self::CustomerServiceRepresentative];

    /// The id of the role, which is derived from its name.
    pub fn id(self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.name().as_bytes())
    }

    /// The role with this name, in the spelling that administrators see.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The name that administrators see.
    pub fn name(self) -> &'static str {
        match self {
            Self::SystemAdministrator => "System Administrator",
            Self::Salesperson => "Salesperson",
            Self::CustomerServiceRepresentative => "Customer Service Representative",
            Self::BasicUser => "Basic User",
        }
    }

    fn grants(self) -> Vec<(&'static str, &'static [Access])> {
        const ALL: &[Access] = &Access::ALL;
        const READ: &[Access] = &Access::READ_ONLY;
        // Every role includes these. Without them a user could not even find an owner or a price.
        let mut grants = vec![
            ("User", READ),
            ("Team", READ),
            ("BusinessUnit", READ),
            ("Role", READ),
            ("TransactionCurrency", READ),
            ("Organization", READ),
            ("Subject", READ),
            ("Queue", READ),
            ("Workflow", READ),
        ];
        grants.extend(match self {
            Self::SystemAdministrator => {
                let tables = Metadata::get().tables();
                tables.iter().map(|table| (table.privilege.as_str(), ALL)).collect::<Vec<_>>()
            }
            Self::Salesperson => vec![
                ("Account", ALL),
                ("Contact", ALL),
                ("Lead", ALL),
                ("Opportunity", ALL),
                ("Quote", ALL),
                ("Activity", ALL),
                ("Note", ALL),
                ("Product", READ),
                ("Competitor", READ),
                ("Territory", READ),
                ("OpportunitySalesProcess", ALL),
                ("LeadToOpportunitySalesProcess", ALL),
            ],
            Self::CustomerServiceRepresentative => vec![
                ("Account", ALL),
                ("Contact", ALL),
                ("Incident", ALL),
                ("Activity", ALL),
                ("Note", ALL),
                ("Product", READ),
                ("PhoneToCaseProcess", ALL),
            ],
            Self::BasicUser => {
                vec![("Account", ALL), ("Contact", ALL), ("Activity", ALL), ("Note", ALL)]
            }
        });
        grants
    }
}

/// The name of the privilege that an access to a table needs, such as `prvReadContact`.
pub fn privilege_name(access: Access, table: &Table) -> String {
    format!("prv{}{}", access.name(), table.privilege)
}

/// The id of a privilege. It is derived from the name, so it is the same in every run.
pub fn privilege_id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// The privileges that the roles of one user give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    roles: Vec<Role>,
    granted: BTreeMap<(&'static str, Access), Depth>,
}

/// Why privileges could not be given a depth.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepthError {
    /// The roles do not give this privilege.
    #[error("the roles do not give '{0}'")]
    NotGiven(String),
    /// The rows of the tables of this privilege belong to nobody.
    #[error("'{0}' reaches all rows or none: nobody owns them")]
    Undivided(String),
}

impl Privileges {
    /// All privileges that at least one of the roles gives.
    pub fn of_roles(roles: &[Role]) -> Self {
        let granted = roles
            .iter()
            .flat_map(|role| role.grants())
            .flat_map(|(subject, accesses)| accesses.iter().map(move |access| (subject, *access)))
            .map(|key| (key, Depth::Global))
            .collect();
        Self { roles: roles.to_vec(), granted }
    }

    /// Only these privileges, by name. `Err` is the first name that does not exist.
    pub fn of_names(names: &[String]) -> Result<Self, String> {
        let known = Self::of_roles(&[Role::SystemAdministrator]).granted;
        let granted = names.iter().map(|name| {
            let found = known.keys().find(|key| name.eq_ignore_ascii_case(&name_of(key)));
            found.map(|key| (*key, Depth::Global)).ok_or_else(|| name.clone())
        });
        Ok(Self { roles: Vec::new(), granted: granted.collect::<Result<_, _>>()? })
    }

    /// Gives every privilege for tables whose rows have owners this depth.
    #[must_use]
    pub fn limited_to(mut self, depth: Depth) -> Self {
        for ((subject, _), own) in &mut self.granted {
            if is_divided(subject) {
                *own = depth;
            }
        }
        self
    }

    /// Gives one privilege this depth, by its name.
    pub fn limit(&mut self, name: &str, depth: Depth) -> Result<(), DepthError> {
        let found =
            self.granted.iter_mut().find(|(key, _)| name.eq_ignore_ascii_case(&name_of(key)));
        let ((subject, _), own) = found.ok_or_else(|| DepthError::NotGiven(name.to_owned()))?;
        if depth != Depth::Global && !is_divided(subject) {
            return Err(DepthError::Undivided(name.to_owned()));
        }
        *own = depth;
        Ok(())
    }

    /// Which rows of the table this access reaches. `None` if it is not allowed at all.
    pub fn depth(&self, access: Access, table: &Table) -> Option<Depth> {
        self.granted.get(&(table.privilege.as_str(), access)).copied()
    }

    /// Whether this access to some rows of the table is allowed.
    pub fn allows(&self, access: Access, table: &Table) -> bool {
        self.depth(access, table).is_some()
    }

    /// Whether this access to a table reaches only a part of its rows.
    pub fn is_limited(&self, access: Access) -> bool {
        self.granted.iter().any(|((_, own), depth)| *own == access && *depth != Depth::Global)
    }

    /// The number of roles that they come from.
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }

    /// How many privileges there are.
    pub fn count(&self) -> usize {
        self.granted.len()
    }

    /// The names and the depths of all privileges, sorted.
    pub fn names(&self) -> Vec<(String, Depth)> {
        let mut names: Vec<_> =
            self.granted.iter().map(|(key, depth)| (name_of(key), *depth)).collect();
        names.sort_unstable();
        names
    }
}

fn name_of((subject, access): &(&'static str, Access)) -> String {
    format!("prv{}{subject}", access.name())
}

/// Whether the rows of the tables of a privilege have owners.
fn is_divided(subject: &str) -> bool {
    let mut tables = Metadata::get().tables().iter();
    tables.any(|table| table.privilege == subject && table.ownership == Ownership::User)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn the(name: &str) -> &'static Table {
        Metadata::get().table(name).unwrap()
    }

    #[test]
    fn the_default_application_user_covers_what_the_tools_write() {
        let privileges = Privileges::of_roles(&Role::OF_APPLICATION_USER);
        for table in ["lead", "opportunity", "incident", "annotation", "task", "quotedetail"] {
            for access in [Access::Create, Access::Read, Access::Write, Access::Append] {
                assert!(privileges.allows(access, the(table)), "{access:?} {table}");
            }
        }
        for table in ["product", "pricelevel", "systemuser", "transactioncurrency"] {
            assert!(privileges.allows(Access::Read, the(table)), "{table}");
            assert!(!privileges.allows(Access::Write, the(table)), "{table}");
        }
    }

    #[test]
    fn a_role_alone_lacks_the_other_half() {
        let sales = Privileges::of_roles(&[Role::Salesperson]);
        assert!(sales.allows(Access::Create, the("lead")));
        assert!(!sales.allows(Access::Read, the("incident")));
        let service = Privileges::of_roles(&[Role::CustomerServiceRepresentative]);
        assert!(service.allows(Access::Create, the("incident")));
        assert!(!service.allows(Access::Read, the("opportunity")));
    }

    #[test]
    fn no_role_allows_nothing() {
        let none = Privileges::of_roles(&[]);
        assert!(none.names().is_empty());
        assert!(!none.allows(Access::Read, the("contact")));
    }

    #[test]
    fn tables_share_privileges_and_names_read_as_dataverse_writes_them() {
        assert_eq!(privilege_name(Access::Create, the("annotation")), "prvCreateNote");
        assert_eq!(privilege_name(Access::Read, the("phonecall")), "prvReadActivity");
        assert_eq!(privilege_name(Access::AppendTo, the("contact")), "prvAppendToContact");
    }

    #[test]
    fn privileges_reach_as_far_as_they_are_told() {
        let mut privileges =
            Privileges::of_roles(&Role::OF_APPLICATION_USER).limited_to(Depth::Local);
        assert_eq!(privileges.depth(Access::Write, the("quotedetail")), Some(Depth::Local));
        assert_eq!(privileges.depth(Access::Read, the("product")), Some(Depth::Global));
        privileges.limit("prvwritelead", Depth::Basic).unwrap();
        assert_eq!(privileges.depth(Access::Write, the("lead")), Some(Depth::Basic));
        let unknown = privileges.limit("prvWriteProduct", Depth::Basic);
        assert_eq!(unknown, Err(DepthError::NotGiven("prvWriteProduct".to_owned())));
        let undivided = privileges.limit("prvReadProduct", Depth::Basic);
        assert_eq!(undivided, Err(DepthError::Undivided("prvReadProduct".to_owned())));
    }

    #[test]
    fn roles_are_found_by_their_name() {
        assert_eq!(Role::named(" system administrator "), Some(Role::SystemAdministrator));
        assert_eq!(Role::named("Sales person"), None);
    }
}
