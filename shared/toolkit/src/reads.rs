//! What a tool wants to know before it answers: several queries, one trip.

use crm::reference::Sought;
use dataverse::{Error, Page, Query, Record};

use crate::{Context, ToolError};

/// Queries that go to Dataverse together, in one trip.
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
pub struct Reads {
    queries: Vec<Query>,
}

/// Where the answer to a query will be.
#[derive(Debug)]
pub struct Slot(usize);

/// Where the record that a reference means will be.
#[derive(Debug)]
pub struct Seeking<'a, S> {
    sought: &'a S,
    records: Slot,
    siblings: Option<Slot>,
}

impl Reads {
    /// No queries yet.
    pub fn new() -> Reads {
        Reads::default()
    }

    /// Adds a query.
    pub fn add(&mut self, query: Query) -> Slot {
        self.queries.push(query);
        Slot(self.queries.len() - 1)
    }

    /// Adds what it takes to find the record that a reference means.
    pub fn seek<'a, S: Sought>(&mut self, sought: &'a S) -> Seeking<'a, S> {
        self.seek_with(sought, |query| query)
    }

    /// As [`Reads::seek`], with more to be read of the record.
    pub fn seek_with<'a, S: Sought>(
        &mut self,
        sought: &'a S,
        more: impl FnOnce(Query) -> Query,
    ) -> Seeking<'a, S> {
        let records = self.add(more(sought.query()));
        let siblings = sought.siblings().map(|query| self.add(query));
        Seeking { sought, records, siblings }
    }

    /// Asks, in one trip.
    pub async fn send(self, context: &Context) -> Result<Answers<'_>, ToolError> {
        let pages = match self.queries.as_slice() {
            [] => Vec::new(),
            queries => context.dataverse().list_every(queries).await?,
        };
        Ok(Answers { context, pages: pages.into_iter().map(Some).collect() })
    }
}

/// What came back.
pub struct Answers<'a> {
    context: &'a Context,
    pages: Vec<Option<Result<Page, Error>>>,
}

impl Answers<'_> {
    /// The rows that a query found, or why there are none.
    #[expect(clippy::needless_pass_by_value, reason = "an answer can be taken once")]
    pub fn result(&mut self, slot: Slot) -> Result<Page, Error> {
        // There is an answer to each query, and no slot is used twice.
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

    /// The record that a reference means.
    pub fn found<S: Sought>(&mut self, seeking: Seeking<'_, S>) -> Result<Record, ToolError> {
        let Seeking { sought, records, siblings } = seeking;
        let records = self.page(records)?;
        // Without them it is not known that what was found is what is meant.
        let siblings = siblings.map(|slot| self.page(slot)).transpose()?.unwrap_or_default();
        Ok(sought.found(records, siblings, self.context.instance())?)
    }

    /// The record that a reference means, where there is one.
    pub fn found_if<S: Sought>(
        &mut self,
        seeking: Option<Seeking<'_, S>>,
    ) -> Result<Option<Record>, ToolError> {
        seeking.map(|seeking| self.found(seeking)).transpose()
    }
}
