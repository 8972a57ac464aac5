//! A stand-in for DynamoDB that is as fast with many items as with few.
//!
//! After every call, even a read, `winterbaume` copies all its data for listeners that nobody uses.
//! With an activity log of some ten thousand entries, one call took longer than the SDK waits, and
//! nothing was answered any more. So this module answers the operations that the functions use,
//! with the store and the expressions of `winterbaume`. Everything else (to create a table, or to
//! scan one by hand) is passed on to it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use winterbaume_core::{MockRequest, MockResponse, MockService as _, default_account_id};
use winterbaume_dynamodb::expr::{
    CompOp, Expr, Operand, apply_update_actions, evaluate, parse_expression,
    parse_update_expression,
};
use winterbaume_dynamodb::types::SortKeyCondition;
use winterbaume_dynamodb::{DynamoDbBackend, DynamoDbService, InMemoryDynamoDbBackend, Item};

/// The region of all data, whatever region a request names.
pub(crate) const REGION: &str = "us-east-1";

/// The tables.
pub(crate) struct Tables {
    store: Arc<dyn DynamoDbBackend>,
    service: DynamoDbService,
}

/// The fields that a request may have. A request with any other field is passed on to the service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Asked {
    table_name: String,
    item: Item,
    key: Item,
    condition_expression: Option<String>,
    key_condition_expression: Option<String>,
    filter_expression: Option<String>,
    update_expression: Option<String>,
    return_values: Option<String>,
    expression_attribute_names: HashMap<String, String>,
    expression_attribute_values: Item,
    return_values_on_condition_check_failure: Option<String>,
    limit: Option<usize>,
    scan_index_forward: Option<bool>,
    exclusive_start_key: Option<Item>,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: bool,
    request_items: HashMap<String, Value>,
}

/// The keys of one table, in a BatchGetItem.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Keys {
    keys: Vec<Item>,
    #[serde(rename = "ConsistentRead", default)]
    _consistent_read: bool,
}

/// One change of a table, in a BatchWriteItem.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
enum Change {
    #[serde(rename = "PutRequest", rename_all = "PascalCase")]
    Put { item: Item },
    #[serde(rename = "DeleteRequest", rename_all = "PascalCase")]
    Delete { key: Item },
}

impl Tables {
    pub(crate) fn new() -> Tables {
        let store: Arc<dyn DynamoDbBackend> = Arc::new(InMemoryDynamoDbBackend::new());
        Tables { service: DynamoDbService::with_backend(Arc::clone(&store)), store }
    }

    /// Answers a request. A conditional write checks and then writes: `&mut` keeps other requests
    /// out.
    pub(crate) async fn handle(&mut self, request: MockRequest) -> MockResponse {
        match self.answer(&request).await {
            Some(answer) => answer,
            // The service also knows how DynamoDB words its errors.
            None => self.service.handle(request).await,
        }
    }

    async fn answer(&self, request: &MockRequest) -> Option<MockResponse> {
        let target = request.headers.get("x-amz-target")?.to_str().ok()?;
        let operation = target.rsplit('.').next()?;
        if !OPERATIONS.contains(&operation) {
            return None;
        }
        let asked: Asked = serde_json::from_slice(&request.body).ok()?;
        match operation {
            "GetItem" => self.get(asked).await,
            "PutItem" => self.put(asked).await,
            "UpdateItem" => self.update(asked).await,
            "DeleteItem" => self.delete(asked).await,
            "Query" => self.query(asked).await,
            "BatchGetItem" => self.get_all(asked).await,
            _ => self.write_all(asked).await,
        }
    }

    async fn get(&self, asked: Asked) -> Option<MockResponse> {
        let found = self.found(&asked.table_name, &asked.key).await?;
        Some(done(found.map_or_else(|| json!({}), |item| json!({ "Item": item }))))
    }

    async fn put(&self, asked: Asked) -> Option<MockResponse> {
        if let Some(refusal) = self.refusal(&asked, &asked.item).await? {
            return Some(refusal);
        }
        let (account, region) = place();
        self.store.put_item(account, region, asked.table_name, asked.item).await.ok()?;
        Some(done(json!({})))
    }

    /// Changes an item, or makes one, and answers with all of it.
    async fn update(&self, asked: Asked) -> Option<MockResponse> {
        if asked.return_values.as_deref() != Some("ALL_NEW") {
            return None;
        }
        if let Some(refusal) = self.refusal(&asked, &asked.key).await? {
            return Some(refusal);
        }
        let (names, values) =
            (&asked.expression_attribute_names, &asked.expression_attribute_values);
        let update = asked.update_expression.as_deref()?;
        let update = parse_update_expression(update, names, values);
        let there = self.found(&asked.table_name, &asked.key).await?;
        let mut item = there.unwrap_or_else(|| asked.key.clone());
        apply_update_actions(&mut item, &update);
        let (account, region) = place();
        let put = self.store.put_item(account, region, asked.table_name, item.clone());
        put.await.ok()?;
        Some(done(json!({ "Attributes": item })))
    }

    async fn delete(&self, asked: Asked) -> Option<MockResponse> {
        if let Some(refusal) = self.refusal(&asked, &asked.key).await? {
            return Some(refusal);
        }
        let (account, region) = place();
        self.store.delete_item(account, region, asked.table_name, asked.key).await.ok()?;
        Some(done(json!({})))
    }

    async fn query(&self, asked: Asked) -> Option<MockResponse> {
        let (names, values) =
            (&asked.expression_attribute_names, &asked.expression_attribute_values);
        let condition = parse_expression(asked.key_condition_expression.as_deref()?, names, values);
        let (mut keys, mut range) = (Item::new(), None);
        split(condition.ok()?, &mut keys, &mut range)?;
        let filter = asked.filter_expression.as_deref();
        let filter = filter.map(|text| parse_expression(text, names, values)).transpose().ok()?;
        let (account, region) = place();
        let found = self.store.query(
            account,
            region,
            asked.table_name,
            keys,
            range,
            asked.limit,
            asked.scan_index_forward.unwrap_or(true),
            asked.exclusive_start_key,
            None,
        );
        let found = found.await.ok()?;
        let read = found.items.len();
        let passes = |item: &Item| filter.as_ref().is_none_or(|filter| evaluate(filter, item));
        let items: Vec<Item> = found.items.into_iter().filter(passes).collect();
        let mut answer = json!({"Count": items.len(), "ScannedCount": read, "Items": items});
        if let Some(last) = found.last_evaluated_key {
            answer["LastEvaluatedKey"] = json!(last);
        }
        Some(done(answer))
    }

    async fn get_all(&self, asked: Asked) -> Option<MockResponse> {
        let mut found = HashMap::new();
        for (table, keys) in asked.request_items {
            let Keys { keys, .. } = serde_json::from_value(keys).ok()?;
            let (account, region) = place();
            let items = self.store.batch_get_item(account, region, table.clone(), keys);
            found.insert(table, items.await.ok()?);
        }
        Some(done(json!({"Responses": found, "UnprocessedKeys": {}})))
    }

    async fn write_all(&self, asked: Asked) -> Option<MockResponse> {
        let changes: Option<Vec<(String, Vec<Change>)>> = asked
            .request_items
            .into_iter()
            .map(|(table, changes)| Some((table, serde_json::from_value(changes).ok()?)))
            .collect();
        for (table, changes) in changes? {
            let (mut puts, mut deletes) = (Vec::new(), Vec::new());
            for change in changes {
                match change {
                    Change::Put { item } => puts.push(item),
                    Change::Delete { key } => deletes.push(key),
                }
            }
            let (account, region) = place();
            self.store.batch_write_item(account, region, table, puts, deletes).await.ok()?;
        }
        Some(done(json!({"UnprocessedItems": {}})))
    }

    async fn found(&self, table: &str, key: &Item) -> Option<Option<Item>> {
        let (account, region) = place();
        self.store.get_item(account, region, table.to_owned(), key.clone()).await.ok()
    }

    /// The answer to a write whose condition is not met.
    async fn refusal(&self, asked: &Asked, key: &Item) -> Option<Option<MockResponse>> {
        let Some(text) = asked.condition_expression.as_deref() else { return Some(None) };
        let (names, values) =
            (&asked.expression_attribute_names, &asked.expression_attribute_values);
        let condition = parse_expression(text, names, values).ok()?;
        let there = self.found(&asked.table_name, key).await?.unwrap_or_default();
        if evaluate(&condition, &there) {
            return Some(None);
        }
        let mut refusal = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
        });
        let is_shown = asked.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD");
        if is_shown && !there.is_empty() {
            refusal["Item"] = json!(there);
        }
        Some(Some(MockResponse::json(400, refusal.to_string())))
    }
}

/// The operations that are answered here.
const OPERATIONS: [&str; 7] =
    ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "BatchWriteItem"];

/// The account and the region of the tables.
fn place() -> (String, String) {
    (default_account_id().to_string(), REGION.to_owned())
}

fn done(answer: Value) -> MockResponse {
    MockResponse::json(200, answer.to_string())
}

/// Splits a key condition into the values that must be equal and the range of the sort key. `None`
/// if it contains anything else.
fn split(condition: Expr, keys: &mut Item, range: &mut Option<SortKeyCondition>) -> Option<()> {
    match condition {
        Expr::And(one, other) => {
            split(*one, keys, range)?;
            split(*other, keys, range)?;
        }
        Expr::Comparison(Operand::Path(name), CompOp::Eq, Operand::Value(value)) => {
            keys.insert(name, value);
        }
        Expr::Between(Operand::Path(_), Operand::Value(from), Operand::Value(to)) => {
            *range = Some(SortKeyCondition::Between(from, to));
        }
        Expr::BeginsWith(_, Operand::Value(start)) => {
            *range = Some(SortKeyCondition::BeginsWith(start));
        }
        _ => return None,
    }
    Some(())
}
