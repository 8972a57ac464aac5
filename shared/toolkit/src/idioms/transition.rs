//! Changes of the status: within the open state, out of it, and back.

use crm::tables::choices::{STATE, STATUS};
use dataverse::Update;

use super::settle::RowChange;
use crate::Target;

/// The kind of change that a new status needs.
pub enum Transition {
    /// To a status of the open state. An update sets it, and reopens a closed row.
    Open(i64),
    /// Out of the open state, by an action or by an update of the state.
    Close(Box<RowChange>),
}

impl Transition {
    /// A change out of the open state, by this action or update.
    pub fn close(operation: impl Into<RowChange>) -> Transition {
        Transition::Close(Box::new(operation.into()))
    }
}

/// The number of the open state. It is the same in every table with closed rows, whatever its
/// label.
const OPEN: i64 = 0;

/// The error that the row is closed. The requested change needs an open row.
#[derive(Debug)]
pub struct Closed;

/// The writes that make the changes and set the new status. There are none if nothing changes.
/// Several belong into one change set.
///
/// A closed row cannot be changed, so it is reopened before the changes, or closed after them. Only
/// the first write can check the version that was read.
pub fn operations(
    target: Target<'_>,
    is_open: bool,
    details: Update,
    transition: Option<Transition>,
) -> Result<Vec<RowChange>, Closed> {
    let has_details = !details.is_empty();
    let of_any_version = |update: Update| RowChange::from(update.of_version("*"));
    Ok(match transition {
        Some(Transition::Open(status)) if is_open => {
            vec![details.set(STATUS, status).into()]
        }
        Some(Transition::Open(status)) => {
            let reopen = Update::new(target.table, target.id, target.etag)
                .set(STATE, OPEN)
                .set(STATUS, status);
            let then = has_details.then(|| of_any_version(details));
            std::iter::once(reopen.into()).chain(then).collect()
        }
        Some(Transition::Close(_)) if !is_open => return Err(Closed),
        None if !is_open && has_details => return Err(Closed),
        Some(Transition::Close(close)) if has_details => {
            let close = match *close {
                RowChange::Update(update) => of_any_version(update),
                action => action,
            };
            vec![details.into(), close]
        }
        Some(Transition::Close(close)) => vec![*close],
        None => has_details.then(|| details.into()).into_iter().collect(),
    })
}
