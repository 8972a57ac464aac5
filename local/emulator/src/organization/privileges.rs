//! What a user may do: security roles and the privileges they hold.
//!
//! The default application user holds `Salesperson` and `Customer Service Representative`, which
//! together cover every table the tools write to. Depth is always organization-wide: which rows a
//! real role reaches depends on how its organization is cut into business units.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::data::{Metadata, Table};

/// What is being done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// A new row.
    Create,
    /// Reading, filtering on or expanding a row.
    Read,
    /// Changing a row.
    Write,
    /// Deleting a row.
    Delete,
    /// Filling a lookup of a row.
    Append,
    /// Being pointed at by a lookup.
    AppendTo,
    /// Giving a row another owner.
    Assign,
    /// Sharing a row.
    Share,
}

impl Access {
    const ALL: [Self; 8] = [
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

    fn name(self) -> &'static str {
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
    /// Everything.
    SystemAdministrator,
    /// Accounts, contacts, leads, opportunities and quotes; nothing of service.
    Salesperson,
    /// Accounts, contacts and cases; nothing of sales but the products.
    CustomerServiceRepresentative,
    /// Accounts, contacts, activities and notes.
    BasicUser,
}

impl Role {
    /// All roles, in the order a list of them is shown.
    pub const ALL: [Self; 4] = [
        Self::SystemAdministrator,
        Self::Salesperson,
        Self::CustomerServiceRepresentative,
        Self::BasicUser,
    ];

    /// The roles of the emulator's own application user.
    pub const OF_APPLICATION_USER: [Self; 2] =
        [Self::Salesperson, Self::CustomerServiceRepresentative];

    /// The id of the role, made from its name.
    pub fn id(self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.name().as_bytes())
    }

    /// The role of this name, as an administrator reads it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The name an administrator sees.
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
        // What every role includes: without these a user cannot even resolve an owner or a price.
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

/// The id of a privilege: made from its name, so that it is the same in every run.
pub fn privilege_id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// What the roles of one user allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    roles: Vec<Role>,
    granted: BTreeSet<(&'static str, Access)>,
}

impl Privileges {
    /// The union of what the roles allow.
    pub fn of_roles(roles: &[Role]) -> Self {
        let granted = roles
            .iter()
            .flat_map(|role| role.grants())
            .flat_map(|(subject, accesses)| accesses.iter().map(move |access| (subject, *access)))
            .collect();
        Self { roles: roles.to_vec(), granted }
    }

    /// Just these privileges, by their names; `Err` is the first that does not exist.
    pub fn of_names(names: &[String]) -> Result<Self, String> {
        let known = Self::of_roles(&[Role::SystemAdministrator]).granted;
        let granted = names.iter().map(|name| {
            let found = known.iter().find(|(subject, access)| {
                name.eq_ignore_ascii_case(&format!("prv{}{subject}", access.name()))
            });
            found.copied().ok_or_else(|| name.clone())
        });
        Ok(Self { roles: Vec::new(), granted: granted.collect::<Result<_, _>>()? })
    }

    /// Whether this access to the table is allowed.
    pub fn allows(&self, access: Access, table: &Table) -> bool {
        self.granted.contains(&(table.privilege.as_str(), access))
    }

    /// How many roles they come from.
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }

    /// How many privileges there are.
    pub fn count(&self) -> usize {
        self.granted.len()
    }

    /// The names of all privileges held, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .granted
            .iter()
            .map(|(subject, access)| format!("prv{}{subject}", access.name()))
            .collect();
        names.sort_unstable();
        names
    }
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
    fn roles_are_found_by_their_name() {
        assert_eq!(Role::named(" system administrator "), Some(Role::SystemAdministrator));
        assert_eq!(Role::named("Sales person"), None);
    }
}
