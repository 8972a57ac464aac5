//! The requests to Dataverse: reads, writes, functions and actions.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::Code;
use crate::error::{Error, WriteOutcome};
use crate::exchange::{Answer, Request};
use crate::sending::{BatchKind, Sender, Tries, Way};
use crate::{
    Action, ChangeSet, Create, Created, Function, HttpClients, InstanceUrl, Outcome, Page, Query,
    Record, Table, TokenSource, Update, Write, batch, retry,
};

/// A client of one Dataverse environment. It is cheap to clone, and clones share connections.
#[derive(Clone)]
pub struct Client {
    way: Way,
    manners: Arc<Manners>,
}

/// What has been learnt about an environment. It is forgotten with the client.
#[derive(Debug, Default)]
struct Manners {
    lacks_typed_owners: AtomicBool,
    own_user: OnceLock<Uuid>,
}

impl Client {
    /// A client of the environment at `instance`, which authenticates with `tokens`.
    pub fn new(
        http: impl Into<HttpClients>,
        instance: InstanceUrl,
        tokens: Arc<dyn TokenSource>,
    ) -> Client {
        let way = Way { http: http.into(), instance: Arc::new(instance), tokens };
        Client { way, manners: Arc::default() }
    }

    /// The environment's address.
    pub fn instance(&self) -> &InstanceUrl {
        &self.way.instance
    }

    /// Opens a connection to the environment (name, TCP, TLS) before the first request needs it. It
    /// takes no token. An error is ignored here: the request that needs the connection meets it
    /// again.
    pub async fn connect(&self) {
        let _ = self.way.http().head(self.way.instance.service_root()).send().await;
    }

    /// Begins requests that belong together and end at one deadline.
    pub fn session(&self, deadline: Instant) -> Session {
        Session {
            sender: Sender::new(self.way.clone(), deadline),
            manners: Arc::clone(&self.manners),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("instance", &self.way.instance)
            .finish_non_exhaustive()
    }
}

/// Requests that belong together: they share a deadline, and are counted.
#[derive(Clone, Debug)]
pub struct Session {
    sender: Sender,
    manners: Arc<Manners>,
}

impl Session {
    /// The environment's address.
    pub fn instance(&self) -> &InstanceUrl {
        self.sender.instance()
    }

    /// How many requests went to Dataverse so far.
    pub fn trips(&self) -> u32 {
        self.sender.counts.trips.load(Ordering::Relaxed)
    }

    /// How many of these requests were refused because of the service protection limits.
    pub fn throttled(&self) -> u32 {
        self.sender.counts.throttled.load(Ordering::Relaxed)
    }

    /// Limits how long the session waits in all where Dataverse throttles or asks for time. It is
    /// for callers who would rather get an error than wait.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Session {
        self.sender.patience = Some(patience);
        self
    }

    /// Whether the environment is known to have `ownerid` alone for the owner of an activity, and not
    /// also `ownerid_appointment` and so on.
    pub fn lacks_typed_owners(&self) -> bool {
        self.manners.lacks_typed_owners.load(Ordering::Relaxed)
    }

    /// Remembers that, as long as the client is kept.
    pub fn note_lack_of_typed_owners(&self) {
        self.manners.lacks_typed_owners.store(true, Ordering::Relaxed);
    }

    /// The user that the requests are made by, if it is known.
    pub fn own_user(&self) -> Option<Uuid> {
        self.manners.own_user.get().copied()
    }

    /// Remembers that, as long as the client is kept.
    pub fn note_own_user(&self, id: Uuid) {
        // It stays the same: other credentials are another client's.
        let _ = self.manners.own_user.set(id);
    }

    /// Whether any request was sent that may have changed something.
    pub fn has_sent_write(&self) -> bool {
        self.sender.counts.has_sent_write.load(Ordering::Relaxed)
    }

    /// When every request must have been answered.
    pub fn deadline(&self) -> Instant {
        self.sender.deadline
    }

    /// The rows that a query finds. If one asks for a row that does not exist, the page is empty.
    ///
    /// If the answer is too large, it is asked for once more without the columns that may be long.
    /// [`Record::is_left_out`] tells which these are.
    pub async fn list(&self, query: &Query) -> Result<Page, Error> {
        if query.parts().is_some() {
            let pages = self.list_together(std::slice::from_ref(query)).await?;
            let missing = || Err(Error::Unreadable("a batch without an answer".to_owned()));
            return pages.into_iter().next().unwrap_or_else(missing);
        }
        let error = match self.sender.exchange(&Request::read(query)).await {
            Err(error @ Error::TooLarge { .. }) => error,
            answer => {
                let page = answer?.page(query)?;
                return if page.is_cut { self.whole(page, query).await } else { Ok(page) };
            }
        };
        let shorter = query.without_long().ok_or(error)?;
        self.sender.exchange(&Request::read(&shorter)).await?.page(&shorter)
    }

    /// The first row that a query finds.
    pub async fn first(&self, query: &Query) -> Result<Option<Record>, Error> {
        Ok(self.list(query).await?.records.into_iter().next())
    }

    /// Several queries in one trip. Each has a result of its own.
    pub async fn list_every(&self, queries: &[Query]) -> Result<Vec<Result<Page, Error>>, Error> {
        match queries {
            [only] => Ok(vec![self.list(only).await]),
            queries => self.list_together(queries).await,
        }
    }

    async fn list_together(&self, queries: &[Query]) -> Result<Vec<Result<Page, Error>>, Error> {
        let error = match self.list_in_batch(queries).await {
            Err(error @ Error::TooLarge { .. }) => error,
            result => return result,
        };
        let shorter: Vec<_> = queries.iter().map(Query::without_long).collect();
        if shorter.iter().all(Option::is_none) {
            return Err(error);
        }
        let queries: Vec<_> = queries
            .iter()
            .zip(shorter)
            .map(|(query, shorter)| shorter.unwrap_or_else(|| query.clone()))
            .collect();
        self.list_in_batch(&queries).await
    }

    async fn list_in_batch(&self, queries: &[Query]) -> Result<Vec<Result<Page, Error>>, Error> {
        let parts: Vec<_> = queries.iter().map(Query::parts).collect();
        let all: Vec<&Query> = queries
            .iter()
            .zip(&parts)
            .flat_map(|(query, parts)| parts.as_deref().unwrap_or(std::slice::from_ref(query)))
            .collect();
        let requests: Vec<_> = all.iter().map(|query| Request::read(query)).collect();
        let answers = self.sender.batch(batch::of_reads(&requests), BatchKind::Reads).await?;
        if answers.len() != all.len() {
            let (received, sent) = (answers.len(), all.len());
            return Err(Error::Unreadable(format!("{received} answers to a batch of {sent}")));
        }
        let mut pages = all.into_iter().zip(answers).map(|(query, answer)| answer.page(query));
        let joined = queries.iter().zip(&parts).map(|(query, parts)| {
            let count = parts.as_ref().map_or(1, Vec::len);
            let answered: Vec<_> = pages.by_ref().take(count).collect();
            let mut answered = answered.into_iter();
            // There is one part at least.
            let mut page = answered.next().unwrap_or_else(|| Ok(Page::default()))?;
            for part in answered {
                page.join(part?, query.table().key);
            }
            if count > 1 {
                query.note(&mut page.records);
            }
            Ok(page)
        });
        let joined: Vec<_> = joined.collect();
        let mut whole = Vec::with_capacity(joined.len());
        for (page, query) in joined.into_iter().zip(queries) {
            whole.push(match page {
                Ok(page) if page.is_cut => self.whole(page, query).await,
                page => page,
            });
        }
        Ok(whole)
    }

    /// The page once more, by the ids of its rows: some of what is joined to them was missing. OData has
    /// no joined rows, and sends what belongs to a row along with it.
    async fn whole(&self, page: Page, query: &Query) -> Result<Page, Error> {
        let page = match query.parts() {
            // The rows are there, and not all of what comes along.
            Some(_) => page,
            None => {
                let keys = query.keys();
                self.sender.exchange(&Request::read(&keys)).await?.page(&keys)?
            }
        };
        let key = query.table().key;
        let ids: Vec<_> = page.records.iter().filter_map(|row| row.id(key)).collect();
        if ids.is_empty() {
            return Ok(Page::default());
        }
        let by_ids = query.of_ids(&ids);
        let mut found = self.sender.exchange(&Request::read(&by_ids)).await?.page(&by_ids)?;
        let place = |row: &Record| ids.iter().position(|id| row.id(key) == Some(*id));
        found.records.sort_by_key(|row| place(row));
        Ok(found)
    }

    /// A call of a function.
    pub async fn function(&self, function: &Function) -> Result<Record, Error> {
        self.sender.exchange(&Request::function(function)).await?.into_result()?.record()
    }

    /// Several calls of functions in one trip. Each has a result of its own.
    pub async fn functions_every(
        &self,
        functions: &[Function],
    ) -> Result<Vec<Result<Record, Error>>, Error> {
        if let [only] = functions {
            return Ok(vec![self.function(only).await]);
        }
        let requests: Vec<_> = functions.iter().map(Request::function).collect();
        let answers = self.sender.batch(batch::of_reads(&requests), BatchKind::Reads).await?;
        Ok(answers.into_iter().map(|answer| answer.into_result()?.record()).collect())
    }

    /// Several calls of functions, and queries, in one trip. Each has a result of its own.
    pub async fn functions<const N: usize, const M: usize>(
        &self,
        functions: [Function; N],
        queries: [Query; M],
    ) -> Result<([Result<Record, Error>; N], [Result<Page, Error>; M]), Error> {
        let requests: Vec<_> = functions
            .iter()
            .map(Request::function)
            .chain(queries.iter().map(Request::read))
            .collect();
        let mut answers = self.sender.batch(batch::of_reads(&requests), BatchKind::Reads).await?;
        let received = answers.len();
        let unreadable =
            || Error::Unreadable(format!("{received} answers to a batch of {}", N + M));
        if received != N + M {
            return Err(unreadable());
        }
        let pages = answers.split_off(N).into_iter().zip(&queries);
        let pages: Vec<_> = pages.map(|(answer, query)| answer.page(query)).collect();
        let records: Vec<_> =
            answers.into_iter().map(|answer| answer.into_result()?.record()).collect();
        let records = records.try_into().map_err(|_| unreadable())?;
        Ok((records, pages.try_into().map_err(|_| unreadable())?))
    }

    /// Makes a row, exactly once.
    ///
    /// If it is sent again after a lost answer, it finds the row that the first try made.
    pub async fn create(&self, create: &Create) -> Result<Created, Error> {
        let mut tries = Tries::default();
        let answer = self.sender.exchange_noting(&Request::create(create), &mut tries).await;
        self.created(create, tries, answer.and_then(Answer::into_result)).await
    }

    /// Makes a row, exactly once, and does other writes with it: all or nothing, in one trip.
    ///
    /// `before` is made before the row, which may point at it. The other writes may name the new row by
    /// its key. If this is sent again after a lost answer, Dataverse refuses the whole because the row
    /// exists.
    pub async fn create_with(
        &self,
        before: Option<&Create>,
        create: &Create,
        others: impl IntoIterator<Item = Write>,
    ) -> Result<Created, Error> {
        let mut tries = Tries::default();
        let place = usize::from(before.is_some());
        let requests: Vec<_> = before
            .into_iter()
            .chain([create])
            .map(Request::create)
            .chain(others.into_iter().map(|operation| Request::write(&operation)))
            .collect();
        let mut waits = retry::waits();
        let first = loop {
            let encoded = batch::of_change_set(&requests);
            let answers =
                self.sender.batch_noting(encoded, BatchKind::KeyedChangeSet, &mut tries).await;
            let first = answers.and_then(|answers| {
                let results: Result<Vec<_>, _> =
                    answers.into_iter().map(Answer::into_result).collect();
                let row = results?.into_iter().nth(place);
                row.ok_or_else(|| Error::Unreadable("no answer to a change set".to_owned()))
            });
            // The batch was answered, but a part of it says that it may be sent again.
            let wait = match &first {
                Err(error @ Error::Api(api)) if api.is_transient() => {
                    tries.note(error);
                    waits.next()
                }
                _ => None,
            };
            if !self.sender.pause(wait).await {
                break first;
            }
        };
        self.created(create, tries, first).await
    }

    /// Works out what the answer to a create means, after these earlier tries.
    async fn created(
        &self,
        create: &Create,
        tries: Tries,
        answer: Result<Answer, Error>,
    ) -> Result<Created, Error> {
        match answer {
            Ok(answer) => match answer.record() {
                Ok(mut record) if record.id(create.table.key).is_some() => {
                    create.answer.note(std::slice::from_mut(&mut record));
                    Ok(Created::Now(record))
                }
                // The row was made, and can be read.
                Ok(_) | Err(_) => {
                    let unreadable = || Error::Unreadable("a new row without an id".to_owned());
                    let record = self.first(&create.answer).await?.ok_or_else(unreadable)?;
                    Ok(Created::Now(record))
                }
            },
            // The organization's rules may see the duplicate in the row that the first try made,
            // before anybody looks at its key.
            Err(error) if error.is(Code::KeyExists) || error.is(Code::Duplicate) => {
                let record = self.first(&create.answer).await?.ok_or(error)?;
                Ok(if tries.may_have_worked {
                    Created::Unclear(record)
                } else {
                    Created::Before(record)
                })
            }
            // The answer says nothing, but the row does.
            Err(error @ (Error::TooLarge { .. } | Error::Unreadable(_))) => {
                let record = self.first(&create.answer).await.ok().flatten().ok_or(error)?;
                Ok(Created::Unclear(record))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes a row, if it still has the version that was read.
    ///
    /// After a lost answer, this reads the row. If it has the new values, the change was made. If
    /// it has the old version, the change is sent once more, which is safe because it is
    /// conditional.
    pub async fn update(&self, update: &Update) -> Result<Outcome, Error> {
        let error = match self.send_update(update).await {
            Err(error) if error.write_outcome() == WriteOutcome::Unknown => error,
            result => return result,
        };
        match self.first(&update.query()).await {
            Ok(Some(row)) if update.holds_in(&row) => Ok(row),
            Ok(Some(row)) if row.etag() == Some(&update.etag) => {
                match self.send_update(update).await {
                    // The first change arrived after all.
                    Err(late) if late.is(Code::VersionMismatch) => {
                        match self.first(&update.query()).await {
                            Ok(Some(row)) if update.holds_in(&row) => Ok(row),
                            _ => Err(late),
                        }
                    }
                    result => result,
                }
            }
            // Somebody else changed the row, or it cannot be read either.
            _ => Err(error),
        }
    }

    async fn send_update(&self, update: &Update) -> Result<Outcome, Error> {
        self.sender.exchange(&Request::update(update)).await?.into_result()?.outcome()
    }

    /// The rows of a table that the organization's duplicate detection rules find to be the same as
    /// a new row, at most three of each table. Lookups of the new row do not count.
    ///
    /// Source: Microsoft's reference of the function `RetrieveDuplicates`.
    pub async fn duplicates(
        &self,
        create: &Create,
        tables: &[Table],
    ) -> Result<Vec<Result<Page, Error>>, Error> {
        let requests: Vec<_> =
            tables.iter().map(|table| Request::duplicates(create, *table)).collect();
        let answers = self.sender.batch(batch::of_reads(&requests), BatchKind::Reads).await?;
        let queries = tables.iter().map(|table| Query::rows(*table));
        Ok(answers.into_iter().zip(queries).map(|(answer, query)| answer.page(&query)).collect())
    }

    /// Calls an action. An action without a result gives an empty record.
    pub async fn invoke(&self, action: &Action) -> Result<Record, Error> {
        self.sender.exchange(&Request::action(action)).await?.into_result()?.outcome()
    }

    /// Makes several changes, all of them or none. The error is that of the first that failed.
    pub async fn change(&self, changes: &ChangeSet) -> Result<Vec<Outcome>, Error> {
        let requests: Vec<_> = changes.operations.iter().map(Request::write).collect();
        // The creates could be repeated safely. But a change set that happened answers the second
        // time with an error for the whole. The caller finds out by reading.
        let answers =
            self.sender.batch(batch::of_change_set(&requests), BatchKind::ChangeSet).await?;
        answers.into_iter().map(|answer| answer.into_result()?.outcome()).collect()
    }
}
