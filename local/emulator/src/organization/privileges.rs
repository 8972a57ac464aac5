//! Security roles, and the privileges that they give.
//!
//! The default application user has `Salesperson` and `Customer Service Representative`. Together,
//! these cover every table that the tools write to. Every privilege applies to the whole
//! organization: which rows a real role covers depends on the business units of the organization.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::data::{Metadata, Table};

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
    granted: BTreeSet<(&'static str, Access)>,
}

impl Privileges {
    /// All privileges that at least one of the roles gives.
    pub fn of_roles(roles: &[Role]) -> Self {
        let granted = roles
            .iter()
            .flat_map(|role| role.grants())
            .flat_map(|(subject, accesses)| accesses.iter().map(move |access| (subject, *access)))
            .collect();
        Self { roles: roles.to_vec(), granted }
    }

    /// Only these privileges, by name. `Err` is the first name that does not exist.
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

    /// The number of roles that they come from.
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }

    /// How many privileges there are.
    pub fn count(&self) -> usize {
        self.granted.len()
    }

    /// The names of all privileges, sorted.
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
