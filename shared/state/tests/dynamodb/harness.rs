//! A table for one test.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::ConnectionId;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use state::{EntryKind, LogEntry, State};
use tokio::sync::Mutex;
use uuid::Uuid;
use winterbaume_core::{MockAws, MockRequest, MockResponse, MockService};
use winterbaume_dynamodb::DynamoDbService;

pub struct Bench {
    pub state: State,
    pub faults: Arc<Faults>,
    client: Client,
    table: String,
}

impl Bench {
    /// A table in the DynamoDB that `STATE_TEST_ENDPOINT` names, or in the stand-in.
    pub async fn start() -> Bench {
        match std::env::var("STATE_TEST_ENDPOINT") {
            Ok(url) => Bench::at_endpoint(&url).await,
            Err(_) => Bench::with_faults().await,
        }
    }

    /// A table in the stand-in, which the test can make misbehave.
    pub async fn with_faults() -> Bench {
        let faults = Arc::new(Faults::default());
        let service = Standing { service: DynamoDbService::new(), faults: faults.clone() };
        let aws = MockAws::builder().with_service(service).build();
        let config = aws.sdk_config("us-east-1").await;
        let table = table();
        let state = State::new(&config, &table);
        state.create_table().await.unwrap();
        Bench { state, faults, client: Client::new(&config), table }
    }

    async fn at_endpoint(url: &str) -> Bench {
        let table = table();
        let state = State::at_endpoint(url, &table);
        state.create_table().await.unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .region(Region::new("us-east-1"))
            .endpoint_url(url);
        Bench { state, faults: Arc::default(), client: Client::from_conf(config.build()), table }
    }

    /// All items of a partition, as DynamoDB has them.
    pub async fn items(&self, partition: &str) -> Vec<HashMap<String, AttributeValue>> {
        let query = self.client.query().table_name(&self.table);
        let condition = query
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        condition.send().await.unwrap().items.unwrap_or_default()
    }

    /// Makes somebody else put this item as soon as the list loses a connection.
    pub async fn straggler(&self, partition: &str, sort: &str) {
        let item = json!({"pk": {"S": partition}, "sk": {"S": sort}});
        let put = json!({"TableName": self.table, "Item": item});
        *self.faults.straggler.lock().await = Some(put);
    }

    /// Puts an item, whatever it holds.
    pub async fn put(&self, item: &[(&str, AttributeValue)]) {
        let item = item.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.unwrap();
    }
}

fn table() -> String {
    format!("state-{}", Uuid::new_v4())
}

/// How the stand-in misbehaves, and how many more times.
#[derive(Default)]
pub struct Faults {
    /// It does the work, but does not answer.
    pub lost_answers: AtomicUsize,
    /// It has too much to do.
    pub throttled: AtomicUsize,
    /// It leaves the second half of a batch undone.
    pub halves: AtomicUsize,
    /// It says that rights are missing.
    pub denied: AtomicUsize,
    /// How many requests it has had.
    pub requests: AtomicUsize,
    /// What somebody else puts as soon as the list loses a connection.
    pub straggler: Mutex<Option<Value>>,
    one_at_a_time: Mutex<()>,
}

impl Faults {
    fn take(count: &AtomicUsize) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }
}

struct Standing {
    service: DynamoDbService,
    faults: Arc<Faults>,
}

impl Standing {
    async fn answer(&self, mut request: MockRequest) -> MockResponse {
        // The stand-in checks a condition and writes in two steps.
        let _alone = self.faults.one_at_a_time.lock().await;
        self.faults.requests.fetch_add(1, Ordering::SeqCst);
        let target = request.headers.get("x-amz-target").unwrap().to_str().unwrap().to_owned();
        if Faults::take(&self.faults.throttled) {
            return problem(400, "ThrottlingException");
        }
        if Faults::take(&self.faults.denied) {
            return problem(400, "AccessDeniedException");
        }
        if target.ends_with(".BatchWriteItem") && Faults::take(&self.faults.halves) {
            let (done, undone) = halved(&request.body);
            request.body = done.to_string().into();
            self.service.handle(request).await;
            return MockResponse::json(200, json!({"UnprocessedItems": undone}).to_string());
        }
        if target.ends_with(".BatchGetItem") && Faults::take(&self.faults.halves) {
            let (done, undone) = halved_keys(&request.body);
            request.body = done.to_string().into();
            let answer = self.service.handle(request).await;
            let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
            answer["UnprocessedKeys"] = undone;
            return MockResponse::json(200, answer.to_string());
        }
        if target.ends_with(".Query") {
            request.body = limited(&request.body).to_string().into();
        }
        if target.ends_with(".BatchWriteItem")
            && let Some(item) = self.faults.straggler.lock().await.take()
        {
            // This comes between the two searches for what belongs to the connection.
            let mut put = request.clone();
            put.headers.insert("x-amz-target", "DynamoDB_20120810.PutItem".parse().unwrap());
            put.body = item.to_string().into();
            assert_eq!(self.service.handle(put).await.status, 200);
        }
        let answer = self.service.handle(request).await;
        if Faults::take(&self.faults.lost_answers) {
            return problem(500, "InternalServerError");
        }
        answer
    }
}

impl MockService for Standing {
    fn service_name(&self) -> &str {
        self.service.service_name()
    }

    fn url_patterns(&self) -> Vec<&str> {
        self.service.url_patterns()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

fn problem(status: u16, code: &str) -> MockResponse {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": ""});
    MockResponse::json(status, body.to_string())
}

/// A query whose answer ends early, as DynamoDB's do at 1 MB.
fn limited(body: &[u8]) -> Value {
    let mut query: Value = serde_json::from_slice(body).unwrap();
    if query["Limit"].is_null() {
        query["Limit"] = 10.into();
    }
    query
}

/// A batch whose second half is left out, and that half.
fn halved(body: &[u8]) -> (Value, Value) {
    let mut done: Value = serde_json::from_slice(body).unwrap();
    let mut undone = json!({});
    for (table, requests) in done["RequestItems"].as_object_mut().unwrap() {
        let requests = requests.as_array_mut().unwrap();
        undone[table] = requests.split_off(requests.len() / 2).into();
    }
    (done, undone)
}

/// The same for a batch of reads.
fn halved_keys(body: &[u8]) -> (Value, Value) {
    let mut done: Value = serde_json::from_slice(body).unwrap();
    let mut undone = done["RequestItems"].clone();
    for (table, request) in done["RequestItems"].as_object_mut().unwrap() {
        let keys = request["Keys"].as_array_mut().unwrap();
        undone[table]["Keys"] = keys.split_off(keys.len() / 2).into();
    }
    (done, undone)
}

pub fn id(text: &str) -> ConnectionId {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Now, to the second.
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

pub fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// A call of a tool that went well.
pub fn call(at: Timestamp, tool: &str) -> LogEntry {
    LogEntry {
        at,
        kind: EntryKind::ToolCall,
        tool: Some(tool.to_owned()),
        outcome: "ok".to_owned(),
        cause: None,
        set_up_step: None,
        code: None,
        duration_ms: 312,
        trips: 1,
        conversation: None,
        client: None,
        records: Vec::new(),
        dataverse_request_id: None,
        verified_by: None,
        visitor: None,
        contact: None,
        confirmation: None,
        request_id: Uuid::new_v4().to_string(),
    }
}
