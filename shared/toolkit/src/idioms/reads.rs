//! The reads of a tool before it answers: several queries in one trip.

use std::collections::BTreeSet;
use std::sync::Arc;

use crm::reference::Sought;
use crm::tables::USER;
use crm::visitor::{Rule, rule};
use dataverse::{Error, Filter, Page, Query, Record, Table};
use uuid::Uuid;

use crate::contract::refusals::{not_for_visitors, unverified};
use crate::idioms::once::Earlier;
use crate::{Context, ErrorCode, ToolError};

/// Queries that go to Dataverse together in one trip.
///
/// In a call for a visitor, each of them gets the condition that its rows are the visitor's. Which
/// contacts the visitor is, is asked in the same trip.
///
/// ```ignore
/// let mut reads = Reads::new();
/// let contact = reads.seek(&arguments.contact);
/// let cases = reads.add(Query::rows(CASE));
/// let mut answers = reads.send(context).await?;
/// let contact = answers.found(contact)?;
/// let cases = answers.page(cases)?;
/// ```
#[derive(Default)]
pub struct Reads<'a> {
    queries: Vec<Query>,
    /// For a create: the query for the row of an earlier, equal call. It has the first slot.
    same_call: Option<RowQuery<'a>>,
    /// The slots of queries whose rows nobody sees.
    unseen: BTreeSet<usize>,
}

/// The slot of the query for the row of an earlier, equal call.
const SAME_CALL: usize = 0;

/// Makes the query for the row with an id, or for rows that point at it.
type RowQuery<'a> = Box<dyn Fn(Uuid) -> Query + Send + Sync + 'a>;

/// The place of the answer to a query.
#[derive(Debug)]
pub struct Slot(usize);

/// The place of the record that a reference means.
#[derive(Debug)]
pub struct Seeking<'a, S> {
    sought: &'a S,
    records: Slot,
    siblings: Option<Slot>,
}

/// The place of the user of this API, if nobody knows it yet.
#[derive(Debug)]
pub struct SeekingOwnUser(Option<Slot>);

impl<'a> Reads<'a> {
    /// No queries yet.
    pub fn new() -> Reads<'a> {
        Reads::default()
    }

    /// The queries of a create. The first query is for the row of an earlier, equal call: one with
    /// the same key, or one that is the same in its conversation.
    pub(crate) fn of_create(
        context: &Context,
        row: impl Fn(Uuid) -> Query + Send + Sync + 'a,
    ) -> Reads<'a> {
        let mut reads = Reads::new();
        // Only an equal call of the same caller, for the same visitor, can have made this row.
        let Slot(_) = reads.add_unseen(row(context.once().row()));
        reads.same_call = Some(Box::new(row));
        reads
    }

    /// Adds a query.
    pub fn add(&mut self, query: Query) -> Slot {
        self.queries.push(query);
        Slot(self.queries.len() - 1)
    }

    /// In a create: adds a query for the row that an earlier, equal call may have made in another table.
    pub fn add_row_of_call(&mut self, context: &Context, row: impl Fn(Uuid) -> Query) -> Slot {
        self.add_unseen(row(context.once().row()))
    }

    /// Adds a query for rows that decide what is written. Neither they nor anything that depends on
    /// them may be seen in an answer for a visitor, because they need not be the visitor's.
    pub fn add_unseen(&mut self, query: Query) -> Slot {
        let slot = self.add(query);
        self.unseen.insert(slot.0);
        slot
    }

    /// Adds the queries that find the record of a reference, which need not be the visitor's. See
    /// [`Reads::add_unseen`].
    pub fn seek_unseen<S: Sought>(
        &mut self,
        sought: &'a S,
        more: impl FnOnce(Query) -> Query,
    ) -> Seeking<'a, S> {
        let seeking = self.seek_with(sought, more);
        self.unseen
            .extend([seeking.records.0].into_iter().chain(seeking.siblings.iter().map(|it| it.0)));
        seeking
    }

    /// Adds the queries that find the record of a reference.
    pub fn seek<S: Sought>(&mut self, sought: &'a S) -> Seeking<'a, S> {
        self.seek_with(sought, |query| query)
    }

    /// Like [`Reads::seek`], but reads more of the record.
    pub fn seek_with<S: Sought>(
        &mut self,
        sought: &'a S,
        more: impl FnOnce(Query) -> Query,
    ) -> Seeking<'a, S> {
        let records = self.add(more(sought.query()));
        let siblings = sought.siblings().map(|query| self.add(query));
        Seeking { sought, records, siblings }
    }

    /// Adds the query for the user of this API, unless a call before has found it out. It is asked for
    /// along with other queries, so it takes no trip.
    pub fn seek_own_user(&mut self, context: &Context) -> SeekingOwnUser {
        let is_known = context.session().own_user().is_some();
        SeekingOwnUser((!is_known).then(|| {
            let me = Filter::is_caller(USER.key);
            self.add_unseen(Query::rows(USER).select([USER.key]).filter(me).top(1))
        }))
    }

    /// Sends the queries for everything that must be known before a row is created. If there are
    /// none, the row of an earlier, equal call is not read either, because Dataverse refuses a
    /// second row.
    pub(crate) async fn send_for_create<'c>(
        self,
        context: &'c Context,
    ) -> Result<Answers<'c>, ToolError> {
        if self.queries.len() > 1 {
            return self.send(context).await;
        }
        Ok(Answers { context, pages: Vec::new() })
    }

    /// Sends the queries in one trip.
    pub async fn send<'c>(mut self, context: &'c Context) -> Result<Answers<'c>, ToolError> {
        let session = context.session();
        let mut all = self.narrowed(context)?;
        let visitor = context.behalf.visitor();
        let who = visitor.and_then(|visitor| visitor.query());
        let who = who.map(|query| {
            all.push(query);
            Slot(all.len() - 1)
        });
        let pages = async {
            match &all[..] {
                [] => Ok(Vec::new()),
                queries => session.list_every(queries).await,
            }
        };
        let standing = async {
            if self.same_call.is_some() {
                context.once().settle().await;
            }
        };
        let (pages, ()) = tokio::join!(pages, standing);
        let mut answers = Answers { context, pages: pages?.into_iter().map(Some).collect() };
        if let (Some(visitor), Some(who)) = (visitor, who) {
            visitor.note(&answers.page(who)?.records)?;
        }
        self.ask_elsewhere(&mut answers).await?;
        Ok(answers)
    }

    /// The queries as this call may send them: in a call for a visitor, with the condition that their
    /// rows are the visitor's.
    fn narrowed(&mut self, context: &Context) -> Result<Vec<Query>, ToolError> {
        let queries = std::mem::take(&mut self.queries);
        let Some(visitor) = context.behalf.visitor() else { return Ok(queries) };
        let reference = visitor.reference();
        // Nobody's id finds nothing: it is only asked whether the table is public.
        let nobody = NOBODY.into();
        let mut rules: Vec<(Table, Rule)> = Vec::new();
        let narrow = |(slot, query): (usize, Query)| {
            if self.unseen.contains(&slot) {
                return Ok(query);
            }
            let table = query.table();
            visitor.asks_for(table);
            let known = rules.iter().position(|(of, _)| *of == table);
            let place = known.unwrap_or_else(|| {
                let rule = rule(table, reference.as_ref().unwrap_or(&nobody), visitor.more());
                rules.push((table, rule));
                rules.len() - 1
            });
            match (&rules[place].1, &reference) {
                (Rule::Public, _) => Ok(query),
                (Rule::Theirs(theirs), Some(_)) => Ok(query.within(Arc::clone(theirs))),
                (Rule::Theirs(_), None) => Err(unverified("this")),
                (Rule::Never, _) => Err(not_for_visitors(table.logical_name)),
            }
        };
        queries.into_iter().enumerate().map(narrow).collect()
    }

    /// In a create: asks for the row of an earlier, equal call where it may also be.
    async fn ask_elsewhere(&self, answers: &mut Answers<'_>) -> Result<(), ToolError> {
        let context = answers.context;
        let Some(query) = &self.same_call else { return Ok(()) };
        let Some(row) = context.once().row_elsewhere() else { return Ok(()) };
        let page = context.session().list(&query(row)).await;
        if let Some(place) = answers.pages.get_mut(SAME_CALL) {
            *place = Some(page);
        }
        Ok(())
    }
}

/// An id that no row has.
const NOBODY: Uuid = Uuid::nil();

/// The answers to the queries.
pub struct Answers<'a> {
    context: &'a Context,
    pages: Vec<Option<Result<Page, Error>>>,
}

impl<'c> Answers<'c> {
    pub(crate) fn context(&self) -> &'c Context {
        self.context
    }
}

impl Answers<'_> {
    /// The rows that a query found, or the error.
    #[expect(clippy::needless_pass_by_value, reason = "an answer can be taken once")]
    pub fn result(&mut self, slot: Slot) -> Result<Page, Error> {
        // Each query has an answer, and no slot is used twice.
        self.pages.get_mut(slot.0).and_then(Option::take).unwrap_or(Ok(Page::default()))
    }

    /// The rows that a query found.
    pub fn page(&mut self, slot: Slot) -> Result<Page, ToolError> {
        Ok(self.result(slot)?)
    }

    /// The first row that a query found.
    pub fn first(&mut self, slot: Slot) -> Result<Option<Record>, ToolError> {
        Ok(self.page(slot)?.records.into_iter().next())
    }

    /// The row that an earlier, equal call created.
    ///
    /// # Errors
    ///
    /// `idempotency_key_reused`, if the key belongs to a call with other arguments.
    pub(crate) fn same_call(&mut self) -> Result<Option<Earlier>, ToolError> {
        self.context.once().check()?;
        let record = self.first(Slot(SAME_CALL))?;
        Ok(record.map(|record| self.context.once().earlier(record)))
    }

    /// The user of this API. An answer can do without, so an error is ignored.
    pub fn own_user(&mut self, SeekingOwnUser(slot): SeekingOwnUser) -> Option<Uuid> {
        let found = slot.and_then(|slot| self.first(slot).ok().flatten());
        if let Some(user) = found.and_then(|user| user.id(USER.key)) {
            self.context.session().note_own_user(user);
        }
        self.context.session().own_user()
    }

    /// The record that a reference means.
    pub fn found<S: Sought>(&mut self, seeking: Seeking<'_, S>) -> Result<Record, ToolError> {
        let Seeking { sought, records, siblings } = seeking;
        let records = self.page(records)?;
        // Without the siblings, it is not certain that the found record is the right one.
        let siblings = siblings.map(|slot| self.page(slot)).transpose()?.unwrap_or_default();
        let found = sought.found(records, siblings, self.context.instance())?;
        // A visitor's own record may have been merged into somebody else's, and whether a record of
        // others was merged is nothing that a trip more may tell.
        let may_follow = !self.context.is_for_visitor();
        match sought.merged(&found).filter(|_| may_follow) {
            Some(merged) => Err(self.context.begin_with_master(merged)),
            None => Ok(found),
        }
    }

    /// The record that a call is about, unless it is the visitor, who is several contacts.
    pub fn found_of<S: Sought>(
        &mut self,
        seeking: Seeking<'_, S>,
    ) -> Result<Option<Record>, ToolError> {
        match self.found(seeking) {
            Err(error) if error.code() == ErrorCode::Ambiguous && self.context.is_for_visitor() => {
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// The record that a reference means, if there is a reference.
    pub fn found_if<S: Sought>(
        &mut self,
        seeking: Option<Seeking<'_, S>>,
    ) -> Result<Option<Record>, ToolError> {
        seeking.map(|seeking| self.found(seeking)).transpose()
    }
}
