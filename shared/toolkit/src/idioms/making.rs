//! The create itself: it is announced, and the row is created under one key and reported as new
//! once. See [`once`](crate::idioms::once).

use dataverse::{Create, Created, Record};
use jiff::Timestamp;
use state::{Announced, Bond, Intent};

use super::duplicate;
use crate::idioms::draft::Draft;
use crate::idioms::once::{Part, Standing, within};
use crate::{Context, ToolError};

/// How many announced rows of other calls are tried before the call creates its own row.
const TRIES: usize = 3;

/// A row that will be created exactly once.
pub(crate) struct Making<'a> {
    pub(crate) draft: Draft<'a>,
    pub(crate) claim: Option<Claim>,
}

/// The claim of a call, which other calls may make at the same moment.
pub(crate) struct Claim {
    /// The hash of the connection, the tool, the customer and the subject.
    pub(crate) hash: String,
    /// Whether a row that another call created can be the answer.
    pub(crate) serves: fn(&Record) -> bool,
}

/// The row that the call gets in the end.
pub(crate) struct Row {
    pub(crate) record: Record,
    /// Whether the row was read, and is not the answer to the create.
    pub(crate) was_read: bool,
    pub(crate) part: Part,
}

impl Row {
    fn of(created: Created, part: Part) -> Row {
        let (record, was_read) = match created {
            Created::Now(record) => (record, false),
            Created::Before(record) | Created::Unclear(record) => (record, true),
        };
        Row { record, was_read, part }
    }
}

impl Making<'_> {
    /// Creates the row. If the row already exists, `is_meant` tells whether it is about what the
    /// arguments mean.
    pub(crate) async fn carry_out(
        self,
        context: &Context,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Row, ToolError> {
        let once = context.once();
        let (Some(claim), Some(state)) = (&self.claim, &once.state) else {
            return self.make_own(context, is_meant, None).await;
        };
        let bond = Bond::Subject(claim.hash.clone());
        let mut instead_of = None;
        for _ in 0..TRIES {
            let intent = once.intent(once.row);
            match within(state.announce(bond.clone(), &intent, instead_of)).await {
                None => break,
                Some(Announced::First(ticket)) => {
                    let made = self.make_own(context, &is_meant, Some(&bond)).await;
                    if made.as_ref().is_err_and(ToolError::is_without_effect) {
                        within(state.withdraw(&ticket, &intent)).await;
                    }
                    return made;
                }
                // The announcement is from this call or a copy of it.
                Some(Announced::Before(before)) if before.row == once.row => break,
                Some(Announced::Before(before)) => {
                    let made = self.join(context, &bond, &before, &is_meant).await?;
                    if let Some(made) = made {
                        return Ok(made);
                    }
                    instead_of = Some(before.row);
                }
            }
        }
        self.make_own(context, is_meant, None).await
    }

    async fn send(&self, context: &Context, create: &Create) -> Result<Created, ToolError> {
        let Draft { before, beside, .. } = &self.draft;
        duplicate::create(context, before.as_ref(), create, beside(create.id())).await
    }

    /// Creates the row under this call's own key.
    async fn make_own(
        &self,
        context: &Context,
        is_meant: impl Fn(&Record) -> bool,
        claim: Option<&Bond>,
    ) -> Result<Row, ToolError> {
        let once = context.once();
        once.settle().await;
        once.check()?;
        if let Some(Standing::Again { row, at_work: true }) = once.standing.get()
            && *row == once.row
        {
            once.note_joined(&Bond::Key(once.row), once.row).await;
        }
        let create = self.draft.create.clone().under(once.row);
        let created = self.send(context, &create).await?;
        let part = once.part(&created, claim).await;
        let mut row = Row::of(created, part);
        if row.was_read {
            row.record = once.earlier(row.record).given(is_meant)?;
        }
        Ok(row)
    }

    /// Creates the row that another call has announced, or finds it created. `None` if that row
    /// cannot be the answer.
    async fn join(
        &self,
        context: &Context,
        bond: &Bond,
        before: &Intent,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Option<Row>, ToolError> {
        let once = context.once();
        let is_gone = Timestamp::now() >= before.at_work_until;
        if !is_gone {
            once.note_joined(bond, before.row).await;
        }
        let create = self.draft.create.clone().under(before.row);
        let created = Box::pin(self.send(context, &create)).await?;
        // The call that announced the row reports it as new. If that call ended without creating
        // the row, this call does.
        let part = match created {
            Created::Now(_) if is_gone => Part::Made,
            Created::Now(_) | Created::Before(_) | Created::Unclear(_) => Part::Found,
        };
        let row = Row::of(created, part);
        let serves = |row: &Record| self.claim.as_ref().is_some_and(|claim| (claim.serves)(row));
        if row.was_read && !(serves(&row.record) && is_meant(&row.record)) {
            return Ok(None);
        }
        // If this call is repeated, it finds that row.
        if let (Some(state), Some(Standing::First(Some(ticket)))) =
            (&once.state, once.standing.get())
        {
            within(state.announce_again(ticket, &once.intent(before.row))).await;
        }
        Ok(Some(row))
    }
}
