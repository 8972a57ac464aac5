//! Changes rows safely. A write must not be sent twice: if the answer is lost, the row shows what
//! happened. A write must not undo another one: if the row has changed meanwhile, it is read again.

use std::time::Duration;

use crm::tables::choices::{STATE, STATUS};
use dataverse::{
    Action, ChangeSet, Code, Error, Query, Record, Table, Update, Write, WriteOutcome,
};
use uuid::Uuid;

use crate::{Consequence, Context, ToolError, WriteState};

/// How often a change is repeated after somebody else changed the row in between.
const TRIES: usize = 3;

/// The longest random wait before a repetition. It keeps apart calls that change the same row at
/// the same moment.
const APART: Duration = Duration::from_millis(60);

/// The row to write, as it was read before.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The table of the row.
    pub table: Table,
    /// The id of the row.
    pub id: Uuid,
    /// The version of the row.
    pub etag: &'a str,
    record: &'a Record,
    drawn_from: &'a [&'static str],
}

impl<'a> Target<'a> {
    /// A row of this table. It must have been read with its state and with all columns that may
    /// change.
    pub fn of(record: &'a Record, table: Table) -> Result<Target<'a>, ToolError> {
        let (Some(id), Some(etag)) = (record.id(table.key), record.etag()) else {
            let name = table.logical_name;
            return Err(ToolError::internal(format!("a row of {name} without an id or a version")));
        };
        Ok(Target { table, id, etag, record, drawn_from: &[] })
    }

    /// Names columns of the row from which the written values were derived. If these columns
    /// change, the values would be wrong.
    #[must_use]
    pub fn drawn_from(self, columns: &'a [&'static str]) -> Target<'a> {
        Target { drawn_from: columns, ..self }
    }
}

/// A write to an existing row. Only [`crate::create`] makes new rows.
#[derive(Clone)]
pub enum RowChange {
    /// Sets values, if the row still has the version that was read.
    Update(Update),
    /// Calls an action, which may change other rows, too.
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

/// Carries out all operations or none, in one trip, and returns their answers.
///
/// `consequence` is what somebody must have said yes to, where a policy wants that. Without a yes,
/// nothing is sent.
///
/// `status` is the new `statuscode` of the row, if it changes. If the answer is lost, nothing is
/// sent again, but the row is read. If the row has this status, the work was done (the result is
/// `None`, because the answers are lost). If it still has the old version, the work was not done.
///
/// If somebody else has changed the row since it was read, it is read again. Relevant are its
/// state, the columns that will change, and those that the values were [derived
/// from](Target::drawn_from). If each of these has the old or the wanted value, the other change
/// was about something else, and this one is repeated with the new version, at most three times.
pub async fn carry_out(
    context: &Context,
    target: Target<'_>,
    mut operations: Vec<RowChange>,
    status: Option<i64>,
    consequence: Option<Consequence>,
) -> Result<Option<Vec<Record>>, ToolError> {
    if !operations.is_empty() {
        // Another row may have the same name by now.
        let consequence = consequence.map(|it| it.of(target.id.to_string()));
        context.stop_before(consequence).await?;
    }
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

/// The current version of the row, if nobody else has changed the relevant columns.
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
    // If the row was closed or reopened, the decision to change it may no longer be right. The
    // status matters only if it will change, too.
    let status = status.map(|_| STATUS.into());
    let drawn_from = target.drawn_from.iter().map(|column| dataverse::Name::from(*column));
    let changed = updates().flat_map(dataverse::Update::reads);
    let columns: Vec<_> = changed.chain([STATE.into()]).chain(status).chain(drawn_from).collect();
    let query = Query::row(target.table, target.id).select(columns.iter().cloned());
    // A visitor's row may be somebody else's by now. Then it is not found.
    let now = context.first(&query).await.ok().flatten()?;
    let is_same = |column: &dataverse::Name| {
        let column = column.as_str();
        // A column that was not read before cannot be compared, so it must be empty now.
        let before = target.record;
        let before = before.has_column(column).then(|| before.value(column)).flatten();
        now.value(column) == before
            // A change to the wanted value is no conflict.
            || (column != STATE && updates().any(|update| update.is_met_in(&now, column)))
    };
    let is_unopposed = columns.iter().all(is_same);
    now.etag().filter(|_| is_unopposed).map(str::to_owned)
}

enum Failure {
    /// The row no longer has the version that was read.
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
        [RowChange::Update(update)] => session.update(update).await.map(|row| vec![row]),
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
