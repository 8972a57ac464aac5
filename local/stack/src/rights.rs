//! Refuses what AWS would refuse: requests of a role that its partitions of the table do not allow.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;
use state::{Partition, Role};

/// The role that asks, by its access key. `None` for any other key, which may do everything.
fn role(headers: &HeaderMap) -> Option<Role> {
    // AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …
    let signed = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = signed.split_once("Credential=")?;
    let (key, _) = credential.split_once('/')?;
    Role::ALL.into_iter().find(|role| role.access_key() == key)
}

/// The operation and the partition key of a request, if its role has no right to them.
pub(crate) fn exceeded(headers: &HeaderMap, operation: &str, body: &[u8]) -> Option<String> {
    let role = role(headers)?;
    let body: Value = serde_json::from_slice(body).ok()?;
    let keys = leading_keys(&body);
    let may = |key: &&str| {
        let partition = Partition::ALL.into_iter().find(|partition| partition.has(key));
        partition.is_some_and(|partition| partition.grants(role, operation))
    };
    match keys.iter().find(|key| !may(key)) {
        Some(key) => Some(format!("{operation} of {key}")),
        // The policies require a key.
        None => keys.is_empty().then(|| operation.to_owned()),
    }
}

/// The partition keys of a request, as in the condition `dynamodb:LeadingKeys`.
fn leading_keys(body: &Value) -> Vec<&str> {
    let of_item = [&body["Key"], &body["Item"]].into_iter();
    let batches = body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
    let of_batches = batches.flat_map(|requests| {
        let reads = requests["Keys"].as_array().into_iter().flatten();
        let writes = requests.as_array().into_iter().flatten();
        let writes =
            writes.flat_map(|write| [&write["PutRequest"]["Item"], &write["DeleteRequest"]["Key"]]);
        reads.chain(writes)
    });
    let of_items = of_item.chain(of_batches).map(|item| &item["pk"]);
    let of_query = &body["ExpressionAttributeValues"][":partition"];
    of_items.chain([of_query]).filter_map(|key| key["S"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(role: &str, operation: &str, body: &Value) -> Option<String> {
        let mut headers = HeaderMap::new();
        let signed = format!("AWS4-HMAC-SHA256 Credential={role}/20261124/us-east-1/dynamodb/x");
        headers.insert(AUTHORIZATION, signed.parse().unwrap());
        exceeded(&headers, operation, body.to_string().as_bytes())
    }

    fn item(key: &str) -> Value {
        json!({"pk": {"S": key}, "sk": {"S": "x"}})
    }

    #[test]
    fn a_role_reaches_the_partitions_that_grant_it() {
        let claim = json!({"Key": item("claim#1")});
        assert_eq!(asks("tools", "GetItem", &claim), None);
        assert_eq!(asks("tools", "DeleteItem", &claim), Some("DeleteItem of claim#1".to_owned()));
        assert_eq!(asks("health", "GetItem", &claim), Some("GetItem of claim#1".to_owned()));
        let list = json!({"ExpressionAttributeValues": {":partition": {"S": "connections"}}});
        assert_eq!(asks("connection", "Query", &list), None);
        assert_eq!(asks("tools", "Query", &list), Some("Query of connections".to_owned()));
        // A caller without a role is a test.
        assert_eq!(asks("local", "Query", &list), None);
    }

    #[test]
    fn every_key_of_a_batch_counts() {
        let batch = |key: &str| {
            json!({"RequestItems": {"table": [
                {"PutRequest": {"Item": item("activity#default")}},
                {"DeleteRequest": {"Key": item(key)}},
            ]}})
        };
        assert_eq!(asks("tools", "BatchWriteItem", &batch("activity#emea")), None);
        let refused = Some("BatchWriteItem of checks".to_owned());
        assert_eq!(asks("tools", "BatchWriteItem", &batch("checks")), refused);
        let reads = json!({"RequestItems": {"table": {"Keys": [item("alerts")]}}});
        let refused = Some("BatchGetItem of alerts".to_owned());
        assert_eq!(asks("connection", "BatchGetItem", &reads), refused);
        assert_eq!(asks("tools", "Scan", &json!({})), Some("Scan".to_owned()));
    }
}
