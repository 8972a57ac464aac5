//! The log of the requests, for tests and for people who want to see what a tool asked.

use std::collections::VecDeque;

use http::{Method, StatusCode};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use std::time::Instant;

/// The most requests that are kept. The oldest are forgotten first.
const CAPACITY: usize = 20_000;

/// One request, as `GET /_emulator/requests` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedRequest {
    /// The service that was asked: `dataverse`, `entra`, `graph`, or `unknown`.
    pub service: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The whole path, still percent-encoded.
    pub path: String,
    /// The query string, still percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The status of the answer. It is null while the request is in progress, and if the connection
    /// was dropped.
    pub status: Option<u16>,
    /// When the request arrived.
    pub started_at: Timestamp,
    /// How long the request took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// The number of the connection. Equal numbers mean that a connection was reused.
    pub connection: u64,
    /// The requests of a `$batch`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<LoggedPart>,
}

/// One request of a `$batch`.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedPart {
    /// The HTTP method.
    pub method: String,
    /// The path below the API's root, with a leading slash.
    pub path: String,
    /// The query string, still percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The status of the answer. It is null if the part was not carried out.
    pub status: Option<u16>,
}

/// The number of a request in the log until it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    number: u64,
    started: Instant,
}

#[derive(Debug, Default)]
struct Requests {
    /// The number of the first request in the list.
    first: u64,
    list: VecDeque<LoggedRequest>,
}

/// The list of requests.
#[derive(Debug, Default)]
pub struct Log {
    requests: Mutex<Requests>,
}

impl Log {
    /// Notes a request that has arrived.
    pub fn start(
        &self,
        service: &'static str,
        method: &Method,
        path: &str,
        query: Option<&str>,
        connection: u64,
    ) -> Ticket {
        let mut requests = self.requests.lock();
        if requests.list.len() == CAPACITY {
            requests.list.pop_front();
            requests.first += 1;
        }
        let number = requests.first + requests.list.len() as u64;
        requests.list.push_back(LoggedRequest {
            service,
            method: method.to_string(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            status: None,
            started_at: Timestamp::now(),
            duration_ms: None,
            connection,
            parts: Vec::new(),
        });
        Ticket { number, started: Instant::now() }
    }

    /// Notes the answer, or that there was no answer.
    pub fn finish(&self, ticket: Ticket, status: Option<StatusCode>, parts: Vec<LoggedPart>) {
        let duration = ticket.started.elapsed();
        let mut requests = self.requests.lock();
        let Some(index) = ticket.number.checked_sub(requests.first) else { return };
        if let Some(request) = requests.list.get_mut(index as usize) {
            request.status = status.map(|status| status.as_u16());
            request.duration_ms = Some((duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0);
            request.parts = parts;
        }
    }

    /// All requests, the oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.requests.lock().list.iter().cloned().collect()
    }

    /// Forgets all requests. Requests in progress are no longer noted.
    pub fn clear(&self) {
        let mut requests = self.requests.lock();
        requests.first += requests.list.len() as u64;
        requests.list.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_finished_after_a_clear_touches_nothing() {
        let log = Log::default();
        let early = log.start("dataverse", &Method::GET, "/early", None, 1);
        log.clear();
        let late = log.start("dataverse", &Method::GET, "/late", None, 1);
        log.finish(early, Some(StatusCode::OK), Vec::new());
        assert_eq!(log.requests()[0].status, None);
        log.finish(late, Some(StatusCode::NOT_FOUND), Vec::new());
        assert_eq!(log.requests()[0].status, Some(404));
        assert_eq!(log.requests().len(), 1);
    }
}
