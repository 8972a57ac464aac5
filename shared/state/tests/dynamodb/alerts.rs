use aws_sdk_dynamodb::types::AttributeValue;

use state::{Outage, StateError};

use crate::harness::{Bench, at, id, now, seconds};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_may_send_an_alert() {
    let bench = Bench::start().await;
    let default = id("default");
    let until = now() + seconds(3600);
    let claims = (0..10).map(|_| bench.state.claim(Some(&default), "secret_expired", until));
    let claims = futures::future::join_all(claims).await;
    assert_eq!(claims.into_iter().filter(|claim| claim.as_ref().unwrap().is_some()).count(), 1);
}

#[tokio::test]
async fn alerts_of_different_connections_and_of_none_are_different() {
    let bench = Bench::start().await;
    let until = now() + seconds(3600);
    let (north, south) = (id("north"), id("south"));
    for connection in [Some(&north), Some(&south), None] {
        for alert in ["a", "b"] {
            let claim = bench.state.claim(connection, alert, until).await.unwrap();
            assert!(claim.is_some(), "{connection:?} {alert}");
            let again = bench.state.claim(connection, alert, until).await.unwrap();
            assert!(again.is_none(), "{connection:?} {alert}");
        }
    }
}

#[tokio::test]
async fn an_alert_that_could_not_be_sent_can_be_claimed_again() {
    let bench = Bench::start().await;
    let until = now() + seconds(3600);
    let claim = bench.state.claim(None, "heartbeat", until).await.unwrap().unwrap();
    bench.state.release(claim).await.unwrap();
    assert!(bench.state.claim(None, "heartbeat", until).await.unwrap().is_some());
}

/// DynamoDB deletes it days later.
#[tokio::test]
async fn an_expired_claim_is_none() {
    let bench = Bench::start().await;
    let past = now() - seconds(1);
    let expired = bench.state.claim(None, "heartbeat", past).await.unwrap().unwrap();
    let items = bench.items("alerts").await;
    assert_eq!(items[0]["expires_at"], AttributeValue::N(past.as_second().to_string()));

    let until = now() + seconds(3600);
    assert!(bench.state.claim(None, "heartbeat", until).await.unwrap().is_some());
    // The alert has a new claim now, which the old one does not release.
    bench.state.release(expired).await.unwrap();
    assert!(bench.state.claim(None, "heartbeat", until).await.unwrap().is_none());
}

#[tokio::test]
async fn a_kept_claim_lasts_as_long_as_it_is_kept() {
    let bench = Bench::start().await;
    let (past, until) = (now() - seconds(1), now() + seconds(3600));
    let sent = bench.state.claim(None, "heartbeat", past).await.unwrap().unwrap();
    bench.state.keep(sent, until).await.unwrap();
    assert!(bench.state.claim(None, "heartbeat", until).await.unwrap().is_none());

    // Somebody else claimed it before it was kept, and only the new claim can release it.
    let late = bench.state.claim(None, "outage", past).await.unwrap().unwrap();
    let other = bench.state.claim(None, "outage", until).await.unwrap().unwrap();
    bench.state.keep(late, past).await.unwrap();
    assert!(bench.state.claim(None, "outage", until).await.unwrap().is_none());
    bench.state.release(other).await.unwrap();
    assert!(bench.state.claim(None, "outage", until).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_claimed_is_known_of_many_at_once() {
    let bench = Bench::start().await;
    let (north, until) = (id("north"), now() + seconds(3600));
    let claims: Vec<_> = (0..150).map(|number| (north.clone(), format!("a-{number}"))).collect();
    for (id, alert) in claims.iter().step_by(3) {
        assert!(bench.state.claim(Some(id), alert, until).await.unwrap().is_some());
    }
    let past = now() - seconds(1);
    assert!(bench.state.claim(Some(&north), "a-1", past).await.unwrap().is_some());
    let claimed = bench.state.claimed(&claims).await.unwrap();
    let expected: Vec<_> = (0..150).map(|number| (number % 3 == 0).then_some(until)).collect();
    assert_eq!(claimed, expected);
}

#[tokio::test]
async fn an_outage_of_a_region_is_one_of_its_own() {
    let bench = Bench::start().await;
    let outage = |region: Option<&str>| Outage {
        region: region.map(str::to_owned),
        since: at("2026-11-24T09:00:00Z"),
    };
    assert!(bench.state.claim(None, "outage", now() + seconds(60)).await.unwrap().is_some());
    let all = [None, Some("crm.dynamics.com"), Some("crm4.dynamics.com")].map(outage);
    for one in &all {
        bench.state.begin_outage(one).await.unwrap();
        assert_eq!(bench.state.begin_outage(one).await, Err(StateError::Conflict));
    }
    assert_eq!(bench.state.outages().await.unwrap(), all);
    bench.state.end_outage(Some("crm.dynamics.com")).await.unwrap();
    bench.state.end_outage(None).await.unwrap();
    assert_eq!(bench.state.outages().await.unwrap(), all[2..]);
}
