//! An emulator for each test, and a client that shows everything.

use dataverse_emulator::{CLIENT_ID, CLIENT_SECRET, Emulator, Options, Running, TENANT_ID};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// A running emulator with the sample data, and a token for it.
pub struct Emulated {
    running: Running,
    client: Client,
    token: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as JSON. It is null if the body is not JSON.
    pub body: Value,
    pub text: String,
}

impl Emulated {
    pub async fn start() -> Self {
        let running = Emulator::start(Options::default()).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut emulated = Self { running, client, token: String::new() };
        emulated.token = emulated.new_token().await;
        emulated
    }

    pub fn url(&self) -> String {
        self.running.url()
    }

    pub fn api(&self) -> String {
        format!("{}/api/data/v9.2", self.url())
    }

    /// The form of a successful token request.
    pub fn token_form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".into()),
            ("client_id", CLIENT_ID.into()),
            ("client_secret", CLIENT_SECRET.into()),
            ("scope", format!("{}/.default", self.url())),
        ]
    }

    /// Sends a token request. `changes` replace fields of the form. An empty value removes the
    /// field.
    pub async fn ask_for_token(&self, tenant: &str, changes: &[(&'static str, &str)]) -> Answer {
        let mut form = self.token_form();
        for (name, value) in changes {
            form.retain(|(other, _)| other != name);
            if !value.is_empty() {
                form.push((name, (*value).to_owned()));
            }
        }
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.url());
        send(self.client.post(url).form(&form)).await.unwrap()
    }

    pub async fn new_token(&self) -> String {
        let answer = self.ask_for_token(TENANT_ID, &[]).await;
        answer.expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// A token for Graph.
    pub async fn graph_token(&self) -> String {
        let scope = [("scope", "https://graph.microsoft.com/.default")];
        let answer = self.ask_for_token(TENANT_ID, &scope).await;
        answer.expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the Web API, with a token. `path` is the path below its root.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/{path}", self.api())).bearer_auth(&self.token)
    }

    /// A request to any path, without a token. `path` starts at the root.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url()))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.unwrap()
    }

    /// A GET with headers, such as `&[("prefer", "odata.maxpagesize=2")]`.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(with(self.request(Method::GET, path), headers)).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.write(Method::POST, path, &[], body).await
    }

    /// A PATCH that can only update and not create.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.write(Method::PATCH, path, &[("if-match", "*")], body).await
    }

    pub async fn write(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        send(with(self.request(method, path), headers).json(&body)).await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await.unwrap()
    }

    /// Follows a link from an answer.
    pub async fn follow(&self, link: &str, headers: &[(&str, &str)]) -> Answer {
        send(with(self.client.get(link).bearer_auth(&self.token), headers)).await.unwrap()
    }

    /// Sends a control call, which must succeed.
    pub async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        let answer = self.try_control(method, path, body).await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer
    }

    pub async fn try_control(&self, method: Method, path: &str, body: Value) -> Answer {
        send(self.bare(method, &format!("/_emulator/{path}")).json(&body)).await.unwrap()
    }

    /// The requests to Dataverse so far.
    pub async fn requests(&self) -> Vec<Value> {
        let answer = self.control(Method::GET, "requests", Value::Null).await;
        let all = answer.body["value"].as_array().unwrap();
        all.iter().filter(|entry| entry["service"] == "dataverse").cloned().collect()
    }

    /// How many rows a table has.
    pub async fn count(&self, set: &str) -> usize {
        let answer = self.control(Method::GET, &format!("rows/{set}"), Value::Null).await;
        answer.body.as_array().unwrap().len()
    }

    /// The key of the only row that a filter finds.
    pub async fn key(&self, set: &str, filter: &str) -> String {
        let query = format!("{set}?$top=2&$filter={}", encode(filter));
        let answer = self.get(&query).await;
        let rows = answer.expect(200)["value"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{set} where {filter}: {rows:#?}");
        let key = match set {
            "opportunities" => "opportunityid".to_owned(),
            "phonecalls" | "tasks" | "appointments" | "emails" => "activityid".to_owned(),
            _ => format!("{}id", set.trim_end_matches('s')),
        };
        rows[0][&key].as_str().unwrap().to_owned()
    }
}

/// Percent-encodes the value of a query option.
pub fn encode(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

pub fn with(mut request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request = request.header(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// Sends a request. The error means that there was no answer.
pub async fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, body, text })
}

impl Answer {
    /// The body of the answer, which must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        &self.body
    }

    /// Asserts a refusal in the form of Dataverse, with only this status, code and message.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, message: &str) {
        assert_eq!(
            (self.status, &self.body),
            (status, &json!({"error": {"code": code, "message": message}})),
        );
    }

    /// Asserts a refusal of which only a part of the message is known.
    #[track_caller]
    pub fn refused_with(&self, status: u16, code: &str, part_of_message: &str) {
        let error = &self.body["error"];
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(part_of_message), "{message}");
    }

    /// The value of a header, which must exist.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The key of the row in `OData-EntityId`.
    #[track_caller]
    pub fn created(&self) -> String {
        assert_eq!(self.status, 204, "{self:?}");
        let address = self.header("odata-entityid");
        let (_, key) = address.rsplit_once('(').unwrap();
        key.trim_end_matches(')').to_owned()
    }
}
