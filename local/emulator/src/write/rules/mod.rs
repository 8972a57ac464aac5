//! What Dataverse does of its own accord when a row of a certain table is written.

mod activities;
mod cases;
mod catalogue;
mod dependants;
mod lines;
mod notes;
mod numbers;
mod parties;
mod people;
mod sales;

pub(crate) use dependants::{Dependant, dependants};
pub(crate) use lines::of as lines_of;
pub(crate) use numbers::Numbers;
pub(crate) use parties::replace as replace_parties;
pub(crate) use people::complete as complete_names;

use super::body::Body;
use super::{How, Writer, states};
use crate::api::ApiError;
use crate::data::Reference;
use crate::store::Row;

/// Completes and checks a row that is about to be added.
pub(crate) fn before_create(
    writer: &mut Writer<'_>,
    row: &mut Row,
    body: &Body,
    how: How,
) -> Result<(), ApiError> {
    if how == How::Sample {
        complete_sample(row, body)?;
    }
    if row.value("overriddencreatedon").as_date_time().is_some() {
        let created = row.value("overriddencreatedon").clone();
        let now = row.value("createdon").clone();
        row.set_value("createdon", created);
        row.set_value("overriddencreatedon", now);
    }
    people::complete(row);
    match row.table.table().name.as_str() {
        "incident" => cases::before_create(writer, row, body, how),
        "opportunity" => sales::complete_opportunity(writer, row, None, how),
        "quote" => sales::complete_quote(writer, row, None),
        "opportunityproduct" | "quotedetail" => lines::before_create(writer, row, how),
        "annotation" => notes::complete(writer, row),
        "product" => catalogue::complete_product(writer, row, None, how),
        "productpricelevel" => catalogue::complete_item(writer, row),
        "activityparty" => parties::complete(writer, row, how),
        _ if row.table.table().is_activity => activities::complete(writer, row, None, how),
        _ => Ok(()),
    }
}

/// What follows once the row and everything its body brought along is there.
pub(crate) fn after_create(
    writer: &mut Writer<'_>,
    row: Reference,
    how: How,
) -> Result<(), ApiError> {
    match row.table.table().name.as_str() {
        "opportunityproduct" | "quotedetail" => {
            lines::recalculate_parent(writer, row, how);
            Ok(())
        }
        _ if row.table.table().is_activity => parties::follow_activity(writer, row, how),
        _ => Ok(()),
    }
}

/// Completes and checks a row that is about to be changed.
pub(crate) fn before_update(
    writer: &mut Writer<'_>,
    old: &Row,
    new: &mut Row,
    body: &Body,
    how: How,
) -> Result<(), ApiError> {
    people::complete(new);
    match new.table.table().name.as_str() {
        "incident" => cases::before_update(writer, old, new, body),
        "opportunity" => sales::complete_opportunity(writer, new, Some(old), how),
        "quote" => sales::complete_quote(writer, new, Some(old)),
        "opportunityproduct" | "quotedetail" => lines::before_update(writer, old, new, how),
        "annotation" => notes::complete(writer, new),
        "product" => catalogue::complete_product(writer, new, Some(old), how),
        "productpricelevel" => catalogue::complete_item(writer, new),
        _ if new.table.table().is_activity => activities::complete(writer, new, Some(old), how),
        _ => Ok(()),
    }
}

/// What follows once the row is changed.
pub(crate) fn after_update(
    writer: &mut Writer<'_>,
    row: Reference,
    how: How,
) -> Result<(), ApiError> {
    match row.table.table().name.as_str() {
        "opportunityproduct" | "quotedetail" => {
            lines::recalculate_parent(writer, row, how);
            Ok(())
        }
        _ if row.table.table().is_activity => parties::follow_activity(writer, row, how),
        _ => Ok(()),
    }
}

/// Refuses a deletion.
pub(crate) fn before_delete(writer: &Writer<'_>, row: &Row) -> Result<(), ApiError> {
    match row.table.table().name.as_str() {
        "opportunityproduct" | "quotedetail" => lines::parent_is_open(writer, row),
        _ => Ok(()),
    }
}

/// What follows once the row is gone.
pub(crate) fn after_delete(writer: &mut Writer<'_>, row: &Row) {
    if let Some(parent) = lines::parent_of(row) {
        lines::recalculate(writer, parent, How::REQUEST);
    }
}

/// Rows of the sample data say when they were created and whose they are; the rest follows.
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
