use std::sync::atomic::Ordering;

use auth::SecretExpiry;
use auth::health::{Event, Fault, Health, Noticed, SecretNotice, Status};
use jiff::civil::date;
use state::{Registration, StateError};

use crate::connections::connection;
use crate::harness::{Bench, at, id};

pub fn healthy() -> Health {
    Health {
        status: Status::Healthy,
        checked_at: at("2026-11-24T09:00:00Z"),
        secret: SecretExpiry::Graph { expires_on: date(2027, 3, 31) },
        noticed: Noticed::default(),
        pending: Vec::new(),
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
            secret_notice: Some(SecretNotice { on: date(2027, 3, 31), days: 30 }),
        },
        pending: vec![
            Event::Broken {
                fault: Fault {
                    cause: "secret_expired".to_owned(),
                    step: Some(3),
                    detail: "the client secret has expired".to_owned(),
                    action: None,
                },
                since: at("2026-11-24T09:15:00Z"),
            },
            Event::Recovered { since: at("2026-11-24T08:00:00Z") },
            Event::SecretExpires { on: date(2027, 3, 31), days_left: 0, notice: 0 },
            Event::PrivilegesLost {
                privileges: vec!["prvReadQuote".to_owned()],
                at: at("2026-11-24T08:00:00Z"),
            },
            Event::Throttled,
        ],
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

#[tokio::test]
async fn the_health_of_many_is_read_in_few_requests() {
    let bench = Bench::with_faults().await;
    let ids: Vec<_> = (0..250).map(|number| id(&format!("c-{number:03}"))).collect();
    for id in ids.iter().step_by(2) {
        bench.state.put_health(id, healthy()).await.unwrap();
    }
    bench.faults.requests.store(0, Ordering::SeqCst);
    let found = bench.state.healths(&ids).await.unwrap();
    assert_eq!(bench.faults.requests.load(Ordering::SeqCst), 3);
    assert_eq!(found.len(), 125);
    assert_eq!(found[&ids[4]], Health { version: 1, ..healthy() });
    assert!(!found.contains_key(&ids[5]));
    // What DynamoDB had no time for is asked for again, and an id that is given twice counts once.
    bench.faults.halves.store(3, Ordering::SeqCst);
    assert_eq!(bench.state.healths(&[ids.clone(), ids.clone()].concat()).await.unwrap(), found);
    bench.faults.halves.store(usize::MAX, Ordering::SeqCst);
    assert!(bench.state.healths(&ids).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn health_is_not_kept_of_a_connection_that_is_gone() {
    let bench = Bench::start().await;
    let north = connection(id("north"));
    bench.state.put_connection(&north).await.unwrap();
    let stored = bench.state.put_health_of(&north, healthy()).await.unwrap();
    assert_eq!(stored.version, 1);
    // A connection that was set up anew is another one.
    let anew = Registration { registered_at: at("2026-11-25T09:00:00Z"), ..north.clone() };
    bench.state.put_connection(&anew).await.unwrap();
    assert_eq!(bench.state.put_health_of(&north, stored).await, Err(StateError::Gone));
    assert_eq!(bench.items("connection#north").await, []);

    bench.state.remove_connection(&north.id).await.unwrap();
    assert_eq!(bench.state.put_health_of(&anew, healthy()).await, Err(StateError::Gone));
    assert_eq!(bench.items("connection#north").await, []);
}
