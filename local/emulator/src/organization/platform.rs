//! The rows that the platform itself reads: the row of the organization, the users, and their
//! roles.

use std::sync::Arc;

use uuid::Uuid;

use super::privileges::Role;
use super::store::{Row, Store};
use crate::data::{Metadata, Reference, Relationship, Table};

/// The row of the organization, with its settings.
pub(crate) fn organization(store: &Store) -> Option<&Arc<Row>> {
    store.scan(Metadata::get().table("organization")?, None).next()
}

/// The currency of amounts if a row names no other.
pub(crate) fn base_currency(store: &Store) -> Option<Reference> {
    organization(store)?.value("_basecurrencyid_value").as_reference()
}

/// A reference to a user. The row need not exist.
pub(crate) fn user(id: Uuid) -> Option<Reference> {
    users().map(|users| Reference { table: users.id, id })
}

/// Whether an owner is a user. Other owners are teams.
pub(crate) fn is_user(owner: Reference) -> bool {
    users().is_some_and(|users| users.id == owner.table)
}

/// The business unit of a user.
pub(crate) fn business_unit(store: &Store, user: Uuid) -> Option<Uuid> {
    store.get(users()?, user)?.value("_businessunitid_value").as_id()
}

/// The teams of a user. What a team owns is the user's own.
pub(crate) fn teams_of(store: &Store, user: Uuid) -> Vec<Uuid> {
    let memberships =
        users().and_then(|users| users.collection_navigation("teammembership_association"));
    match memberships.map(|memberships| &memberships.relationship) {
        Some(Relationship::ManyToMany { name }) => store.linked(name, user),
        _ => Vec::new(),
    }
}

/// The table of security roles.
pub(crate) fn roles() -> Option<&'static Table> {
    Metadata::get().table("role")
}

/// The roles that a user has, according to the rows.
pub(crate) fn roles_of(store: &Store, user: Uuid) -> Vec<Role> {
    let Some(relationship) = roles_of_users() else { return Vec::new() };
    let linked = store.linked(relationship, user);
    Role::ALL.into_iter().filter(|role| linked.contains(&role.id())).collect()
}

/// Replaces the roles of a user in the rows. [`Privileges`](super::Privileges) decides what they
/// allow.
pub(crate) fn set_roles(store: &mut Store, user: Uuid, roles: &[Role]) {
    let Some(relationship) = roles_of_users() else { return };
    for role in store.linked(relationship, user) {
        store.unlink(relationship, user, role);
    }
    for role in roles {
        store.link(relationship, user, role.id());
    }
}

fn users() -> Option<&'static Table> {
    Metadata::get().table("systemuser")
}

fn roles_of_users() -> Option<&'static str> {
    match &users()?.collection_navigation("systemuserroles_association")?.relationship {
        Relationship::ManyToMany { name } => Some(name),
        Relationship::OneToMany { .. } => None,
    }
}
