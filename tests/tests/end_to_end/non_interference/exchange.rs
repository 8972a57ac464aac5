//! A call to one of the organizations, and its answer without what may differ.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use stack::VISITOR_KEY;
use toolkit::CONFIRM_TOOL;

use super::maker::{Maker, Table};
use super::own::{COLLEAGUES_EMAIL, EMAIL, Own};
use crate::harness::Bench;

/// For whom a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Visitor A, by the address.
    Address,
    /// Visitor A, by the address in other letters.
    InCapitals,
    /// Visitor A, by the id of the contact.
    Id,
    /// Nobody known.
    Nobody,
    /// Another visitor, whose calls are not compared.
    Colleague,
}

/// A call. It is the same for both organizations.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The whole name of the tool.
    pub(super) tool: &'static str,
    pub(super) writes: bool,
    /// Whether the tool may go on after its answer.
    pub(super) goes_on: bool,
    pub(super) arguments: Value,
    pub(super) who: Who,
    pub(super) chat: String,
    pub(super) key: Option<String>,
    pub(super) by_mcp: bool,
    /// Which message of the visitor it answers.
    pub(super) message: usize,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// As it was sent, with placeholders.
    pub(super) body: String,
    /// The requests to Dataverse.
    pub(super) trips: usize,
}

impl Reply {
    /// Whether the call waits until somebody says yes.
    pub(super) fn waits(&self) -> bool {
        self.body.contains("confirmation_required") && self.body.contains(CONFIRMATION)
    }

    /// Whether the tool did what it was asked for.
    pub(super) fn is_success(&self) -> bool {
        self.status == 200
            && (self.body.starts_with(r#"{"result":"#) || self.body.contains(r#""isError":false"#))
    }
}

/// One of the organizations.
pub(super) struct Side {
    pub(super) bench: Bench,
    /// Rows of the sample that are nobody's, and those that are others'.
    pub(super) public: Vec<Value>,
    pub(super) sample: Vec<Value>,
    http: reqwest::Client,
    contact: String,
    /// The numbers that were there before the calls.
    known: HashSet<String>,
    /// The numbers that calls have made, in their order.
    made: Vec<String>,
    /// For each chat, the call that waited last: its id, and the value of the button.
    waiting: HashMap<String, [String; 2]>,
}

/// Not a tool: the platform's button, by which a call that waits is carried out.
pub(super) const BUTTON: &str = "button";

/// In an argument: the id of what waits in this chat.
pub(super) const CONFIRMATION: &str = "[confirmation]";

/// In an argument: the number that was made last.
pub(super) const LAST_NUMBER: &str = "[last number]";

/// The sample's tables with rows that everybody may know of.
const PUBLIC: [&str; 9] = [
    "systemusers",
    "teams",
    "businessunits",
    "organizations",
    "products",
    "pricelevels",
    "productpricelevels",
    "transactioncurrencies",
    "uoms",
];

impl Side {
    /// An organization with these rows, and a connection with these settings for visitors.
    pub(super) async fn start(own: &Own, others: &Maker, settings: &Value) -> Side {
        let bench = Bench::start().await;
        let (mut public, mut sample) = (Vec::new(), Vec::new());
        for set in PUBLIC {
            public.extend(bench.rows(set).await);
        }
        for table in Table::ALL {
            sample.extend(bench.rows(table.set()).await);
        }
        for table in Table::ALL {
            let rows = own.maker.rows.iter().chain(&others.rows).filter(|(of, _)| *of == table);
            let rows: Vec<_> = rows.map(|(_, row)| row).collect();
            bench.control("POST", &format!("rows/{}", table.set()), Some(json!(rows))).await;
        }
        bench.control("PUT", "limits", Some(json!({"enabled": false}))).await;
        let path = "/v1/connections/default/visitors";
        let stored = bench.request("PUT", path, Some(settings.clone())).await;
        assert_eq!(stored.status, 200, "{:#}", stored.body);
        let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let contact = own.contact.clone();
        let (known, made, waiting) = Default::default();
        Side { bench, public, sample, http, contact, known, made, waiting }
    }

    /// Notes the numbers that are there before the calls that are compared.
    pub(super) async fn note_numbers(&mut self) {
        let cases = self.bench.rows("incidents").await;
        let numbers = cases.iter().filter_map(|case| case["ticketnumber"].as_str());
        self.known.extend(numbers.map(str::to_owned));
    }

    /// Makes a call. Returns the answer, and the second in which it came.
    pub(super) async fn send(&self, call: &Call) -> (Reply, i64) {
        self.bench.control("DELETE", "requests", None).await;
        let response = self.request(call).send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter().filter(|(name, _)| name.as_str() != "date");
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        let body = response.text().await.unwrap();
        let ended = Timestamp::now().as_second();
        let mut trips = self.bench.requests().await.len();
        let mut waits = if call.goes_on && status == 200 { 60 } else { 0 };
        while trips == 0 && waits > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            trips = self.bench.requests().await.len();
            waits -= 1;
        }
        (Reply { status, headers, body, trips }, ended)
    }

    /// Whether a call of this chat has waited for a yes.
    pub(super) fn has_shown(&self, chat: &str) -> bool {
        self.waiting.contains_key(chat)
    }

    fn request(&self, call: &Call) -> RequestBuilder {
        let url = self.bench.stack.url();
        let arguments = self.with_numbers(&call.arguments.to_string());
        let [id, button] = self.waiting.get(&call.chat).cloned().unwrap_or_default();
        let arguments = if call.tool == CONFIRM_TOOL {
            arguments.replace(CONFIRMATION, &id)
        } else {
            arguments
        };
        let request = if call.tool == BUTTON {
            let request = self.http.post(format!("{url}/v1/confirmations/{id}"));
            request.header("x-conversation-id", &call.chat).header("x-confirmation", button)
        } else if call.by_mcp {
            let arguments: Value = serde_json::from_str(&arguments).unwrap();
            let params = json!({
                "name": call.tool, "arguments": arguments,
                "_meta": {"x-conversation-id": call.chat, "idempotency-key": call.key},
            });
            let message =
                json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let request = self.http.post(format!("{url}/mcp")).body(message.to_string());
            request
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
        } else {
            let request = self.http.post(format!("{url}/v1/tools/{}", call.tool)).body(arguments);
            let request = request.header("x-conversation-id", &call.chat);
            match &call.key {
                Some(key) => request.header("idempotency-key", key),
                None => request,
            }
        };
        let request = request.bearer_auth(VISITOR_KEY).header("x-message-id", call.message);
        match call.who {
            Who::Address => request.header("x-visitor-email", EMAIL),
            Who::InCapitals => request.header("x-visitor-email", EMAIL.to_uppercase()),
            Who::Id => request.header("x-visitor-id", &self.contact),
            Who::Colleague => request.header("x-visitor-email", COLLEAGUES_EMAIL),
            Who::Nobody => request,
        }
    }

    /// The text with the numbers of this organization in place of the placeholders.
    fn with_numbers(&self, text: &str) -> String {
        if !text.contains('[') {
            return text.to_owned();
        }
        let last = self.made.last().map(|number| (LAST_NUMBER.to_owned(), number));
        let all = self.made.iter().enumerate().map(|(place, made)| (placeholder(place), made));
        all.chain(last)
            .fold(text.to_owned(), |text, (placeholder, number)| text.replace(&placeholder, number))
    }

    /// The answer without what may differ: the ids of requests and confirmations, and numbers that calls
    /// have made.
    pub(super) fn settled(&mut self, call: &Call, mut reply: Reply) -> Reply {
        if let Some((id, button)) = confirmation(&reply) {
            reply.body = reply.body.replace(&id, CONFIRMATION);
            if let Some(button) = button {
                reply.body = reply.body.replace(&button, "[button]");
                self.waiting.insert(call.chat.clone(), [id, button]);
            }
        }
        for (name, value) in &mut reply.headers {
            if name == "x-confirmation" {
                *value = "[button]".to_owned();
            }
        }
        for id in request_ids(&reply) {
            reply.body = reply.body.replace(&id, "[request]");
        }
        for (name, value) in &mut reply.headers {
            if name == "x-request-id" {
                *value = "[request]".to_owned();
            }
        }
        for number in numbers(&reply.body) {
            if self.known.contains(&number) {
                continue;
            }
            let place = self.made.iter().position(|made| *made == number).unwrap_or_else(|| {
                self.made.push(number.clone());
                self.made.len() - 1
            });
            reply.body = reply.body.replace(&number, &placeholder(place));
        }
        reply
    }
}

/// The id of a call that waits, if the answer is about one, and the value of the button, if it is shown
/// for the first time.
fn confirmation(reply: &Reply) -> Option<(String, Option<String>)> {
    let body: Value = serde_json::from_str(&reply.body).ok()?;
    let meta = &body["result"]["_meta"];
    let id = body["confirmation_id"].as_str();
    let id = id.or_else(|| meta["problem"]["confirmation_id"].as_str())?;
    let of_header = reply.headers.iter().find(|(name, _)| name == "x-confirmation");
    let button = of_header.map(|(_, value)| value.as_str());
    let button = button.or_else(|| meta["x-confirmation"].as_str());
    Some((id.to_owned(), button.map(str::to_owned)))
}

fn placeholder(place: usize) -> String {
    format!("[number {place}]")
}

/// The ids of the request, and of requests to Dataverse, that an answer names.
fn request_ids(reply: &Reply) -> Vec<String> {
    let of_header = reply.headers.iter().filter(|(name, _)| name == "x-request-id");
    let of_header = of_header.map(|(_, value)| value.clone());
    let of_body = reply.body.split(r#""request_id":""#).skip(1);
    let of_body = of_body.filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    of_header.chain(of_body).filter(|id| !id.is_empty()).collect()
}

/// The numbers in a text that Dataverse gives to cases and quotes: `CAS-01009-K4T7B2`.
fn numbers(text: &str) -> Vec<String> {
    const LENGTH: usize = "CAS-01009-K4T7B2".len();
    let starts = text.match_indices("CAS-").chain(text.match_indices("QUO-"));
    let mut starts: Vec<_> = starts.map(|(start, _)| start).collect();
    starts.sort_unstable();
    let is_number = |number: &&str| {
        let parts: Vec<_> = number.split('-').collect();
        let [_, digits, specifier] = parts.as_slice() else { return false };
        digits.len() == 5
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && specifier.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let found = starts.into_iter().filter_map(|start| text.get(start..start + LENGTH));
    found.filter(is_number).map(str::to_owned).collect()
}

#[test]
fn the_numbers_in_a_text() {
    let text = r#"{"a":"CAS-01009-K4T7B2","b":"CAS-1 QUO-01001-A1B2C3, CAS-01009-k4"}"#;
    assert_eq!(numbers(text), ["CAS-01009-K4T7B2", "QUO-01001-A1B2C3"]);
}
