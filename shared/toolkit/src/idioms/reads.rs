//! The reads of a tool before it answers: several queries in one trip.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crm::reference::{Reference, Sought};
use crm::visitor::{Rule, rule};
use dataverse::{Error, Page, Query, Record};
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
    by_id: Vec<ById<'a>>,
    /// For a create: the query for the row of an earlier, equal call. It has the first slot.
    same_call: Option<RowQuery<'a>>,
    /// The slots of queries whose rows nobody sees.
    unseen: BTreeSet<usize>,
}

/// The slot of the query for the row of an earlier, equal call.
const SAME_CALL: usize = 0;

/// Makes the query for the row with an id, or for rows that point at it.
type RowQuery<'a> = Box<dyn Fn(Uuid) -> Query + Send + Sync + 'a>;

/// Finds the ids of a referenced record in the answers. Only a visitor may be several.
type FindIds<'a> = Box<dyn Fn(&Answers<'_>) -> Vec<Uuid> + Send + Sync + 'a>;

/// Makes the query for rows that point at any of these records.
type RowsQuery<'a> = Box<dyn Fn(Vec<Uuid>) -> Query + Send + Sync + 'a>;

/// A query that an environment may refuse, and its form for when the id of the record is known.
struct ById<'a> {
    slot: usize,
    find_ids: FindIds<'a>,
    query: RowsQuery<'a>,
}

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
        debug_assert!(
            !query.has_path_in_lambda(),
            "a path in a lambda may be refused: add it with `about`, which knows another way"
        );
        self.push(query)
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

    fn push(&mut self, query: Query) -> Slot {
        self.queries.push(query);
        Slot(self.queries.len() - 1)
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

    /// Adds a query for rows that are related to the record of a reference. The query is made from
    /// this reference.
    ///
    /// If the reference is not an id, the query may contain a lambda over a collection with a path
    /// to another table, and some environments refuse this. Then the query is sent again with the
    /// id that was found in the same trip. This takes one more trip. From then on, such queries of
    /// this connection always take two trips.
    pub fn about<R: Reference + Sync>(
        &mut self,
        seeking: &Seeking<'a, R>,
        query: impl Fn(&R) -> Query + Send + Sync + 'a,
    ) -> Slot {
        let first = query(seeking.sought);
        let may_be_refused = first.has_path_in_lambda();
        let slot = self.push(first);
        if may_be_refused {
            let sought = seeking.sought;
            let (records, siblings) = (seeking.records.0, seeking.siblings.as_ref().map(|s| s.0));
            self.by_id.push(ById {
                slot: slot.0,
                find_ids: Box::new(move |answers| {
                    let page = |slot: usize| answers.pages.get(slot)?.as_ref()?.clone().ok();
                    let Some(found) = page(records) else { return Vec::new() };
                    if answers.context.is_for_visitor() {
                        // All of them are the visitor's own.
                        let ids = found.records.iter().filter_map(|row| row.id(R::TABLE.key));
                        return ids.collect();
                    }
                    let siblings = match siblings {
                        Some(slot) => page(slot),
                        None => Some(Page::default()),
                    };
                    let instance = answers.context.instance();
                    let one = siblings.and_then(|it| sought.found(found, it, instance).ok());
                    one.and_then(|record| record.id(R::TABLE.key)).into_iter().collect()
                }),
                query: Box::new(move |ids| query(&R::of_ids(ids))),
            });
        }
        slot
    }

    /// Like [`Reads::about`], for rows that need not be the visitor's. See [`Reads::add_unseen`].
    pub fn about_unseen<R: Reference + Sync>(
        &mut self,
        seeking: &Seeking<'a, R>,
        query: impl Fn(&R) -> Query + Send + Sync + 'a,
    ) -> Slot {
        let slot = self.about(seeking, query);
        self.unseen.insert(slot.0);
        slot
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

    /// Sends the queries in one trip, or in two if the first shows what to ask in the second.
    pub async fn send<'c>(self, context: &'c Context) -> Result<Answers<'c>, ToolError> {
        let session = context.session();
        let refused_before = session.refuses_paths_in_lambdas();
        let mut all = self.narrowed(context)?;
        let waits = |query: &Query| refused_before && query.has_path_in_lambda();
        let visitor = context.behalf.visitor();
        let who = visitor.and_then(|visitor| visitor.query());
        let who = who.map(|query| {
            all.to_mut().push(query);
            Slot(all.len() - 1)
        });
        let slots: Vec<usize> = all
            .iter()
            .enumerate()
            .filter(|(_, query)| !waits(query))
            .map(|(slot, _)| slot)
            .collect();
        let some;
        let queries = if slots.len() == all.len() {
            &*all
        } else {
            some = slots.iter().filter_map(|slot| all.get(*slot).cloned()).collect();
            Vec::as_slice(&some)
        };
        let mut answers = Answers { context, pages: all.iter().map(|_| None).collect() };
        let pages = async {
            match queries {
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
        answers.put(&slots, pages?);
        if let (Some(visitor), Some(who)) = (visitor, who) {
            visitor.note(&answers.page(who)?.records)?;
        }
        let again: Vec<usize> = all
            .iter()
            .enumerate()
            .filter(|(slot, query)| waits(query) || answers.was_refused(*slot, query))
            .map(|(slot, _)| slot)
            .collect();
        drop(all);
        self.ask_again(&mut answers, &again, refused_before).await?;
        Ok(answers)
    }

    /// The queries as this call may send them.
    fn narrowed(&self, context: &Context) -> Result<Cow<'_, [Query]>, ToolError> {
        if context.behalf.visitor().is_none() {
            return Ok(Cow::Borrowed(&self.queries));
        }
        let queries = self.queries.iter().enumerate();
        let narrowed = queries.map(|(slot, query)| self.narrow(context, slot, query.clone()));
        Ok(Cow::Owned(narrowed.collect::<Result<_, _>>()?))
    }

    /// The query with the condition that its rows are the visitor's, in a call for one.
    fn narrow(&self, context: &Context, slot: usize, query: Query) -> Result<Query, ToolError> {
        let Some(visitor) = context.behalf.visitor() else { return Ok(query) };
        if self.unseen.contains(&slot) {
            return Ok(query);
        }
        let table = query.table();
        let reference = visitor.reference();
        // Nobody's id finds nothing: it is only asked whether the table is public.
        let nobody = NOBODY.into();
        match (rule(table, reference.as_ref().unwrap_or(&nobody), visitor.more()), &reference) {
            (Rule::Public, _) => Ok(query),
            (Rule::Theirs(theirs), Some(_)) => Ok(query.within(theirs)),
            (Rule::Theirs(_), None) => Err(unverified("this")),
            (Rule::Never, _) => Err(not_for_visitors(table.logical_name)),
        }
    }

    /// Sends the queries that could not be answered in the first trip.
    async fn ask_again(
        &self,
        answers: &mut Answers<'_>,
        waiting: &[usize],
        refused_before: bool,
    ) -> Result<(), ToolError> {
        let context = answers.context;
        let mut again: Vec<(usize, Query)> = Vec::new();
        for slot in waiting {
            let by_id = self.by_id.iter().find(|one| one.slot == *slot);
            let query = match by_id {
                Some(ById { find_ids, query, .. }) => {
                    Some(find_ids(answers)).filter(|ids| !ids.is_empty()).map(query)
                }
                // Only the condition that the rows are the visitor's has a path.
                None => self.queries.get(*slot).cloned(),
            };
            match query {
                Some(query) => again.push((*slot, self.narrow(context, *slot, query)?)),
                // There is no such record, or there are several. The caller gets an error for that.
                None => answers.put(&[*slot], vec![Ok(Page::default())]),
            }
        }
        let by_id = again.len();
        if let Some(query) = &self.same_call {
            let row = context.once().row_elsewhere();
            again.extend(row.map(|row| (SAME_CALL, query(row))));
        }
        if again.is_empty() {
            return Ok(());
        }
        let session = context.session();
        let (slots, queries): (Vec<usize>, Vec<Query>) = again.into_iter().unzip();
        let pages = match session.list_every(&queries).await {
            Ok(pages) => pages,
            Err(error) => slots.iter().map(|_| Err(error.clone())).collect(),
        };
        if by_id > 0 && pages.iter().take(by_id).all(Result::is_ok) && !refused_before {
            tracing::info!(
                connection = %context.connection(),
                "this environment refuses paths in lambdas: such queries are asked by id"
            );
            session.note_refused_path_in_lambda();
        }
        answers.put(&slots, pages);
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
    fn put(&mut self, slots: &[usize], pages: Vec<Result<Page, Error>>) {
        for (slot, page) in slots.iter().zip(pages) {
            if let Some(place) = self.pages.get_mut(*slot) {
                *place = Some(page);
            }
        }
    }

    /// Whether Dataverse has refused a query that may be refused for its path in a lambda.
    fn was_refused(&self, slot: usize, query: &Query) -> bool {
        query.has_path_in_lambda()
            && matches!(
                self.pages.get(slot),
                Some(Some(Err(Error::Api(error)))) if error.status.as_u16() == 400
            )
    }

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

    /// The record that a reference means.
    pub fn found<S: Sought>(&mut self, seeking: Seeking<'_, S>) -> Result<Record, ToolError> {
        let Seeking { sought, records, siblings } = seeking;
        let records = self.page(records)?;
        // Without the siblings, it is not certain that the found record is the right one.
        let siblings = siblings.map(|slot| self.page(slot)).transpose()?.unwrap_or_default();
        Ok(sought.found(records, siblings, self.context.instance())?)
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
