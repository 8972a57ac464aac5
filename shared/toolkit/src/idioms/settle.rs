//! Writes that must not be sent twice: where the answer is lost, the row tells what happened. And
//! writes that must not undo another's: where the row has changed meanwhile, it is read again.

use std::time::Duration;

use crm::tables::choices::{STATE, STATUS};
use dataverse::{
    Action, ChangeSet, Code, Error, Query, Record, Table, Update, Write, WriteOutcome,
};
use uuid::Uuid;

use crate::{Context, ToolError, WriteState};

/// How often a change goes on after somebody else's came in between.
const TRIES: usize = 3;

/// Those who change a row at the same moment shall not meet again: each waits up to so long.
const APART: Duration = Duration::from_millis(60);

/// The row that a write is about, as it was read before.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its table.
    pub table: Table,
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub etag: &'a str,
    record: &'a Record,
    drawn_from: &'a [&'static str],
}

impl<'a> Target<'a> {
    /// A row of this table as it was read: with its state, and with all columns that may change.
    pub fn of(record: &'a Record, table: Table) -> Result<Target<'a>, ToolError> {
        let (Some(id), Some(etag)) = (record.id(table.key), record.etag()) else {
            let name = table.logical_name;
            return Err(ToolError::internal(format!("a row of {name} without an id or a version")));
        };
        Ok(Target { table, id, etag, record, drawn_from: &[] })
    }

    /// What is written was drawn from these columns of the row: where they change, it would be
    /// another.
    #[must_use]
    pub fn drawn_from(self, columns: &'a [&'static str]) -> Target<'a> {
        Target { drawn_from: columns, ..self }
    }
}

/// A write to a row that is there. New rows are made by [`crate::create`] alone.
#[derive(Clone)]
pub enum RowChange {
    /// Of values, of the version that was read.
    Update(Update),
    /// By an action, which may change other rows, too.
    Action(Action),
}

impl From<Update> for RowChange {
    fn from(update: Update) -> RowChange {
        RowChange::Update(update)
    }
}

impl From<Action> for RowChange {
    fn from(action: Action) -> RowChange {
        RowChange::Action(action)
    }
}

impl From<RowChange> for Write {
    fn from(change: RowChange) -> Write {
        match change {
            RowChange::Update(update) => update.into(),
            RowChange::Action(action) => action.into(),
        }
    }
}

/// Does all of it or nothing, in one trip, and gives what each answered.
///
/// `status` is the `statuscode` that the row has afterwards, where that changes. Where the answer
/// is lost the row is read, and nothing is sent again: if it has that status the work was done
/// (`None`: what it answered is lost), if it has the old version it was not.
///
/// Where somebody else has changed the row since it was read, it is read again: if its state and
/// all that is to change, or that this was [drawn from](Target::drawn_from), are as they were or as
/// they are to be, the other change was about something else, and this one goes on with the new
/// version, three times at most.
pub async fn carry_out(
    context: &Context,
    target: Target<'_>,
    mut operations: Vec<RowChange>,
    status: Option<i64>,
) -> Result<Option<Vec<Record>>, ToolError> {
    let mut etag = target.etag.to_owned();
    let mut tries_left = TRIES;
    loop {
        let error = match send(context, target, &etag, &operations, status).await {
            Err(Failure::Conflict(error)) if tries_left > 0 => error,
            Err(Failure::Conflict(error)) => return Err(error.into()),
            Err(Failure::Other(error)) => return Err(error),
            Ok(done) => return Ok(done),
        };
        tries_left -= 1;
        tokio::time::sleep(APART.mul_f64(f64::from(fastrand::f32()))).await;
        let Some(newer) = unopposed(context, target, &operations, status).await else {
            return Err(error.into());
        };
        for operation in &mut operations {
            if let RowChange::Update(update) = operation
                && update.version() == etag
            {
                *update = update.clone().of_version(newer.clone());
            }
        }
        etag = newer;
    }
}

/// The row's present version, if nothing that is to change has been changed by somebody else.
async fn unopposed(
    context: &Context,
    target: Target<'_>,
    operations: &[RowChange],
    status: Option<i64>,
) -> Option<String> {
    let updates = || {
        operations.iter().filter_map(|operation| match operation {
            RowChange::Update(update) => Some(update),
            RowChange::Action(_) => None,
        })
    };
    // A row that was closed, or opened, is another one to whoever decided on the change; its status
    // matters to who wants to change that.
    let status = status.map(|_| STATUS.into());
    let drawn_from = target.drawn_from.iter().map(|column| dataverse::Name::from(*column));
    let changed = updates().flat_map(dataverse::Update::reads);
    let columns: Vec<_> = changed.chain([STATE.into()]).chain(status).chain(drawn_from).collect();
    let query = Query::row(target.table, target.id).select(columns.iter().cloned());
    let now = context.session().first(&query).await.ok().flatten()?;
    let is_same = |column: &dataverse::Name| {
        let column = column.as_str();
        // What was not read before cannot be compared: then it must be empty.
        let before = target.record;
        let before = before.has_column(column).then(|| before.value(column)).flatten();
        now.value(column) == before
            // Whoever wants the same does not contradict.
            || (column != STATE && updates().any(|update| update.is_met_in(&now, column)))
    };
    let is_unopposed = columns.iter().all(is_same);
    now.etag().filter(|_| is_unopposed).map(str::to_owned)
}

enum Failure {
    /// The row has another version than the one that was read.
    Conflict(Error),
    Other(ToolError),
}

async fn send(
    context: &Context,
    target: Target<'_>,
    etag: &str,
    operations: &[RowChange],
    status: Option<i64>,
) -> Result<Option<Vec<Record>>, Failure> {
    let session = context.session();
    let result = match operations {
        [] => Ok(Vec::new()),
        [RowChange::Update(update)] => session.update(update).await.map(|()| Vec::new()),
        [RowChange::Action(action)] => session.invoke(action).await.map(|answer| vec![answer]),
        several => {
            let changes = several.iter().cloned().fold(ChangeSet::new(), ChangeSet::then);
            session.change(&changes).await
        }
    };
    let error = match result {
        Ok(answers) => return Ok(Some(answers)),
        Err(error) if error.is(Code::VersionMismatch) => return Err(Failure::Conflict(error)),
        Err(error) if error.write_outcome() != WriteOutcome::Unknown => {
            return Err(Failure::Other(error.into()));
        }
        Err(error) => error,
    };
    let query = Query::row(target.table, target.id).select([STATUS, "modifiedon"]);
    match session.first(&query).await {
        Ok(Some(now)) if status.is_some() && now.integer(STATUS) == status => Ok(None),
        Ok(Some(now)) if now.etag() == Some(etag) => {
            Err(Failure::Other(ToolError::from(error).write(WriteState::NotHappened)))
        }
        _ => Err(Failure::Other(error.into())),
    }
}
