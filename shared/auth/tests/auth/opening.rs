//! Many connections at once, and what is kept of them.

use std::time::Duration;

use auth::ConnectionId;
use futures::future::join_all;

use crate::world::{SECRET, World, holds, timed};

fn id(number: usize) -> ConnectionId {
    format!("customer-{number}").parse().unwrap()
}

#[tokio::test]
async fn nobody_waits_for_another_connections_secret() {
    let world = World::start().await;
    let answer = holds(&world.credentials(SECRET)).set_delay(Duration::from_millis(50));
    world.secrets_manager(answer, 1_000).await;
    let ids: Vec<_> = (0..200).map(id).collect();
    let (opened, took) = timed(join_all(ids.iter().map(|id| world.connections.open(id)))).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(world.read().await, 200);
    // One after the other they would take ten seconds.
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn many_callers_of_a_connection_make_one_read() {
    let world = World::start().await;
    let answer = holds(&world.credentials(SECRET)).set_delay(Duration::from_millis(50));
    world.secrets_manager(answer, 9).await;
    let id = id(1);
    let opened = join_all((0..200).map(|_| world.connections.open(&id))).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(world.read().await, 1);
}

#[tokio::test]
async fn what_is_known_of_connections_has_a_bound() {
    let world = World::start().await;
    world.secret(SECRET, 1_000).await;
    for number in 0..501 {
        world.connections.open(&id(number)).await.unwrap();
        // In use all the time.
        world.connections.open(&id(0)).await.unwrap();
    }
    assert_eq!(world.read().await, 501);
    world.connections.open(&id(0)).await.unwrap();
    world.connections.open(&id(500)).await.unwrap();
    assert_eq!(world.read().await, 501);
    world.connections.open(&id(1)).await.unwrap();
    assert_eq!(world.read().await, 502);
}
