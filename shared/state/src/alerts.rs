//! Alerts that are sent once.

use std::collections::HashMap;

use auth::ConnectionId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::partitions::{ALERTS, CONNECTION};
use crate::table::{EXPIRES_AT, Expression, Item, Key, PARTITION, SORT, epoch, text};
use crate::{State, StateError};

/// The right to send an alert: nobody else has it until it expires or is released.
#[derive(Debug)]
#[must_use = "who claims an alert sends it and keeps the claim, or releases it"]
pub struct Claim {
    key: Key,
    signature: String,
}

fn key(connection: Option<&ConnectionId>, alert: &str) -> Key {
    let partition = connection.map_or_else(|| ALERTS.key.to_owned(), |id| CONNECTION.of(id));
    Key::new(partition, format!("alert#{alert}"))
}

impl State {
    /// Until when each of these alerts is claimed; `None` if it is free.
    pub async fn claimed(
        &self,
        alerts: &[(ConnectionId, String)],
    ) -> Result<Vec<Option<Timestamp>>, StateError> {
        let keys: Vec<Key> = alerts.iter().map(|(id, alert)| key(Some(id), alert)).collect();
        let items = self.table.get_all(keys.clone()).await?;
        let found: HashMap<(String, String), Timestamp> = items
            .iter()
            .filter_map(|item| Some(((text(item, PARTITION), text(item, SORT)), expiry(item)?)))
            .collect();
        let now = Timestamp::now();
        let until = |key: Key| found.get(&(key.partition, key.sort)).copied();
        Ok(keys.into_iter().map(|key| until(key).filter(|until| *until > now)).collect())
    }

    /// Claims an alert of a connection or, with `None`, one that concerns several. It returns
    /// `None` if the alert is claimed already, which means that it has been sent or is being sent.
    /// After `until`, it can be claimed again.
    pub async fn claim(
        &self,
        connection: Option<&ConnectionId>,
        alert: &str,
        until: Timestamp,
    ) -> Result<Option<Claim>, StateError> {
        let key = key(connection, alert);
        let mut item: Item = key.attributes();
        item.insert(EXPIRES_AT.to_owned(), epoch(until));
        let free = Expression::new("attribute_not_exists(#pk) OR #expires_at <= :now")
            .with("now", epoch(Timestamp::now()));
        let signature = self.table.put_if(&key, item, free).await?;
        Ok(signature.map(|signature| Claim { key, signature }))
    }

    /// Holds a claim until `until`, because the alert has been sent. This changes nothing if the
    /// claim has expired and somebody else has claimed the alert.
    pub async fn keep(&self, claim: Claim, until: Timestamp) -> Result<(), StateError> {
        let mut item: Item = claim.key.attributes();
        item.insert(EXPIRES_AT.to_owned(), epoch(until));
        let ours = Expression::new("#signature = :signature")
            .with("signature", AttributeValue::S(claim.signature));
        self.table.put_if(&claim.key, item, ours).await.map(drop)
    }

    /// Gives a claim back, because the alert could not be sent.
    pub async fn release(&self, claim: Claim) -> Result<(), StateError> {
        self.table.delete_signed(&claim.key, claim.signature).await
    }
}

fn expiry(item: &Item) -> Option<Timestamp> {
    let seconds = item.get(EXPIRES_AT)?.as_n().ok()?.parse().ok()?;
    Timestamp::from_second(seconds).ok()
}
