//! Sending requests: connection reuse, tokens, retries, deadlines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, WriteOutcome};
use crate::exchange::{Answer, CONTINUE, JSON, ODATA_VERSION, PREFER, Request};
use crate::http_clients::{ReadError, read_up_to};
use crate::retry::{self, Repeat};
use crate::{HttpClients, InstanceUrl, TokenSource, batch};

/// How long a request may take. After that it is given up, and sent again if that is safe.
const PATIENCE: Duration = Duration::from_secs(12);

/// The most bytes of an answer, after decompression. A list of emails may be many times larger, and
/// the rows made from an answer take a few times its size.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

const MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");
const VERSION: HeaderName = HeaderName::from_static("odata-version");

/// Where requests go, and whose tokens they carry.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) http: HttpClients,
    pub(crate) instance: Arc<InstanceUrl>,
    pub(crate) tokens: Arc<dyn TokenSource>,
}

impl Way {
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.of(self.instance.as_str())
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Way").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// Sends the requests of one session.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    way: Way,
    pub(crate) deadline: Instant,
    /// How long to wait in all where Dataverse throttles; `None` means until the deadline.
    pub(crate) patience: Option<Duration>,
    pub(crate) counts: Arc<Counts>,
}

/// Counts of the requests of a session.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) trips: AtomicU32,
    pub(crate) throttled: AtomicU32,
    /// In milliseconds.
    waited_out: AtomicU64,
    pub(crate) has_sent_write: AtomicBool,
}

/// What a batch consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchKind {
    /// Reads that do not depend on each other.
    Reads,
    /// Writes that happen together.
    ChangeSet,
    /// Writes that happen together, of which the first makes a row under a key of our own. If they
    /// are sent twice, the second time is refused.
    KeyedChangeSet,
}

impl Sender {
    /// Sends requests this way until the deadline.
    pub(crate) fn new(way: Way, deadline: Instant) -> Sender {
        Sender { way, deadline, patience: None, counts: Arc::default() }
    }

    pub(crate) fn instance(&self) -> &InstanceUrl {
        &self.way.instance
    }

    pub(crate) async fn batch(
        &self,
        encoded: batch::Encoded,
        kind: BatchKind,
    ) -> Result<Vec<Answer>, Error> {
        self.batch_noting(encoded, kind, &mut Tries::default()).await
    }

    pub(crate) async fn batch_noting(
        &self,
        encoded: batch::Encoded,
        kind: BatchKind,
        tries: &mut Tries,
    ) -> Result<Vec<Answer>, Error> {
        let content_type = HeaderValue::from_str(&encoded.content_type)
            .map_err(|error| Error::Unreadable(error.to_string()))?;
        let mut headers = vec![(CONTENT_TYPE, content_type)];
        if kind == BatchKind::Reads {
            // If a request fails, the others are still answered.
            headers.push((PREFER, CONTINUE));
        }
        let request = Request {
            method: Method::POST,
            path: "$batch".into(),
            headers,
            body: Some(encoded.body),
            repeat: if kind == BatchKind::ChangeSet { Repeat::Unsafe } else { Repeat::Safe },
            is_write: kind != BatchKind::Reads,
        };
        let answer = self.exchange_noting(&request, tries).await?;
        let content_type =
            answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        // The answer to a failed change set is 400, with a part that says why.
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

    /// Sends a request, and again where that is safe, until there is an answer to act on.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        self.exchange_noting(request, &mut Tries::default()).await
    }

    /// The same, and notes what the tries before the last may have done.
    pub(crate) async fn exchange_noting(
        &self,
        request: &Request,
        tries: &mut Tries,
    ) -> Result<Answer, Error> {
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
                    // Not at once, even if the answer allows it.
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

    /// Whether there is patience left for this wait. If so, the patience becomes shorter by it.
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

    /// Waits before another try. Returns false if there is to be none, or no time for it.
    pub(crate) async fn pause(&self, wait: Option<Duration>) -> bool {
        match wait {
            Some(wait) if Instant::now() + wait < self.deadline => {
                tokio::time::sleep(wait).await;
                true
            }
            _ => false,
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Error> {
        let token = self.way.tokens.token(self.deadline).await.map_err(Error::Token)?;
        let url = format!("{}{}", self.way.instance.service_root(), request.path);
        let mut builder = self
            .way
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
        let answer = match timeout_at(until, receive(request, builder, &self.way.http)).await {
            Ok(result) => result?,
            Err(_) => return Err(Error::Deadline { write: request.outcome_if_unanswered() }),
        };
        if answer.status == StatusCode::UNAUTHORIZED {
            self.way.tokens.rejected(&token);
        } else if !answer.is_of_no_token() {
            self.way.tokens.accepted(&token);
        }
        tracing::debug!(
            method = %request.method,
            // Without the query, which may hold what a visitor said.
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

/// What is known about the tries of a request before the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries {
    /// Whether one of them may have been carried out without an answer that says so. A refusal
    /// (429, 401) is such an answer: nothing was done.
    pub(crate) may_have_worked: bool,
}

impl Tries {
    pub(crate) fn note(&mut self, error: &Error) {
        self.may_have_worked |= error.write_outcome() == WriteOutcome::Unknown;
    }
}
