//! Sending requests: connection reuse, tokens, retries, deadlines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, WriteOutcome, codes};
use crate::exchange::{Answer, CONTINUE, JSON, ODATA_VERSION, PREFER, Request};
use crate::http_clients::{ReadError, read_up_to};
use crate::retry::{self, Repeat};
use crate::{
    Action, ChangeSet, Create, Created, Function, HttpClients, InstanceUrl, Operation, Outcome,
    Page, Query, Record, Table, TokenSource, Update, batch,
};

/// A request that has not been answered by now is given up, and sent again where that is safe.
const PATIENCE: Duration = Duration::from_secs(12);

/// An answer ends here, after decompression. A list of mails may be many times as large, and what is
/// made of an answer takes a few times its size.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

const MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");
const VERSION: HeaderName = HeaderName::from_static("odata-version");
/// The way to one Dataverse environment. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Client {
    http: HttpClients,
    instance: Arc<InstanceUrl>,
    tokens: Arc<dyn TokenSource>,
    manners: Arc<Manners>,
}

/// What has been learnt of an environment, for as long as its client is kept.
#[derive(Debug, Default)]
struct Manners {
    refuses_paths_in_lambdas: AtomicBool,
}

impl Client {
    /// A client of the environment at `instance`, which authenticates with `tokens`.
    pub fn new(
        http: impl Into<HttpClients>,
        instance: InstanceUrl,
        tokens: Arc<dyn TokenSource>,
    ) -> Client {
        Client { http: http.into(), instance: Arc::new(instance), tokens, manners: Arc::default() }
    }

    fn http(&self) -> reqwest::Client {
        self.http.of(self.instance.as_str())
    }

    /// The environment's address.
    pub fn instance(&self) -> &InstanceUrl {
        &self.instance
    }

    /// Opens the way to the environment (name, TCP, TLS), for the first request to find it open.
    /// Needs no token, and says nothing of whether there is one. What fails here, fails again where
    /// it matters.
    pub async fn connect(&self) {
        let _ = self.http().head(self.instance.service_root()).send().await;
    }

    /// Requests that belong together and end at one deadline.
    pub fn session(&self, deadline: Instant) -> Session {
        Session { client: self.clone(), deadline, patience: None, counts: Arc::default() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// Requests that belong together: they share a deadline, and are counted.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    deadline: Instant,
    /// How long to wait in all where Dataverse limits the calls; until the deadline if nobody says.
    patience: Option<Duration>,
    counts: Arc<Counts>,
}

/// What the requests of a session came to.
#[derive(Debug, Default)]
struct Counts {
    trips: AtomicU32,
    throttled: AtomicU32,
    /// In milliseconds.
    waited_out: AtomicU64,
    has_sent_write: AtomicBool,
}

/// What a batch consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Reads, each for itself.
    Reads,
    /// Writes that happen together.
    ChangeSet,
    /// Writes that happen together, the first of which makes a row under a key of our own: the
    /// second time, all of them are refused.
    KeyedChangeSet,
}

impl Session {
    /// The environment's address.
    pub fn instance(&self) -> &InstanceUrl {
        self.client.instance()
    }

    /// How many requests went to Dataverse so far.
    pub fn trips(&self) -> u32 {
        self.counts.trips.load(Ordering::Relaxed)
    }

    /// How many of them were refused because of the service protection limits.
    pub fn throttled(&self) -> u32 {
        self.counts.throttled.load(Ordering::Relaxed)
    }

    /// The same, which waits so long in all, and no longer, where Dataverse limits the calls or asks
    /// for time: for callers who would rather hear of it than wait.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Session {
        self.patience = Some(patience);
        self
    }

    /// Whether the environment is known to refuse queries with a
    /// [path in a lambda](Query::has_path_in_lambda).
    pub fn refuses_paths_in_lambdas(&self) -> bool {
        self.client.manners.refuses_paths_in_lambdas.load(Ordering::Relaxed)
    }

    /// Remembers that it does, for as long as the client is kept.
    pub fn note_refused_path_in_lambda(&self) {
        self.client.manners.refuses_paths_in_lambdas.store(true, Ordering::Relaxed);
    }

    /// Whether anything was sent that may have changed something.
    pub fn has_sent_write(&self) -> bool {
        self.counts.has_sent_write.load(Ordering::Relaxed)
    }

    /// When everything must have been answered.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The rows that a query finds. A row that does not exist is no row.
    ///
    /// Where the answer would be too large, it is asked for once more without the columns that may
    /// be long; the rows tell which: [`Record::is_left_out`].
    pub async fn list(&self, query: &Query) -> Result<Page, Error> {
        let error = match self.exchange(&Request::read(query)).await {
            Err(error @ Error::TooLarge { .. }) => error,
            answer => return answer?.page(query),
        };
        let shorter = query.without_long().ok_or(error)?;
        self.exchange(&Request::read(&shorter)).await?.page(&shorter)
    }

    /// The first row that a query finds.
    pub async fn first(&self, query: &Query) -> Result<Option<Record>, Error> {
        Ok(self.list(query).await?.records.into_iter().next())
    }

    /// Several queries in one trip. Each has a result of its own.
    pub async fn list_every(&self, queries: &[Query]) -> Result<Vec<Result<Page, Error>>, Error> {
        if let [only] = queries {
            return Ok(vec![self.list(only).await]);
        }
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
        let requests: Vec<_> = queries.iter().map(Request::read).collect();
        let answers = self.batch(batch::of_reads(&requests), Kind::Reads).await?;
        if answers.len() != queries.len() {
            let (received, sent) = (answers.len(), queries.len());
            return Err(Error::Unreadable(format!("{received} answers to a batch of {sent}")));
        }
        Ok(answers.into_iter().zip(queries).map(|(answer, query)| answer.page(query)).collect())
    }

    /// A call of a function.
    pub async fn function(&self, function: &Function) -> Result<Record, Error> {
        self.exchange(&Request::function(function)).await?.into_result()?.record()
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
        let answers = self.batch(batch::of_reads(&requests), Kind::Reads).await?;
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
        let mut answers = self.batch(batch::of_reads(&requests), Kind::Reads).await?;
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
    /// Sent again after a lost answer, it finds the row that the first try made.
    pub async fn create(&self, create: &Create) -> Result<Created, Error> {
        let mut tries = Tries::default();
        let answer = self.exchange_noting(&Request::create(create), &mut tries).await;
        self.created(create, tries, answer.and_then(Answer::into_result)).await
    }

    /// Makes a row, exactly once, and does what goes with it: all of it or nothing, in one trip.
    ///
    /// What goes with it may name the new row by its key. Sent again after a lost answer, the whole
    /// is refused because the row is there, and with it everything else.
    pub async fn create_with(
        &self,
        create: &Create,
        others: impl IntoIterator<Item = Operation>,
    ) -> Result<Created, Error> {
        let mut tries = Tries::default();
        let requests: Vec<_> = std::iter::once(Request::create(create))
            .chain(others.into_iter().map(|operation| Request::write(&operation)))
            .collect();
        let mut waits = retry::waits();
        let first = loop {
            let encoded = batch::of_change_set(&requests);
            let answers = self.batch_noting(encoded, Kind::KeyedChangeSet, &mut tries).await;
            let first = answers.and_then(|answers| {
                let results: Result<Vec<_>, _> =
                    answers.into_iter().map(Answer::into_result).collect();
                let first = results?.into_iter().next();
                first.ok_or_else(|| Error::Unreadable("no answer to a change set".to_owned()))
            });
            // The batch was answered, and says of a part of it that it may be sent again.
            let wait = match &first {
                Err(error @ Error::Api(api)) if api.is_transient() => {
                    tries.note(error);
                    waits.next()
                }
                _ => None,
            };
            if !self.pause(wait).await {
                break first;
            }
        };
        self.created(create, tries, first).await
    }

    /// What the answer to a create means, after these earlier tries.
    async fn created(
        &self,
        create: &Create,
        tries: Tries,
        answer: Result<Answer, Error>,
    ) -> Result<Created, Error> {
        match answer {
            Ok(answer) => match answer.record() {
                Ok(mut record) if record.id(create.table.key).is_some() => {
                    create.answer.mark(std::slice::from_mut(&mut record));
                    Ok(Created::Now(record))
                }
                // It was made, and what it has become is there to be read.
                Ok(_) | Err(_) => {
                    let unreadable = || Error::Unreadable("a new row without an id".to_owned());
                    let record = self.first(&create.answer).await?.ok_or_else(unreadable)?;
                    Ok(Created::Now(record))
                }
            },
            // The organization's rules may see the duplicate in the row that the first try made,
            // before anybody looks at its key.
            Err(error) if error.is(codes::KEY_EXISTS) || error.is(codes::DUPLICATE) => {
                let record = self.first(&create.answer).await?.ok_or(error)?;
                Ok(if tries.may_have_worked {
                    Created::Unclear(record)
                } else {
                    Created::Before(record)
                })
            }
            // It was answered, in a way that says nothing: the row does.
            Err(error @ (Error::TooLarge { .. } | Error::Unreadable(_))) => {
                let record = self.first(&create.answer).await.ok().flatten().ok_or(error)?;
                Ok(Created::Unclear(record))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes a row, if it still has the version that was read.
    ///
    /// After a lost answer the row is read: if it has the new values the change was made, and if
    /// it has the old version the change is sent once more, which the condition makes safe.
    pub async fn update(&self, update: &Update) -> Result<(), Error> {
        let error = match self.send_update(update).await {
            Err(error) if error.write_outcome() == WriteOutcome::Unknown => error,
            result => return result,
        };
        match self.first(&update.query()).await {
            Ok(Some(row)) if update.holds_in(&row) => Ok(()),
            Ok(Some(row)) if row.etag() == Some(&update.etag) => {
                match self.send_update(update).await {
                    // The first one arrived after all.
                    Err(late) if late.is(codes::VERSION_MISMATCH) => {
                        match self.first(&update.query()).await {
                            Ok(Some(row)) if update.holds_in(&row) => Ok(()),
                            _ => Err(late),
                        }
                    }
                    result => result,
                }
            }
            // Somebody else's change came in between, or the row cannot be read either.
            _ => Err(error),
        }
    }

    async fn send_update(&self, update: &Update) -> Result<(), Error> {
        self.exchange(&Request::update(update)).await?.into_result().map(drop)
    }

    /// The rows of a table that the organization's duplicate detection rules find to be the same as
    /// a new row, at most three of each table.
    ///
    /// Source: Microsoft's reference of the function `RetrieveDuplicates`. Lookups of the new row
    /// are not looked at.
    pub async fn duplicates(
        &self,
        create: &Create,
        tables: &[Table],
    ) -> Result<Vec<Result<Page, Error>>, Error> {
        let requests: Vec<_> =
            tables.iter().map(|table| Request::duplicates(create, *table)).collect();
        let answers = self.batch(batch::of_reads(&requests), Kind::Reads).await?;
        let queries = tables.iter().map(|table| Query::rows(*table));
        Ok(answers.into_iter().zip(queries).map(|(answer, query)| answer.page(&query)).collect())
    }

    /// Calls an action. An action without a result gives an empty record.
    pub async fn invoke(&self, action: &Action) -> Result<Record, Error> {
        self.exchange(&Request::action(action)).await?.into_result()?.outcome()
    }

    /// Makes several changes, all of them or none. The error is that of the first that failed.
    pub async fn change(&self, changes: &ChangeSet) -> Result<Vec<Outcome>, Error> {
        let requests: Vec<_> = changes.operations.iter().map(Request::write).collect();
        // Repeating creates would be safe, but a change set that happened answers the second time
        // with an error of the whole: the caller settles that by reading.
        let answers = self.batch(batch::of_change_set(&requests), Kind::ChangeSet).await?;
        answers.into_iter().map(|answer| answer.into_result()?.outcome()).collect()
    }

    async fn batch(&self, encoded: batch::Encoded, kind: Kind) -> Result<Vec<Answer>, Error> {
        self.batch_noting(encoded, kind, &mut Tries::default()).await
    }

    async fn batch_noting(
        &self,
        encoded: batch::Encoded,
        kind: Kind,
        tries: &mut Tries,
    ) -> Result<Vec<Answer>, Error> {
        let content_type = HeaderValue::from_str(&encoded.content_type)
            .map_err(|error| Error::Unreadable(error.to_string()))?;
        let mut headers = vec![(CONTENT_TYPE, content_type)];
        if kind == Kind::Reads {
            // One that fails does not keep the others from being answered.
            headers.push((PREFER, CONTINUE));
        }
        let request = Request {
            method: Method::POST,
            path: "$batch".into(),
            headers,
            body: Some(encoded.body),
            repeat: if kind == Kind::ChangeSet { Repeat::Unsafe } else { Repeat::Safe },
            is_write: kind != Kind::Reads,
        };
        let answer = self.exchange_noting(&request, tries).await?;
        let content_type =
            answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        // A change set that failed answers 400 around the part that says why.
        if content_type.starts_with("multipart/mixed") {
            batch::answers(content_type, &answer.body)
                .map_err(|error| Error::Unreadable(error.to_string()))
        } else {
            Err(match answer.into_result() {
                Err(error) => error,
                Ok(_) => Error::Unreadable("the batch's answer is not multipart".to_owned()),
            })
        }
    }

    /// Sends until there is an answer to act on.
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        self.exchange_noting(request, &mut Tries::default()).await
    }

    /// The same, and notes what may have become of the tries before the last.
    async fn exchange_noting(&self, request: &Request, tries: &mut Tries) -> Result<Answer, Error> {
        let mut waits = retry::waits();
        let mut may_renew_token = true;
        loop {
            let result = self.attempt(request).await;
            let wait = match &result {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED && may_renew_token => {
                    may_renew_token = false;
                    Some(Duration::ZERO)
                }
                Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    self.counts.throttled.fetch_add(1, Ordering::Relaxed);
                    let asked = retry::retry_after(&answer.headers, jiff::Timestamp::now());
                    // Not at once, even if it says so.
                    let wait = asked.map(|wait| wait.max(Duration::from_millis(100)));
                    wait.or_else(|| waits.next()).filter(|wait| self.is_patient(*wait))
                }
                Ok(answer) if answer.is_transient() && request.repeat == Repeat::Safe => {
                    tries.note(&answer.refusal());
                    let asked = retry::retry_after(&answer.headers, jiff::Timestamp::now());
                    let wait = waits.next().map(|wait| asked.unwrap_or(wait));
                    wait.filter(|wait| self.is_patient(*wait))
                }
                Err(error) if error.is_retryable() && request.may_repeat_after(error) => {
                    tries.note(error);
                    waits.next()
                }
                _ => None,
            };
            if !self.pause(wait).await {
                return result;
            }
        }
    }

    /// Whether there is patience left for this wait, which is then taken off it.
    fn is_patient(&self, wait: Duration) -> bool {
        let Some(patience) = self.patience else { return true };
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let waited = self.counts.waited_out.load(Ordering::Relaxed);
        let waited = waited.saturating_add(milliseconds(wait));
        let is_patient = waited <= milliseconds(patience);
        if is_patient {
            self.counts.waited_out.store(waited, Ordering::Relaxed);
        }
        is_patient
    }

    /// Waits before another try, if there is to be one and the deadline leaves time for it.
    async fn pause(&self, wait: Option<Duration>) -> bool {
        match wait {
            Some(wait) if Instant::now() + wait < self.deadline => {
                tokio::time::sleep(wait).await;
                true
            }
            _ => false,
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Error> {
        let token = self.client.tokens.token(self.deadline).await.map_err(Error::Token)?;
        let url = format!("{}{}", self.client.instance.service_root(), request.path);
        let mut builder = self
            .client
            .http()
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, token.header())
            .header(ACCEPT, JSON)
            .header(MAX_VERSION, ODATA_VERSION)
            .header(VERSION, ODATA_VERSION);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }

        self.counts.trips.fetch_add(1, Ordering::Relaxed);
        self.counts.has_sent_write.fetch_or(request.is_write, Ordering::Relaxed);
        let started = Instant::now();
        let until = self.deadline.min(started + PATIENCE);
        let answer = match timeout_at(until, receive(request, builder, &self.client.http)).await {
            Ok(result) => result?,
            Err(_) => return Err(Error::Deadline { write: request.outcome_if_unanswered() }),
        };
        if answer.status == StatusCode::UNAUTHORIZED {
            self.client.tokens.rejected(&token);
        } else if !answer.is_of_no_token() {
            self.client.tokens.accepted(&token);
        }
        tracing::debug!(
            method = %request.method,
            // Without the query: it may hold what a visitor said.
            path = request.path.split('?').next(),
            status = answer.status.as_u16(),
            milliseconds = started.elapsed().as_millis(),
            "Dataverse answered"
        );
        Ok(answer)
    }
}

async fn receive(
    request: &Request,
    builder: reqwest::RequestBuilder,
    http: &HttpClients,
) -> Result<Answer, Error> {
    let no_answer = |error: reqwest::Error| {
        if http.made_room_after(&error) {
            return Error::NoDescriptor;
        }
        Error::NoAnswer {
            write: if error.is_connect() {
                WriteOutcome::NotHappened
            } else {
                request.outcome_if_unanswered()
            },
            // The URL may hold what a visitor said.
            source: Arc::new(error.without_url()),
        }
    };
    let response = builder.send().await.map_err(no_answer)?;
    let status = response.status();
    let headers = response.headers().clone();
    let body = read_up_to(response, LARGEST_ANSWER).await.map_err(|error| match error {
        ReadError::TooLong(_) => Error::TooLarge { write: request.outcome_if_unanswered() },
        ReadError::Http(error) => no_answer(error),
    })?;
    Ok(Answer { status, headers, body })
}

/// What is known of the tries of a request before the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    /// Whether one of them may have been carried out, though its answer did not say so. A refusal
    /// (429, 401) is an answer: nothing was done.
    may_have_worked: bool,
}

impl Tries {
    fn note(&mut self, error: &Error) {
        self.may_have_worked |= error.write_outcome() == WriteOutcome::Unknown;
    }
}
