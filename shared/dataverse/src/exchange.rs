//! A request below the service root, and its answer.

use std::str;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::error::{ApiError, Error, WriteOutcome};
use crate::retry::Repeat;
use crate::{Action, Create, Function, Page, Query, Record, Table, Update, Write};

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const SUPPRESS_DUPLICATE_DETECTION: HeaderName =
    HeaderName::from_static("mscrm.suppressduplicatedetection");

/// The annotations to answer with: labels of choices, names behind lookups, and the tables that
/// lookups point at.
macro_rules! annotations {
    () => {
        "odata.include-annotations=\"OData.Community.Display.V1.FormattedValue,\
         Microsoft.Dynamics.CRM.lookuplogicalname\""
    };
}

// Constants, because a header that is made at run time has each of its characters checked.
pub(crate) const ANNOTATIONS: HeaderValue = HeaderValue::from_static(annotations!());
/// With one row on a page, since only their number is wanted.
pub(crate) const COUNT: HeaderValue = HeaderValue::from_static(
    "odata.maxpagesize=1,odata.include-annotations=\"Microsoft.Dynamics.CRM.totalrecordcount,\
     Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\"",
);
pub(crate) const REPRESENTATION: HeaderValue =
    HeaderValue::from_static(concat!("return=representation,", annotations!()));
pub(crate) const CONTINUE: HeaderValue = HeaderValue::from_static("odata.continue-on-error");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const ODATA_VERSION: HeaderValue = HeaderValue::from_static("4.0");

/// A request below the service root.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    /// Whether it may change something.
    pub(crate) is_write: bool,
}

/// An answer that was received whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Empty for a part of a batch that succeeded.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn into_result(self) -> Result<Answer, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// This answer, as an error.
    pub(crate) fn refusal(&self) -> Error {
        Error::Api(ApiError::from_answer(self.status, &self.headers, &self.body))
    }

    pub(crate) fn text(&self) -> Result<&str, Error> {
        // Checking the whole at once is faster than checking each text in it.
        str::from_utf8(&self.body).map_err(|error| Error::Unreadable(error.to_string()))
    }

    /// Reads what a write answers: nothing, or a row.
    pub(crate) fn outcome(&self) -> Result<Record, Error> {
        if self.body.is_empty() { Ok(Record::default()) } else { self.record() }
    }

    pub(crate) fn record(&self) -> Result<Record, Error> {
        Record::read(self.text()?).map_err(|error| Error::Unreadable(error.to_string()))
    }

    /// Reads what a query answers. A row that does not exist reads as no rows. Anything but rows
    /// (nothing, no list, a row without its id) is an error, and never "nothing found".
    pub(crate) fn page(self, query: &Query) -> Result<Page, Error> {
        let answer = match self.into_result() {
            Err(error) if error.is_not_found() && query.is_of_row() => return Ok(Page::default()),
            result => result?,
        };
        Page::read(answer.text()?, query).map_err(|error| Error::Unreadable(error.to_string()))
    }
}

impl Answer {
    /// Whether the answer says nothing about the token that was sent.
    pub(crate) fn is_of_no_token(&self) -> bool {
        self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS
    }

    pub(crate) fn is_transient(&self) -> bool {
        !self.status.is_success()
            && ApiError::from_answer(self.status, &self.headers, &self.body).is_transient()
    }
}

impl Request {
    pub(crate) fn read(query: &Query) -> Request {
        Request {
            method: Method::GET,
            path: query.path(),
            headers: vec![(PREFER, if query.only_counts() { COUNT } else { ANNOTATIONS })],
            body: None,
            repeat: Repeat::Safe,
            is_write: false,
        }
    }

    pub(crate) fn function(function: &Function) -> Request {
        Request {
            method: Method::GET,
            path: function.path.clone(),
            headers: Vec::new(),
            body: None,
            repeat: Repeat::Safe,
            is_write: false,
        }
    }

    pub(crate) fn duplicates(create: &Create, matching: Table) -> Request {
        let mut row = create.columns.clone();
        // With its key, the new row would find itself. Bound and related rows are not columns.
        row.shift_remove(create.table.key);
        row.retain(|name, value| !name.contains('@') && !value.is_array());
        let type_name = format!("Microsoft.Dynamics.CRM.{}", create.table.logical_name);
        row.insert("@odata.type".to_owned(), type_name.into());
        let row = encoded(&Value::Object(row).to_string());
        let table = encoded(&format!("'{}'", matching.logical_name));
        let paging = encoded(r#"{"PageNumber":1,"Count":3}"#);
        Request {
            method: Method::GET,
            path: format!(
                "RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3)\
                 ?@p1={row}&@p2={table}&@p3={paging}"
            ),
            headers: vec![(PREFER, ANNOTATIONS)],
            body: None,
            repeat: Repeat::Safe,
            is_write: false,
        }
    }

    pub(crate) fn create(create: &Create) -> Request {
        let suppress = if create.allow_duplicate { "true" } else { "false" };
        Request {
            method: Method::POST,
            path: create.answer.path_of_create(),
            headers: vec![
                json(),
                (PREFER, REPRESENTATION),
                (SUPPRESS_DUPLICATE_DETECTION, HeaderValue::from_static(suppress)),
            ],
            body: Some(text_of(&create.columns)),
            repeat: Repeat::Safe,
            is_write: true,
        }
    }

    pub(crate) fn update(update: &Update) -> Request {
        // An ETag that cannot be a header value becomes one that matches no row.
        let etag =
            HeaderValue::from_str(&update.etag).unwrap_or(HeaderValue::from_static("W/\"\""));
        let mut path = format!("{}({})", update.table.entity_set, update.id);
        let mut headers = vec![json(), (IF_MATCH, etag)];
        if !update.answer.is_empty() {
            let names: Vec<_> = update.answer.iter().map(crate::Name::as_str).collect();
            path.push_str("?$select=");
            path.push_str(&names.join(","));
            headers.push((PREFER, REPRESENTATION));
        }
        Request {
            method: Method::PATCH,
            path,
            headers,
            body: Some(text_of(&update.columns)),
            repeat: Repeat::Unsafe,
            is_write: true,
        }
    }

    pub(crate) fn action(action: &Action) -> Request {
        Request {
            method: Method::POST,
            path: action.path.clone(),
            headers: vec![json()],
            body: Some(text_of(&action.parameters)),
            repeat: Repeat::Unsafe,
            is_write: true,
        }
    }

    pub(crate) fn write(operation: &Write) -> Request {
        match operation {
            Write::Create(create) => Request::create(create),
            Write::Update(update) => Request::update(update),
            Write::Action(action) => Request::action(action),
        }
    }

    pub(crate) fn may_repeat_after(&self, error: &Error) -> bool {
        self.repeat == Repeat::Safe || error.write_outcome() == WriteOutcome::NotHappened
    }

    pub(crate) fn outcome_if_unanswered(&self) -> WriteOutcome {
        if self.is_write { WriteOutcome::Unknown } else { WriteOutcome::NotHappened }
    }
}

/// The body of a request with these columns.
fn text_of(columns: &Map<String, Value>) -> Bytes {
    // A map of JSON values can always be written.
    serde_json::to_vec(columns).unwrap_or_default().into()
}

/// A parameter's value in a URL.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn json() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, JSON)
}
