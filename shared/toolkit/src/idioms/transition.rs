//! From one status to another: within the open state, out of it, and back.

use crm::tables::choices::{STATE, STATUS};
use dataverse::Update;

use super::settle::RowChange;
use crate::Target;

/// What a new status asks for.
pub enum Transition {
    /// A status reason of the open state: it is given by column, and reopens a closed row.
    Open(i64),
    /// Out of the open state, by an action, or by an update of the state.
    Close(Box<RowChange>),
}

impl Transition {
    /// Out of the open state, by this action or update.
    pub fn close(operation: impl Into<RowChange>) -> Transition {
        Transition::Close(Box::new(operation.into()))
    }
}

/// The open state of every table that rows are closed in, whatever its label.
const OPEN: i64 = 0;

/// The row is closed, and what was asked for can be done to an open one only.
#[derive(Debug)]
pub struct Closed;

/// The writes that make the changes and go over to the new status: one, or several that belong
/// into a change set. None where nothing changes.
///
/// A row that is closed takes no other changes: it is opened before them, or closed after them.
/// Only the first write can have the version that was read.
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
