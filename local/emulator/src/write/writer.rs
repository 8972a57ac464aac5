//! Creates, updates and deletes rows, with all consequences.
//!
//! The caller must run the work in a transaction of the store, so that a refusal in the middle
//! leaves no changes.

use uuid::Uuid;

use super::body::{Body, Link};
use super::context::{Context, How};
use super::dependants::{Dependant, dependants};
use super::rules::{Change, RuleBook, TableRules};
use super::{addresses, defaults, literal, money, refusal, states};
use crate::data::{Column, Ownership, Reference, Relationship, Table, Value};
use crate::message::ApiError;
use crate::organization::{Access, DuplicateRules, Row, platform};

/// Writes rows for one caller at one point in time.
pub(crate) struct Writer<'a> {
    /// The rows, the caller and the time.
    pub context: Context<'a>,
    /// The special rules of each table.
    pub rules: &'a RuleBook,
    /// The published duplicate rules.
    pub duplicate_rules: &'a DuplicateRules,
}

impl Writer<'_> {
    /// Creates a row, with everything in its body.
    pub(crate) fn create(&mut self, mut body: Body, how: How) -> Result<Reference, ApiError> {
        let table = body.table;
        if table.is_abstract {
            return Err(refusal::method_of_table("Create", table));
        }
        self.context.caller.require(Access::Create, table)?;
        for (navigation, parent) in std::mem::take(&mut body.parents) {
            let to = Some(self.create(parent, how)?);
            body.links.push(Link { navigation, to });
        }
        let rules = self.rules.of(table);
        let mut row = Row::new(table, body.id.unwrap_or_else(Uuid::new_v4));
        defaults::fill(&self.context, rules, &mut row);
        self.apply(&mut row, &body, how)?;
        self.own(&mut row, None)?;
        if how != How::Sample {
            self.context.may(Access::Create, &row)?;
        }
        if how == How::Sample {
            complete_sample(&mut row, &body)?;
        } else {
            let mut change = Change { row: &mut row, old: None, body: &body, how };
            states::of_new(&rules.states, &mut change)?;
            require_columns(rules, &row)?;
        }
        if row.value("overriddencreatedon").as_date_time().is_some() {
            let created = row.value("overriddencreatedon").clone();
            let now = row.value("createdon").clone();
            row.set_value("createdon", created);
            row.set_value("overriddencreatedon", now);
        }
        self.complete(Change { row: &mut row, old: None, body: &body, how })?;
        money::set_base_amounts(self.context.store, &mut row);
        self.refuse_duplicate(&row, None, how)?;
        let created = self.context.insert(row)?;
        for (navigation, children) in std::mem::take(&mut body.children) {
            for child in children {
                self.create_child(created, &navigation.relationship, child, how)?;
            }
        }
        for (navigation, references) in std::mem::take(&mut body.attached) {
            for other in references {
                self.attach(created, &navigation.relationship, other, how)?;
            }
        }
        (rules.after)(&mut self.context, created, how)?;
        Ok(created)
    }

    /// Changes a row.
    pub(crate) fn update(
        &mut self,
        reference: Reference,
        mut body: Body,
        how: How,
    ) -> Result<(), ApiError> {
        let table = reference.table.table();
        let rules = self.rules.of(table);
        self.context.caller.require(Access::Write, table)?;
        let old = self.context.find(reference)?;
        self.context.may(Access::Write, &old)?;
        let mut new = Row::clone(&old);
        self.apply(&mut new, &body, how)?;
        if how.is_request() {
            self.own(&mut new, Some(&old))?;
            states::of_changed(&rules.states, &self.context, &old, &mut new, &body)?;
        }
        self.complete(Change { row: &mut new, old: Some(&old), body: &body, how })?;
        self.refuse_duplicate(&new, Some(&old), how)?;
        self.context.replace(new);
        for (navigation, children) in std::mem::take(&mut body.children) {
            let rules_of_parts = self.rules.of(navigation.target.table());
            (rules_of_parts.remove_parts)(&mut self.context, reference);
            for child in children {
                self.create_child(reference, &navigation.relationship, child, how)?;
            }
        }
        (rules.after)(&mut self.context, reference, how)
    }

    /// Deletes a row and the rows that belong to it.
    pub(crate) fn delete(&mut self, reference: Reference) -> Result<(), ApiError> {
        let table = reference.table.table();
        let rules = self.rules.of(table);
        self.context.caller.require(Access::Delete, table)?;
        let row = self.context.find(reference)?;
        self.context.may(Access::Delete, &row)?;
        (rules.before_delete)(&self.context, &row)?;
        self.remove_with_dependants(reference);
        (rules.after_delete)(&mut self.context, &row);
        Ok(())
    }

    /// Computes the columns that depend on others, and runs the checks of the table.
    fn complete(&self, mut change: Change<'_>) -> Result<(), ApiError> {
        let rules = self.rules.of(change.row.table.table());
        compute(rules, change.row);
        (rules.complete)(&self.context, &mut change)
    }

    fn refuse_duplicate(&self, row: &Row, old: Option<&Row>, how: How) -> Result<(), ApiError> {
        let looked_for = how == (How::Request { detect_duplicates: true });
        if looked_for && self.duplicate_rules.duplicates(self.context.store, row, old) {
            return Err(refusal::duplicate());
        }
        Ok(())
    }

    /// Links two rows in a relationship: with the lookup of one of them, or with an intersect row.
    pub(crate) fn attach(
        &mut self,
        one: Reference,
        relationship: &'static Relationship,
        other: Reference,
        how: How,
    ) -> Result<(), ApiError> {
        let (row, to) = (self.context.find(one)?, self.context.find(other)?);
        match relationship {
            Relationship::ManyToMany { name } => {
                self.context.may(Access::Append, &row)?;
                self.context.may(Access::AppendTo, &to)?;
                if !self.context.store.link(name, one.id, other.id) {
                    return Err(refusal::key_exists());
                }
                Ok(())
            }
            Relationship::OneToMany { partner, .. } => {
                self.update(other, link_body(other, partner, Some(one))?, how)
            }
        }
    }

    /// Removes a link that [`Self::attach`] made.
    pub(crate) fn detach(
        &mut self,
        one: Reference,
        relationship: &'static Relationship,
        other: Reference,
        how: How,
    ) -> Result<(), ApiError> {
        let of = self.context.find(one)?;
        let row = self.context.find(other)?;
        match relationship {
            Relationship::ManyToMany { name } => {
                self.context.may(Access::Append, &of)?;
                self.context.store.unlink(name, one.id, other.id);
                Ok(())
            }
            Relationship::OneToMany { partner, lookup } => {
                if row.get(*lookup).as_reference() != Some(one) {
                    return Err(ApiError::no_such_row(&other.table.table().name, other.id));
                }
                self.update(other, link_body(other, partner, None)?, how)
            }
        }
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
                // If the parent is an activity, the name of the partner depends on the table of the
                // parent.
                let navigation = child.table.single_navigation(partner);
                if let Some(navigation) = navigation {
                    child.links.push(Link { navigation, to: Some(parent) });
                }
                self.create(child, how)?;
                Ok(())
            }
            Relationship::ManyToMany { name } => {
                let created = self.create(child, how)?;
                self.context.store.link(name, parent.id, created.id);
                Ok(())
            }
        }
    }

    /// Sets the values and links of the body in the row, after checking them.
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
        let to = self.context.find(to)?;
        // A new owner needs no right to be pointed at. To give a row another owner is a separate
        // right.
        if column.logical_name == "ownerid" {
            return Ok(());
        }
        self.context.caller.require(Access::Append, table)?;
        self.context.may(Access::AppendTo, &to)
    }

    /// Sets the columns that depend on the owner.
    fn own(&self, row: &mut Row, old: Option<&Row>) -> Result<(), ApiError> {
        let table = row.table.table();
        if table.ownership != Ownership::User {
            return Ok(());
        }
        let Some(owner) = row.value("_ownerid_value").as_reference() else {
            // The owner of a row can only be changed, not removed.
            return Err(table
                .column("_ownerid_value")
                .map_or_else(refusal::inactive, refusal::missing_required));
        };
        let before = old.and_then(|old| old.value("_ownerid_value").as_reference());
        let is_change =
            before.map_or(owner.id != self.context.caller.user, |before| before != owner);
        match old {
            Some(old) if is_change => self.context.may(Access::Assign, old)?,
            None if is_change => self.context.caller.require(Access::Assign, table)?,
            _ => {}
        }
        let as_kept = Value::Reference(owner);
        let (user, team) =
            if platform::is_user(owner) { (as_kept, Value::Null) } else { (Value::Null, as_kept) };
        row.set_value("_owninguser_value", user);
        row.set_value("_owningteam_value", team);
        let unit = self
            .context
            .store
            .follow(owner)
            .map(|owner| owner.value("_businessunitid_value").clone());
        row.set_value("_owningbusinessunit_value", unit.unwrap_or(Value::Null));
        Ok(())
    }

    fn remove_with_dependants(&mut self, reference: Reference) {
        self.context.store.delete(reference);
        for dependant in dependants(self.context.store, self.rules, reference) {
            match dependant {
                Dependant::Owned(row) => self.remove_with_dependants(row),
                Dependant::Linked(row, column) => {
                    self.context.store.update(row, |row| row.set(column, Value::Null));
                }
            }
        }
    }
}

/// Computes the columns that depend on other columns of the same row.
pub(crate) fn compute(rules: &TableRules, row: &mut Row) {
    (rules.compute)(row);
    addresses::compose(row);
}

/// Checks the columns that the platform requires. Columns that only forms require are not checked.
fn require_columns(rules: &TableRules, row: &Row) -> Result<(), ApiError> {
    let columns = rules.required.iter().filter_map(|name| row.table.table().column(name));
    let mut missing = columns.filter(|column| row.get(column.id).is_null());
    missing.next().map_or(Ok(()), |column| Err(refusal::missing_required(column)))
}

/// Completes a row of the sample. The row says when it was created and who owns it.
fn complete_sample(row: &mut Row, body: &Body) -> Result<(), ApiError> {
    if row.value("statecode").is_null() {
        states::put(row, 0, None)?;
    }
    if body.value("modifiedon").is_none() {
        let created = row.value("createdon").clone();
        row.set_value("modifiedon", created);
    }
    if !row.value("_owninguser_value").is_null() {
        for column in ["_createdby_value", "_modifiedby_value"] {
            let owner = row.value("_owninguser_value").clone();
            row.set_value(column, owner);
        }
    }
    Ok(())
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
