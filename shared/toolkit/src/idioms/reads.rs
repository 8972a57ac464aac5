//! The reads of a tool before it answers: several queries in one trip.

use crm::reference::{Reference, Sought};
use dataverse::{Error, Page, Query, Record};
use uuid::Uuid;

use crate::idioms::once::Earlier;
use crate::{Context, ToolError};

/// Queries that go to Dataverse together in one trip.
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
}

/// The slot of the query for the row of an earlier, equal call.
const SAME_CALL: usize = 0;

/// Makes the query for the row with an id, or for rows that point at it.
type RowQuery<'a> = Box<dyn Fn(Uuid) -> Query + Send + Sync + 'a>;

/// Finds the id of a referenced record in the answers.
type FindId<'a> = Box<dyn Fn(&Answers<'_>) -> Option<Uuid> + Send + Sync + 'a>;

/// A query that an environment may refuse, and its form for when the id of the record is known.
struct ById<'a> {
    slot: usize,
    find_id: FindId<'a>,
    query: RowQuery<'a>,
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
        let Slot(_) = reads.add(row(context.once().row()));
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
    pub fn about<R: Reference + From<Uuid> + Sync>(
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
                find_id: Box::new(move |answers| {
                    let page = |slot: usize| answers.pages.get(slot)?.as_ref()?.clone().ok();
                    let siblings = match siblings {
                        Some(slot) => page(slot)?,
                        None => Page::default(),
                    };
                    let instance = answers.context.instance();
                    sought.found(page(records)?, siblings, instance).ok()?.id(R::TABLE.key)
                }),
                query: Box::new(move |id| query(&R::from(id))),
            });
        }
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
        let waits = |slot: &usize| refused_before && self.by_id.iter().any(|one| one.slot == *slot);
        let slots: Vec<usize> = (0..self.queries.len()).filter(|slot| !waits(slot)).collect();
        let some;
        let queries = if slots.len() == self.queries.len() {
            self.queries.as_slice()
        } else {
            some = slots.iter().filter_map(|slot| self.queries.get(*slot).cloned()).collect();
            Vec::as_slice(&some)
        };
        let mut answers = Answers { context, pages: self.queries.iter().map(|_| None).collect() };
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
        self.ask_again(&mut answers, refused_before).await;
        Ok(answers)
    }

    /// Sends the queries that could not be answered in the first trip.
    async fn ask_again(&self, answers: &mut Answers<'_>, refused_before: bool) {
        let session = answers.context.session();
        let mut again: Vec<(usize, Query)> = Vec::new();
        for ById { slot, find_id, query } in &self.by_id {
            let was_refused = matches!(
                answers.pages.get(*slot),
                Some(Some(Err(Error::Api(error)))) if error.status.as_u16() == 400
            );
            if refused_before || was_refused {
                match find_id(answers) {
                    Some(id) => again.push((*slot, query(id))),
                    // There is no such record, or there are several. The caller gets an error for
                    // that.
                    None => answers.put(&[*slot], vec![Ok(Page::default())]),
                }
            }
        }
        let by_id = again.len();
        if let Some(query) = &self.same_call {
            let row = answers.context.once().row_elsewhere();
            again.extend(row.map(|row| (SAME_CALL, query(row))));
        }
        if again.is_empty() {
            return;
        }
        let (slots, queries): (Vec<usize>, Vec<Query>) = again.into_iter().unzip();
        let pages = match session.list_every(&queries).await {
            Ok(pages) => pages,
            Err(error) => slots.iter().map(|_| Err(error.clone())).collect(),
        };
        if by_id > 0 && pages.iter().take(by_id).all(Result::is_ok) && !refused_before {
            tracing::info!(
                connection = %answers.context.connection(),
                "this environment refuses paths in lambdas: such queries are asked by id"
            );
            session.note_refused_path_in_lambda();
        }
        answers.put(&slots, pages);
    }
}

/// The answers to the queries.
pub struct Answers<'a> {
    context: &'a Context,
    pages: Vec<Option<Result<Page, Error>>>,
}

impl Answers<'_> {
    fn put(&mut self, slots: &[usize], pages: Vec<Result<Page, Error>>) {
        for (slot, page) in slots.iter().zip(pages) {
            if let Some(place) = self.pages.get_mut(*slot) {
                *place = Some(page);
            }
        }
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

    /// The record that a reference means, if there is a reference.
    pub fn found_if<S: Sought>(
        &mut self,
        seeking: Option<Seeking<'_, S>>,
    ) -> Result<Option<Record>, ToolError> {
        seeking.map(|seeking| self.found(seeking)).transpose()
    }
}
