//! The owner of a record: the user or team to whom it is assigned.

use std::borrow::Cow;
use std::fmt;

use dataverse::{Filter, InstanceUrl, Page, Query, Table};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{ENOUGH, Handle, Reference as _, ReferenceError, Said, Unresolved, UserRef};
use crate::tables;

/// The owner of a record: a user by GUID or email address, or a team by GUID.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnerRef(Handle);

/// The user or team that an [`OwnerRef`] means.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// The table of the owner: users or teams.
    pub table: Table,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Option<String>,
}

impl OwnerRef {
    /// Reads the text that a caller gave. A name is an error.
    pub fn parse(text: &str) -> Result<OwnerRef, ReferenceError> {
        match Handle::parse(text, &[tables::USER, tables::TEAM])? {
            Handle::Said(Said::Name(_)) => Err(ReferenceError::NotOwner),
            handle => Ok(OwnerRef(handle)),
        }
    }

    /// Two queries: for the enabled user, and for the team that the reference may mean.
    pub fn queries(&self) -> [Query; 2] {
        let team = match &self.0 {
            Handle::Id(id) => Query::row(tables::TEAM, *id),
            // This finds no team: teams have no email address that people know.
            _ => Query::rows(tables::TEAM).filter(Filter::equals("teamid", Uuid::nil())),
        };
        [
            Query::rows(tables::USER)
                .filter(UserRef(self.0.clone()).filter())
                .filter(Filter::equals("isdisabled", false))
                .select(["fullname", "internalemailaddress"])
                .top(ENOUGH),
            team.select(["name"]),
        ]
    }

    /// The owner in the results of [`OwnerRef::queries`].
    pub fn one(
        &self,
        users: Page,
        teams: Page,
        instance: &InstanceUrl,
    ) -> Result<Owner, Unresolved> {
        if let Some(team) = teams.records.first()
            && let Some(id) = team.id(tables::TEAM.key)
        {
            let name = team.text("name").map(str::to_owned);
            return Ok(Owner { table: tables::TEAM, id, name });
        }
        let reference = UserRef(self.0.clone());
        let user = reference.one(users, instance)?;
        let id = user.id(tables::USER.key).ok_or(Unresolved::NotFound {
            noun: UserRef::NOUN,
            by: "id",
            next_step: UserRef::NOT_FOUND,
        })?;
        Ok(Owner { table: tables::USER, id, name: user.text("fullname").map(str::to_owned) })
    }
}

impl<'de> Deserialize<'de> for OwnerRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

crate::plain_schema!(OwnerRef, "string");

impl fmt::Debug for OwnerRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnerRef").finish_non_exhaustive()
    }
}
