use jiff::civil::date;
use state::{Health, Noticed, SecretExpiry, StateError, Status};

use crate::harness::{Bench, at, id};

pub fn healthy() -> Health {
    Health {
        status: Status::Healthy,
        checked_at: at("2026-11-24T09:00:00Z"),
        secret: SecretExpiry::Graph { expires_on: date(2027, 3, 31) },
        noticed: Noticed::default(),
        version: 0,
    }
}

#[tokio::test]
async fn health_is_kept_as_it_was_put() {
    let bench = Bench::start().await;
    let default = id("default");
    assert_eq!(bench.state.health(&default).await.unwrap(), None);
    let stored = bench.state.put_health(&default, healthy()).await.unwrap();
    assert_eq!(stored, Health { version: 1, ..healthy() });
    assert_eq!(bench.state.health(&default).await.unwrap(), Some(stored.clone()));

    let broken = Health {
        status: Status::Broken {
            cause: "secret_expired".to_owned(),
            step: Some(3),
            since: at("2026-11-24T09:15:00Z"),
        },
        secret: SecretExpiry::Unknown,
        noticed: Noticed {
            broken_since: Some(at("2026-11-24T08:00:00Z")),
            missing_privileges: Some(vec!["prvReadQuote".to_owned()]),
        },
        ..stored
    };
    let stored = bench.state.put_health(&default, broken.clone()).await.unwrap();
    assert_eq!(stored, Health { version: 2, ..broken });
    assert_eq!(bench.state.health(&default).await.unwrap(), Some(stored));
}

#[tokio::test]
async fn a_check_that_was_overtaken_does_not_count() {
    let bench = Bench::start().await;
    let default = id("default");
    let first = bench.state.put_health(&default, healthy()).await.unwrap();
    let late = bench.state.put_health(&default, healthy()).await;
    assert_eq!(late, Err(StateError::Conflict));
    let second = bench.state.put_health(&default, first.clone()).await.unwrap();
    assert_eq!(bench.state.put_health(&default, first).await, Err(StateError::Conflict));
    assert_eq!(bench.state.health(&default).await.unwrap(), Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_overlapping_checks_one_is_stored() {
    let bench = Bench::start().await;
    let default = id("default");
    let checks = (0..10).map(|_| bench.state.put_health(&default, healthy()));
    let stored = futures::future::join_all(checks).await;
    assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 1);
    assert_eq!(stored.iter().filter(|s| **s == Err(StateError::Conflict)).count(), 9);
}

#[tokio::test]
async fn a_check_does_not_bring_back_a_removed_connection() {
    let bench = Bench::start().await;
    let default = id("default");
    let before = bench.state.put_health(&default, healthy()).await.unwrap();
    bench.state.remove_connection(&default).await.unwrap();
    assert_eq!(bench.state.put_health(&default, before).await, Err(StateError::Conflict));
    assert_eq!(bench.state.health(&default).await.unwrap(), None);
}
