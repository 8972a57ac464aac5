//! The table itself: keys, reads, conditional writes.

mod counts;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, DeleteRequest, KeySchemaElement, KeyType,
    KeysAndAttributes, PutRequest, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
    WriteRequest,
};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::StateError;

pub(crate) const PARTITION: &str = "pk";
pub(crate) const SORT: &str = "sk";
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// The attribute that tells which conditional write put the item there.
const SIGNATURE: &str = "signature";

/// How many writes, and how many keys to read, DynamoDB takes in one request.
const BATCH: usize = 25;
const KEYS: usize = 100;

/// The waits before the unprocessed part of a batch is sent again.
const RETRIES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_times(5)
    .with_jitter();

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) partition: String,
    pub(crate) sort: String,
}

impl Key {
    pub(crate) fn new(partition: impl Into<String>, sort: impl Into<String>) -> Key {
        Key { partition: partition.into(), sort: sort.into() }
    }

    pub(crate) fn attributes(&self) -> Item {
        HashMap::from([
            (PARTITION.to_owned(), AttributeValue::S(self.partition.clone())),
            (SORT.to_owned(), AttributeValue::S(self.sort.clone())),
        ])
    }

    /// The item with this document, under this key.
    pub(crate) fn item(
        &self,
        what: &'static str,
        document: &impl Serialize,
    ) -> Result<Item, StateError> {
        let mut item: Item =
            serde_dynamo::to_item(document).map_err(|_| StateError::Unreadable { what })?;
        item.extend(self.attributes());
        Ok(item)
    }
}

/// Reads the document of an item.
pub(crate) fn document<T: DeserializeOwned>(
    what: &'static str,
    item: Item,
) -> Result<T, StateError> {
    // The error is dropped, because it may quote a value.
    serde_dynamo::from_item(item).map_err(|_| StateError::Unreadable { what })
}

/// Reads the documents of items, and skips those that this version of the bundle does not
/// understand: an item that a later version wrote must not hide all the others.
pub(crate) fn documents<T: DeserializeOwned>(
    what: &'static str,
    items: impl IntoIterator<Item = Item>,
) -> Vec<T> {
    let understood = |item| {
        document(what, item).inspect_err(|error| tracing::error!(%error, "an item is left out"))
    };
    items.into_iter().flat_map(understood).collect()
}

/// The text of an attribute; empty if there is none.
pub(crate) fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

/// A time in the form that DynamoDB's time-to-live wants.
pub(crate) fn epoch(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}

/// A condition or filter. Every name in it is a placeholder, because DynamoDB reserves many words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expression {
    text: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Expression {
    /// Makes an expression of a text that has `#name` for an attribute, and `:value` for a value.
    pub(crate) fn new(text: &str) -> Expression {
        let mut expression = Expression { text: text.to_owned(), ..Expression::default() };
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '#')) {
            if let Some(name) = word.strip_prefix('#') {
                expression.names.insert(word.to_owned(), name.to_owned());
            }
        }
        expression
    }

    pub(crate) fn with(mut self, value: &str, is: AttributeValue) -> Expression {
        self.values.insert(format!(":{value}"), is);
        self
    }

    /// Both expressions must hold.
    pub(crate) fn and(mut self, other: Expression) -> Expression {
        if self.text.is_empty() {
            return other;
        }
        self.text = format!("{} AND {}", self.text, other.text);
        self.names.extend(other.names);
        self.values.extend(other.values);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A query for rows of one partition, in the order of their sort keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) partition: String,
    /// The first and the last sort key, both included.
    pub(crate) between: Option<(String, String)>,
    pub(crate) filter: Expression,
    pub(crate) descending: bool,
    pub(crate) consistent: bool,
    /// How many rows to read at most, whether or not they pass the filter.
    pub(crate) limit: Option<usize>,
    /// Where to start: after this sort key.
    pub(crate) after: Option<String>,
}

/// What one request found.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) items: Vec<Item>,
    /// How many rows were read, including those that did not pass the filter.
    pub(crate) read: usize,
    /// The sort key after which to go on, if there may be more.
    pub(crate) after: Option<String>,
}

/// The result of a conditional write.
#[derive(Debug)]
pub(crate) enum Put {
    /// The item was written, with this signature.
    Done(String),
    /// The condition did not hold, because of this item.
    Refused(Item),
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    client: Client,
    name: Arc<str>,
}

impl Table {
    pub(crate) fn new(client: Client, name: String) -> Table {
        Table { client, name: name.into() }
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StateError> {
        let request = self.client.get_item().table_name(&*self.name);
        let answer = request.set_key(Some(key.attributes())).consistent_read(true).send().await;
        answer.map(|found| found.item).map_err(|error| StateError::of_sdk("GetItem", &error))
    }

    pub(crate) async fn put(&self, item: Item) -> Result<(), StateError> {
        let request = self.client.put_item().table_name(&*self.name).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| StateError::of_sdk("PutItem", &error))
    }

    /// Puts the item if the condition holds, and returns its signature; otherwise returns `None`.
    pub(crate) async fn put_if(
        &self,
        key: &Key,
        item: Item,
        condition: Expression,
    ) -> Result<Option<String>, StateError> {
        Ok(match self.put_or_see(key, item, condition).await? {
            Put::Done(signature) => Some(signature),
            Put::Refused(_) => None,
        })
    }

    /// The same, but returns the item that is there if the condition does not hold.
    pub(crate) async fn put_or_see(
        &self,
        key: &Key,
        mut item: Item,
        condition: Expression,
    ) -> Result<Put, StateError> {
        let signature = Uuid::new_v4().to_string();
        item.insert(SIGNATURE.to_owned(), AttributeValue::S(signature.clone()));
        let put = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(item))
            .condition_expression(condition.text)
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Put::Done(signature)),
            Err(error) if condition_failed(&error) => {
                // A stand-in for DynamoDB may not return the item.
                let there = match item_in_the_way(error) {
                    Some(item) => item,
                    None => self.get(key).await?.unwrap_or_default(),
                };
                // If an answer was lost, the SDK asked again, and found the item that it had put.
                let is_ours = text(&there, SIGNATURE) == signature;
                Ok(if is_ours { Put::Done(signature) } else { Put::Refused(there) })
            }
            Err(error) => Err(StateError::of_sdk("PutItem", &error)),
        }
    }

    /// Deletes an item that [`Table::put_if`] put, unless another has replaced it.
    pub(crate) async fn delete_signed(
        &self,
        key: &Key,
        signature: String,
    ) -> Result<(), StateError> {
        let condition = Expression::new("#signature = :signature")
            .with("signature", AttributeValue::S(signature));
        let deleted = self
            .client
            .delete_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition.text)
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .send()
            .await;
        match deleted {
            Err(error) if !condition_failed(&error) => {
                Err(StateError::of_sdk("DeleteItem", &error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn query(&self, query: Query) -> Result<Rows, StateError> {
        let mut condition = Expression::new("#pk = :partition")
            .with("partition", AttributeValue::S(query.partition.clone()));
        if let Some((from, to)) = query.between {
            let range = Expression::new("#sk BETWEEN :from AND :to")
                .with("from", AttributeValue::S(from))
                .with("to", AttributeValue::S(to));
            condition = condition.and(range);
        }
        condition.names.extend(query.filter.names);
        condition.values.extend(query.filter.values);
        let after = query.after.map(|sort| Key::new(query.partition, sort).attributes());
        let answer = self
            .client
            .query()
            .table_name(&*self.name)
            .key_condition_expression(condition.text)
            .set_filter_expression(Some(query.filter.text).filter(|text| !text.is_empty()))
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .scan_index_forward(!query.descending)
            .consistent_read(query.consistent)
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(|error| StateError::of_sdk("Query", &error))?;
        Ok(Rows {
            read: usize::try_from(answer.scanned_count).unwrap_or_default(),
            after: answer.last_evaluated_key.map(|key| text(&key, SORT)),
            items: answer.items.unwrap_or_default(),
        })
    }

    /// Every item of a partition.
    pub(crate) async fn all(&self, partition: &str) -> Result<Vec<Item>, StateError> {
        self.all_of(Query { partition: partition.to_owned(), consistent: true, ..Query::default() })
            .await
    }

    /// Every item that a query finds, in as many requests as necessary.
    pub(crate) async fn all_of(&self, mut query: Query) -> Result<Vec<Item>, StateError> {
        let mut items = Vec::new();
        loop {
            let rows = self.query(query.clone()).await?;
            items.extend(rows.items);
            match rows.after {
                Some(sort) => query.after = Some(sort),
                None => return Ok(items),
            }
        }
    }

    /// The items that are at these keys, in any order.
    pub(crate) async fn get_all(&self, keys: Vec<Key>) -> Result<Vec<Item>, StateError> {
        // DynamoDB refuses a request that has a key twice.
        let keys: HashSet<Key> = keys.into_iter().collect();
        let keys: Vec<Item> = keys.iter().map(Key::attributes).collect();
        let mut items = Vec::new();
        for batch in keys.chunks(KEYS) {
            items.extend(self.get_batch(batch.to_vec()).await?);
        }
        Ok(items)
    }

    async fn get_batch(&self, batch: Vec<Item>) -> Result<Vec<Item>, StateError> {
        const OPERATION: &str = "BatchGetItem";
        let keys = KeysAndAttributes::builder().set_keys(Some(batch)).consistent_read(true);
        let mut left = HashMap::from([(self.name.to_string(), keys.build().map_err(incomplete)?)]);
        let mut waits = RETRIES.build();
        let mut items = Vec::new();
        loop {
            let request = self.client.batch_get_item().set_request_items(Some(left));
            let answer =
                request.send().await.map_err(|error| StateError::of_sdk(OPERATION, &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            left = answer.unprocessed_keys.unwrap_or_default();
            if left.is_empty() {
                return Ok(items);
            }
            pause(OPERATION, &mut waits).await?;
        }
    }

    /// Puts all items. No two may have the same key.
    pub(crate) async fn put_all(&self, items: Vec<Item>) -> Result<(), StateError> {
        self.write_all(items, |item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        })
        .await
    }

    /// Deletes the items at these keys.
    pub(crate) async fn delete_all(&self, keys: Vec<Key>) -> Result<(), StateError> {
        self.write_all(keys, |key| {
            let delete = DeleteRequest::builder().set_key(Some(key.attributes())).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        })
        .await
    }

    async fn write_all<T>(
        &self,
        things: Vec<T>,
        request: impl Fn(T) -> Result<WriteRequest, BuildError>,
    ) -> Result<(), StateError> {
        let requests: Vec<WriteRequest> =
            things.into_iter().map(request).collect::<Result<_, _>>().map_err(incomplete)?;
        for batch in requests.chunks(BATCH) {
            self.write_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, batch: Vec<WriteRequest>) -> Result<(), StateError> {
        const OPERATION: &str = "BatchWriteItem";
        let mut waits = RETRIES.build();
        let mut left = HashMap::from([(self.name.to_string(), batch)]);
        loop {
            let request = self.client.batch_write_item().set_request_items(Some(left));
            let answer =
                request.send().await.map_err(|error| StateError::of_sdk(OPERATION, &error))?;
            left = answer.unprocessed_items.unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            pause(OPERATION, &mut waits).await?;
        }
    }

    pub(crate) async fn create(&self) -> Result<(), StateError> {
        let text = |name| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().map_err(incomplete)
        };
        let key = |name, kind| {
            let element = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            element.build().map_err(incomplete)
        };
        let created = self
            .client
            .create_table()
            .table_name(&*self.name)
            .attribute_definitions(text(PARTITION)?)
            .attribute_definitions(text(SORT)?)
            .key_schema(key(PARTITION, KeyType::Hash)?)
            .key_schema(key(SORT, KeyType::Range)?)
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await;
        match created {
            Err(error) if error.code() != Some("ResourceInUseException") => {
                Err(StateError::of_sdk("CreateTable", &error))
            }
            _ => Ok(()),
        }
    }
}

/// Waits before the rest of a batch is sent again. An error means that there were enough tries.
async fn pause(
    operation: &'static str,
    waits: &mut impl Iterator<Item = Duration>,
) -> Result<(), StateError> {
    let Some(wait) = waits.next() else {
        let problem = "a part of the batch was left undone".to_owned();
        return Err(StateError::Unavailable { operation, problem });
    };
    tokio::time::sleep(wait).await;
    Ok(())
}

/// The map, or `None` if it is empty: DynamoDB accepts no empty map of names or values.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    Some(map).filter(|map| !map.is_empty())
}

fn item_in_the_way(error: SdkError<PutItemError, HttpResponse>) -> Option<Item> {
    match error.into_service_error() {
        PutItemError::ConditionalCheckFailedException(failed) => failed.item,
        _ => None,
    }
}

fn condition_failed<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// The error of a request that lacks a required part. It never comes, because all are given above.
fn incomplete(_: BuildError) -> StateError {
    StateError::Unreadable { what: "a request" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_names_every_attribute_it_mentions() {
        let expression = Expression::new("attribute_not_exists(#pk) OR #expires_at <= :now")
            .and(Expression::new("#sk BETWEEN :from AND :to"));
        let mut names: Vec<_> = expression.names.iter().map(|(k, v)| (&**k, &**v)).collect();
        names.sort_unstable();
        assert_eq!(names, [("#expires_at", "expires_at"), ("#pk", "pk"), ("#sk", "sk")]);
    }

    #[test]
    fn an_empty_expression_adds_nothing() {
        let both = Expression::default().and(Expression::new("#tool = :tool"));
        assert_eq!(both.text, "#tool = :tool");
    }
}
