//! Creates, updates and deletes of rows, with all that follows from them.
//!
//! Whoever calls wraps the work in a transaction of the store: a refusal half-way leaves nothing.

use jiff::Timestamp;
use uuid::Uuid;

use super::body::{Body, Link};
use super::duplicates::DuplicateRules;
use super::rules::Numbers;
use super::{defaults, literal, money, refusal, rules, states};
use crate::api::{ApiError, Caller};
use crate::data::{Column, Metadata, Ownership, Relationship, Table};
use crate::data::{Reference, Value};
use crate::privileges::{Access, missing_privilege};
use crate::store::{Row, Store};

/// On whose behalf a write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A request asks for it.
    Request {
        /// `MSCRM.SuppressDuplicateDetection: false` was sent.
        detect_duplicates: bool,
    },
    /// An action does it: it may set states that a request may not.
    Action,
    /// The sample data is being filled in: rows are taken as they are.
    Sample,
}

impl How {
    /// A plain request.
    pub(crate) const REQUEST: Self = Self::Request { detect_duplicates: false };

    fn is_request(self) -> bool {
        matches!(self, Self::Request { .. })
    }
}

/// Writes rows for one caller at one moment.
pub(crate) struct Writer<'a> {
    pub store: &'a mut Store,
    pub caller: &'a Caller,
    pub now: Timestamp,
    pub numbers: &'a Numbers,
    pub duplicate_rules: &'a DuplicateRules,
}

impl Writer<'_> {
    /// Creates a row, with everything its body brings along.
    pub(crate) fn create(&mut self, mut body: Body, how: How) -> Result<Reference, ApiError> {
        let table = body.table;
        if table.is_abstract {
            return Err(refusal::bad_request(
                0x8004_0800,
                format!("The 'Create' method does not support entities of type '{}'.", table.name),
            ));
        }
        self.require(Access::Create, table)?;
        for (navigation, parent) in std::mem::take(&mut body.parents) {
            let to = Some(self.create(parent, how)?);
            body.links.push(Link { navigation, to });
        }
        let id = body.id.unwrap_or_else(Uuid::new_v4);
        let mut row = Row::new(table, id);
        defaults::fill(self, &mut row);
        self.apply(&mut row, &body, how)?;
        self.own(&mut row, None)?;
        if how != How::Sample {
            states::of_new(&mut row, &body, how)?;
            self.require_columns(&row)?;
        }
        rules::before_create(self, &mut row, &body, how)?;
        money::set_base_amounts(self.store, &mut row);
        if how == (How::Request { detect_duplicates: true }) {
            self.duplicate_rules.refuse(self.store, &row, None)?;
        }
        let row = self.store.insert(row).map_err(|_| refusal::key_exists())?;
        for (navigation, children) in std::mem::take(&mut body.children) {
            for child in children {
                self.create_child(row.reference(), &navigation.relationship, child, how)?;
            }
        }
        for (navigation, references) in std::mem::take(&mut body.attached) {
            for other in references {
                self.attach(row.reference(), &navigation.relationship, other, how)?;
            }
        }
        rules::after_create(self, row.reference(), how)?;
        Ok(row.reference())
    }

    /// Changes a row.
    pub(crate) fn update(
        &mut self,
        reference: Reference,
        mut body: Body,
        how: How,
    ) -> Result<(), ApiError> {
        let table = reference.table.table();
        self.require(Access::Write, table)?;
        let old = self.find(reference)?;
        let mut new = Row::clone(&old);
        self.apply(&mut new, &body, how)?;
        if how.is_request() {
            self.own(&mut new, Some(&old))?;
            states::of_changed(self.store, &old, &mut new, &body)?;
        }
        rules::before_update(self, &old, &mut new, &body, how)?;
        if how == (How::Request { detect_duplicates: true }) {
            self.duplicate_rules.refuse(self.store, &new, Some(&old))?;
        }
        self.replace(new);
        for (navigation, children) in std::mem::take(&mut body.children) {
            rules::replace_parties(self, reference);
            for child in children {
                self.create_child(reference, &navigation.relationship, child, how)?;
            }
        }
        rules::after_update(self, reference, how)
    }

    /// Deletes a row and what belongs to it.
    pub(crate) fn delete(&mut self, reference: Reference) -> Result<(), ApiError> {
        self.require(Access::Delete, reference.table.table())?;
        let row = self.find(reference)?;
        rules::before_delete(self, &row)?;
        self.remove_with_dependants(reference);
        rules::after_delete(self, &row);
        Ok(())
    }

    /// The row, or the refusal that it is not there.
    pub(crate) fn find(&self, reference: Reference) -> Result<std::sync::Arc<Row>, ApiError> {
        self.store
            .follow(reference)
            .cloned()
            .ok_or_else(|| refusal::not_found(reference.table.table(), reference.id))
    }

    /// Puts a changed row in the place of the old one, as a change by the caller.
    pub(crate) fn replace(&mut self, mut row: Row) {
        row.set_value("modifiedon", Value::DateTime(self.now));
        self.stamp(&mut row, "_modifiedby_value");
        money::set_base_amounts(self.store, &mut row);
        self.store.update(row.reference(), |current| *current = row);
    }

    /// Refuses what the caller may not do.
    pub(crate) fn require(&self, access: Access, table: &Table) -> Result<(), ApiError> {
        if self.caller.privileges.allows(access, table) {
            return Ok(());
        }
        Err(missing_privilege(self.caller, access, table))
    }

    /// Links two rows as a relationship says: by the lookup of one, or by an intersect row.
    pub(crate) fn attach(
        &mut self,
        one: Reference,
        relationship: &'static Relationship,
        other: Reference,
        how: How,
    ) -> Result<(), ApiError> {
        self.find(one)?;
        self.find(other)?;
        match relationship {
            Relationship::ManyToMany { name } => {
                self.require(Access::Append, one.table.table())?;
                self.require(Access::AppendTo, other.table.table())?;
                if !self.store.link(name, one.id, other.id) {
                    return Err(refusal::key_exists());
                }
                Ok(())
            }
            Relationship::OneToMany { partner, .. } => {
                self.update(other, link_body(other, partner, Some(one))?, how)
            }
        }
    }

    /// Ends what [`Self::attach`] began.
    pub(crate) fn detach(
        &mut self,
        one: Reference,
        relationship: &'static Relationship,
        other: Reference,
        how: How,
    ) -> Result<(), ApiError> {
        self.find(one)?;
        let row = self.find(other)?;
        match relationship {
            Relationship::ManyToMany { name } => {
                self.require(Access::Append, one.table.table())?;
                self.store.unlink(name, one.id, other.id);
                Ok(())
            }
            Relationship::OneToMany { partner, lookup } => {
                if row.get(*lookup).as_reference() != Some(one) {
                    return Err(refusal::not_found(other.table.table(), other.id));
                }
                self.update(other, link_body(other, partner, None)?, how)
            }
        }
    }

    /// The ids of the rows that point at a row by a lookup.
    pub(crate) fn pointing_at(&self, table: &str, lookup: &str, to: Reference) -> Vec<Reference> {
        let Some(table) = Metadata::get().table(table) else { return Vec::new() };
        let Some(column) = table.column(lookup) else { return Vec::new() };
        let value = Value::Reference(to);
        let ids = self.store.ids_by_index(table, column.id, &value).unwrap_or_default();
        ids.into_iter()
            .filter_map(|id| self.store.get(table, id))
            .filter(|row| row.get(column.id) == &value)
            .map(|row| row.reference())
            .collect()
    }

    fn create_child(
        &mut self,
        parent: Reference,
        relationship: &'static Relationship,
        mut child: Body,
        how: How,
    ) -> Result<(), ApiError> {
        match relationship {
            Relationship::OneToMany { partner, .. } => {
                // The partner is typed by the parent's table where the parent is an activity.
                let navigation = child.table.single_navigation(partner);
                if let Some(navigation) = navigation {
                    child.links.push(Link { navigation, to: Some(parent) });
                }
                self.create(child, how)?;
                Ok(())
            }
            Relationship::ManyToMany { name } => {
                let created = self.create(child, how)?;
                self.store.link(name, parent.id, created.id);
                Ok(())
            }
        }
    }

    /// Puts the values and links of the body into the row, checked.
    fn apply(&mut self, row: &mut Row, body: &Body, how: How) -> Result<(), ApiError> {
        let table = body.table;
        let currency_precision = 2;
        for (column, value) in &body.values {
            let column = table.at(*column);
            literal::check(table, column, value)?;
            row.set(column.id, money::as_kept(column, value, currency_precision));
        }
        for link in &body.links {
            let column = table.at(link.navigation.column);
            match link.to {
                Some(to) => {
                    if how != How::Sample {
                        self.may_link(table, column, to)?;
                    }
                    row.set(column.id, Value::Reference(to));
                }
                None => {
                    let target = link.navigation.target.table();
                    let points_there = row
                        .get(column.id)
                        .as_reference()
                        .is_some_and(|reference| target.covers(reference.table));
                    if points_there {
                        row.set(column.id, Value::Null);
                    }
                }
            }
        }
        Ok(())
    }

    fn may_link(&self, table: &Table, column: &Column, to: Reference) -> Result<(), ApiError> {
        self.find(to)?;
        // Owners need no right to be pointed at; giving a row away is a right of its own.
        if column.logical_name == "ownerid" {
            return Ok(());
        }
        self.require(Access::Append, table)?;
        self.require(Access::AppendTo, to.table.table())
    }

    /// Sets the columns that follow from the owner.
    fn own(&self, row: &mut Row, old: Option<&Row>) -> Result<(), ApiError> {
        let table = row.table.table();
        if table.ownership != Ownership::User {
            return Ok(());
        }
        let Some(owner) = row.value("_ownerid_value").as_reference() else {
            // An owner cannot be taken away, only changed.
            return Err(table
                .column("_ownerid_value")
                .map_or_else(refusal::inactive, refusal::missing_required));
        };
        let before = old.and_then(|old| old.value("_ownerid_value").as_reference());
        let is_change = before.map_or(owner.id != self.caller.user, |before| before != owner);
        if is_change {
            self.require(Access::Assign, table)?;
        }
        let is_user = owner.table.table().name == "systemuser";
        let as_kept = Value::Reference(owner);
        let (user, team) = if is_user { (as_kept, Value::Null) } else { (Value::Null, as_kept) };
        row.set_value("_owninguser_value", user);
        row.set_value("_owningteam_value", team);
        let unit =
            self.store.follow(owner).map(|owner| owner.value("_businessunitid_value").clone());
        row.set_value("_owningbusinessunit_value", unit.unwrap_or(Value::Null));
        Ok(())
    }

    /// Only what the platform requires is enforced; what forms require is the forms' affair.
    fn require_columns(&self, row: &Row) -> Result<(), ApiError> {
        let table = row.table.table();
        let required: &[&str] = match table.name.as_str() {
            "product" => &["productnumber", "name"],
            "pricelevel" => &["name"],
            "activityparty" => &["participationtypemask"],
            _ => &[],
        };
        for name in required {
            if let Some(column) = table.column(name)
                && row.get(column.id).is_null()
            {
                return Err(refusal::missing_required(column));
            }
        }
        Ok(())
    }

    /// Sets a user lookup to the caller.
    pub(crate) fn stamp(&self, row: &mut Row, column: &str) {
        if let Some(users) = Metadata::get().table("systemuser") {
            row.set_value(column, Value::reference(users.id, self.caller.user));
        }
    }

    fn remove_with_dependants(&mut self, reference: Reference) {
        self.store.delete(reference);
        for dependant in rules::dependants(self, reference) {
            match dependant {
                rules::Dependant::Owned(row) => self.remove_with_dependants(row),
                rules::Dependant::Linked(row, column) => {
                    self.store.update(row, |row| row.set(column, Value::Null));
                }
            }
        }
    }
}

/// An update that sets one lookup.
pub(crate) fn link_body(
    row: Reference,
    navigation: &str,
    to: Option<Reference>,
) -> Result<Body, ApiError> {
    let table = row.table.table();
    let mut body = Body::empty(table);
    let navigation = table
        .single_navigation(navigation)
        .ok_or_else(|| refusal::undeclared(&table.entity_set, navigation))?;
    body.links.push(Link { navigation, to });
    Ok(body)
}
