//! Writes that must not be sent twice: where the answer is lost, the row tells what happened.

use dataverse::{ChangeSet, Operation, Query, Record, Table, WriteOutcome};
use uuid::Uuid;

use crate::{Context, ToolError, WriteState};

/// The row that a write is about, as it was read before.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its table.
    pub table: Table,
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub etag: &'a str,
}

impl<'a> Target<'a> {
    /// A row of this table as it was read.
    pub fn of(record: &'a Record, table: Table) -> Result<Target<'a>, ToolError> {
        let (Some(id), Some(etag)) = (record.id(table.key), record.etag()) else {
            let name = table.logical_name;
            return Err(ToolError::internal(format!("a row of {name} without an id or a version")));
        };
        Ok(Target { table, id, etag })
    }
}

/// Does all of it or nothing, in one trip, and gives what each answered.
///
/// `status` is the `statuscode` that the row has afterwards, where that changes. Where the answer
/// is lost the row is read, and nothing is sent again: if it has that status the work was done
/// (`None`: what it answered is lost), if it has the old version it was not.
pub async fn carry_out(
    context: &Context,
    target: Target<'_>,
    operations: Vec<Operation>,
    status: Option<i64>,
) -> Result<Option<Vec<Record>>, ToolError> {
    let session = context.dataverse();
    let result = match operations.as_slice() {
        [] => Ok(Vec::new()),
        [Operation::Update(update)] => session.update(update).await.map(|()| Vec::new()),
        [Operation::Action(action)] => session.invoke(action).await.map(|answer| vec![answer]),
        _ => session.change(&operations.into_iter().fold(ChangeSet::new(), ChangeSet::then)).await,
    };
    let error = match result {
        Ok(answers) => return Ok(Some(answers)),
        Err(error) if error.write_outcome() != WriteOutcome::Unknown => return Err(error.into()),
        Err(error) => error,
    };
    let query = Query::row(target.table, target.id).select(["statuscode", "modifiedon"]);
    match session.first(&query).await {
        Ok(Some(now)) if status.is_some() && now.integer("statuscode") == status => Ok(None),
        Ok(Some(now)) if now.etag() == Some(target.etag) => {
            Err(ToolError::from(error).write(WriteState::NotHappened))
        }
        _ => Err(error.into()),
    }
}
